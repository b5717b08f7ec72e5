import { randomBytes } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import type { TestProject } from "vitest/node";
import { startEmbeddedPostgres } from "../../src/cli/embedded-postgres/index.ts";
import { migrate } from "../../src/persistence/migrate.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** A server on which tests may make databases. */
    readonly postgresUrl: string;
    /** A migrated, empty database; each test file works on a copy of its own. */
    readonly templateDatabase: string;
  }
}

/** One PostgreSQL for all tests: that of TEST_DATABASE_URL, or an embedded one that leaves nothing behind. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env["TEST_DATABASE_URL"];
  const folder = mkdtempSync(join(tmpdir(), "runcast-test-"));
  // PostgreSQL does not run as root: its user must get through.
  chmodSync(folder, 0o755);
  const embedded =
    given === undefined
      ? await startEmbeddedPostgres({
          dataRoot: join(folder, "data"),
          sharedRoot: join(folder, "shared"),
          durable: false,
        })
      : null;
  const postgresUrl = given ?? embedded!.url;
  const templateDatabase = `runcast_template_${randomBytes(4).toString("hex")}`;
  await execute(postgresUrl, `create database ${templateDatabase}`);
  await migrate(databaseUrl(postgresUrl, templateDatabase));
  project.provide("postgresUrl", postgresUrl);
  project.provide("templateDatabase", templateDatabase);
  return async () => {
    await execute(postgresUrl, `drop database ${templateDatabase} with (force)`);
    await embedded?.stop();
    rmSync(folder, { recursive: true, force: true });
  };
}

function databaseUrl(server: string, name: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
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
