import type { Queryable, Statement } from "./queryable.ts";

const SIGNING_KEY: Statement = {
  name: "signing-key",
  text: `select signing_key as "signingKey" from installation`,
};

const ID: Statement = {
  name: "installation-id",
  text: `select (select system_identifier from pg_control_system())::text || '.' || oid::text as id
    from pg_database where datname = current_database()`,
};

/** Tells this database from all others, also from those on the same server. The same after a failover. */
export async function readInstallationId(source: Queryable): Promise<string> {
  const [row] = await source.query<{ id: string }>(ID, []);
  return row!.id;
}

/** What links to files and the tokens of tasks are signed with; made once, when the database was. */
export async function readSigningKey(source: Queryable): Promise<Buffer> {
  const [row] = await source.query<{ signingKey: Buffer }>(SIGNING_KEY, []);
  return row!.signingKey;
}
