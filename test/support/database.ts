import { randomBytes } from "node:crypto";
import pg from "pg";
import { inject } from "vitest";
import { databaseOn, execute } from "./postgres.ts";

export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
  /** For looking at what is stored, past the API. */
  query<Row extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]>;
}

/** A migrated database of the test's own, copied from the template in about 15 ms (500 ms where its files are on a slow disk). */
export async function createTestDatabase(): Promise<TestDatabase> {
  const server = inject("postgresUrl");
  const name = `runcast_test_${randomBytes(6).toString("hex")}`;
  await execute(server, `create database ${name} template ${inject("templateDatabase")}`);
  const url = databaseOn(server, name);
  const pool = new pg.Pool({ connectionString: url, max: 4 });
  // The server may cut a connection that is just ending; without a listener that would end the process.
  pool.on("error", () => undefined);
  return {
    url,
    async query<Row extends pg.QueryResultRow>(text: string, values: unknown[] = []) {
      return (await pool.query<Row>(text, values)).rows;
    },
    async [Symbol.asyncDispose]() {
      await pool.end();
      await execute(server, `drop database ${name} with (force)`);
    },
  };
}
