import { randomBytes } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { startEmbeddedPostgres } from "../../src/cli/embedded-postgres/index.ts";
import { migrate } from "../../src/persistence/migrate.ts";
import { scratchFolder } from "./scratch-folder.ts";

export interface TestPostgres extends AsyncDisposable {
  /** Of a database on the server from which others may be made. */
  readonly url: string;
}

/** The server of TEST_DATABASE_URL, or an embedded one that leaves nothing behind. */
export async function startTestPostgres(): Promise<TestPostgres> {
  const given = process.env["TEST_DATABASE_URL"];
  if (given !== undefined) return { url: given, [Symbol.asyncDispose]: async () => undefined };
  const folder = mkdtempSync(join(scratchFolder(), "runcast-test-"));
  // PostgreSQL does not run as root: its user must get through.
  chmodSync(folder, 0o755);
  const places = { dataRoot: join(folder, "data"), sharedRoot: join(folder, "shared") };
  const postgres = await startEmbeddedPostgres({ ...places, durable: false });
  return {
    url: postgres.url,
    async [Symbol.asyncDispose]() {
      await postgres.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A freshly migrated database, for as long as `use` takes. */
export async function withTestDatabase(use: (url: string) => Promise<void>): Promise<void> {
  const postgres = await startTestPostgres();
  const name = `runcast_fresh_${randomBytes(4).toString("hex")}`;
  try {
    await execute(postgres.url, `create database ${name}`);
    const url = databaseOn(postgres.url, name);
    await migrate(url);
    await use(url);
    await execute(postgres.url, `drop database ${name} with (force)`);
  } finally {
    await postgres[Symbol.asyncDispose]();
  }
}

export function databaseOn(server: string, name: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}

export async function execute(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
