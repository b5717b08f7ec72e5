import pg from "pg";
import { DATABASE } from "./cluster-settings.ts";
import { EmbeddedPostgresError, hasErrorCode } from "./errors.ts";

const UNDEFINED_DATABASE = "3D000";
const WRONG_PASSWORD = "28P01";
const DUPLICATE_DATABASE = "42P04";

/** @param urlOf gives the address of a database of the running server */
export async function ensureDatabase(urlOf: (database: string) => string): Promise<void> {
  try {
    await runIn(urlOf(DATABASE), "select 1");
  } catch (error) {
    if (hasErrorCode(error, WRONG_PASSWORD)) throw passwordRefused(error);
    if (!hasErrorCode(error, UNDEFINED_DATABASE)) throw error;
    await createDatabase(urlOf("postgres"));
  }
}

async function createDatabase(url: string): Promise<void> {
  try {
    await runIn(url, `create database ${pg.escapeIdentifier(DATABASE)}`);
  } catch (error) {
    if (!hasErrorCode(error, DUPLICATE_DATABASE)) throw error;
  }
}

async function runIn(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

function passwordRefused(cause: unknown): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    "DATA_DIRECTORY_BROKEN",
    "The embedded PostgreSQL refuses the password that lies beside its data directory: restore that file.",
    { cause },
  );
}
