import { execFileSync } from "node:child_process";
import { access, chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { onTestFinished } from "vitest";
import {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from "../../src/cli/embedded-postgres/index.ts";

export const IS_ROOT = process.getuid?.() === 0;

/** Not root, whoever runs the tests; empty = the user of the tests is ordinary already. */
export function ordinaryUser(): { uid?: number; gid?: number } {
  if (!IS_ROOT) return {};
  const id = (flag: string): number => Number(execFileSync("id", [flag, "nobody"], { encoding: "utf8" }));
  return { uid: id("-u"), gid: id("-g") };
}

/** A folder that every user may enter, so that PostgreSQL reaches it also when the tests run as root. */
export async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "runcast-postgres-"));
  await chmod(folder, 0o755);
  return folder;
}

/** A server whose owner was killed may still be writing its last files there. */
export async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 30, retryDelay: 100 });
}

export async function folderOfTest(): Promise<string> {
  const folder = await makeFolder();
  onTestFinished(() => removeFolder(folder));
  return folder;
}

/** Throw-away unless told otherwise, stopped when the test ends, and never outside of the test's folder. */
export async function startForTest(
  folder: string,
  options: Partial<EmbeddedPostgresOptions> = {},
): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({
    dataRoot: join(folder, ".runcast"),
    sharedRoot: join(folder, "shared"),
    durable: false,
    ...options,
  });
  onTestFinished(() => server.stop());
  return server;
}

export async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

export async function writeProof(url: string): Promise<void> {
  await query(url, "create table proof (word text); insert into proof values ('kept')");
}

export async function readProof(url: string): Promise<unknown> {
  return (await query(url, "select word from proof"))[0]?.["word"];
}

export async function serverPid(dataDirectory: string): Promise<number> {
  return Number((await readFile(join(dataDirectory, "postmaster.pid"), "utf8")).split("\n")[0]);
}

/** Looks again until it holds; the deadline only ends a test that has failed. */
export async function eventually(
  what: string,
  holds: () => Promise<boolean>,
  withinMs = 20_000,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
    await delay(5);
  }
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
