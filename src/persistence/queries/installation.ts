import type { Queryable, Statement } from "./queryable.ts";

const SIGNING_KEY: Statement = {
  name: "signing-key",
  text: `select signing_key as "signingKey" from installation`,
};

/** What links to files and the tokens of tasks are signed with; made once, when the database was. */
export async function readSigningKey(source: Queryable): Promise<Buffer> {
  const [row] = await source.query<{ signingKey: Buffer }>(SIGNING_KEY, []);
  return row!.signingKey;
}
