import type { Queryable, Statement } from "./queryable.ts";

const PING: Statement = { name: "ping", text: "select 1" };
const CLOCK: Statement = { name: "clock", text: "select extract(epoch from clock_timestamp()) * 1000 as ms" };

/** Throws unless the database answers. */
export async function ping(source: Queryable): Promise<void> {
  await source.query(PING, []);
}

/** The database's time, in milliseconds since 1970. */
export async function databaseTime(source: Queryable): Promise<number> {
  const [row] = await source.query<{ ms: string }>(CLOCK, []);
  return Number(row!.ms);
}
