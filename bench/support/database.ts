import { randomBytes } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { startEmbeddedPostgres } from "../../src/cli/embedded-postgres/index.ts";
import { migrate } from "../../src/persistence/migrate.ts";

export interface TemporaryFolder extends Disposable {
  readonly path: string;
}

export function openTemporaryFolder(): TemporaryFolder {
  const path = mkdtempSync(join(tmpdir(), "runcast-bench-"));
  // PostgreSQL does not run as root: its user must get through.
  chmodSync(path, 0o755);
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

export interface Postgres extends AsyncDisposable {
  readonly url: string;
  /** Which server this is, for the report. */
  readonly kind: string;
}

/** The server of BENCH_DATABASE_URL, or an embedded one with the settings it has in production. */
export async function openPostgres(folder: string): Promise<Postgres> {
  const given = process.env["BENCH_DATABASE_URL"];
  if (given !== undefined) {
    return { url: given, kind: "of BENCH_DATABASE_URL", [Symbol.asyncDispose]: async () => undefined };
  }
  const embedded = await startEmbeddedPostgres({
    dataRoot: join(folder, "data"),
    sharedRoot: join(folder, "shared"),
  });
  return { url: embedded.url, kind: "embedded, durable", [Symbol.asyncDispose]: embedded.stop };
}

export interface BenchDatabase extends AsyncDisposable {
  readonly url: string;
}

/** A migrated, empty database that is dropped in the end. */
export async function createDatabase({ url: server }: Postgres): Promise<BenchDatabase> {
  const name = `runcast_bench_${randomBytes(6).toString("hex")}`;
  await execute(server, `create database ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  const drop = async (): Promise<void> => await execute(server, `drop database ${name} with (force)`);
  try {
    await migrate(url.href);
  } catch (error) {
    await drop();
    throw error;
  }
  return { url: url.href, [Symbol.asyncDispose]: drop };
}

async function execute(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
