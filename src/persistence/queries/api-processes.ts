import { randomBytes } from "node:crypto";
import type { Queryable, Statement } from "./queryable.ts";

const PREFIX = "runcast api ";

/** What an API process calls itself to the database, so that it can be told from others on any host. */
export function apiProcessName(): string {
  return PREFIX + randomBytes(6).toString("hex");
}

const OTHERS: Statement = {
  name: "other-api-processes",
  text: `select count(distinct application_name)::int as others from pg_stat_activity
    where datname = current_database() and application_name <> current_setting('application_name')
      and starts_with(application_name, $1)`,
};

/** How many other API processes have connections to this database now. */
export async function countOtherApiProcesses(source: Queryable): Promise<number> {
  const [row] = await source.query<{ others: number }>(OTHERS, [PREFIX]);
  return row!.others;
}
