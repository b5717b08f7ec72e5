import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Engine } from "../orchestration/transition.ts";
import { createToken, type NewToken } from "../persistence/account-store.ts";
import { findToken } from "../persistence/queries/people.ts";

/** The tokens of a stack on one's own machine: they stay the same from start to start. */
export interface Credentials {
  readonly admin: string;
  readonly runner: string;
}

const NAME = "credentials.json";
const ADMIN: NewToken = {
  username: "admin",
  type: "USER",
  systemAdmin: true,
  membership: null,
  onlyProjectId: null,
  description: "runcast dev",
  expiresAt: null,
};
const RUNNER: NewToken = { ...ADMIN, username: "local-runner", type: "RUNNER", systemAdmin: false };

/** Reads the stack's tokens, or makes those that are missing or not valid in this database. */
export async function openCredentials(dataDir: string, engine: Engine): Promise<Credentials> {
  const file = join(dataDir, NAME);
  const stored = readStored(file);
  const credentials = {
    admin: await validOrNew(engine, stored.admin, ADMIN),
    runner: await validOrNew(engine, stored.runner, RUNNER),
  };
  writeFileSync(file, JSON.stringify(credentials), { mode: 0o600 });
  return credentials;
}

function readStored(file: string): Partial<Credentials> {
  if (!existsSync(file)) return {};
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Partial<Credentials>;
  } catch {
    return {};
  }
}

async function validOrNew(
  { database, clock }: Engine,
  token: string | undefined,
  wanted: NewToken,
): Promise<string> {
  const valid = token !== undefined && (await findToken(database, token, clock.now())) !== null;
  if (valid) return token;
  return await database.transaction(async (transaction) => await createToken(transaction, wanted, clock));
}
