import { expect } from "vitest";
import type { TestDatabase } from "../support/database.ts";

/** Whose rows come and go without anybody's command: sessions are leased, partitions only hold rows. */
const TABLES = `select tablename as name from pg_tables
  where schemaname = 'public' and tablename <> 'migrations' order by 1`;

/** How many rows each table has, and which of its rows were written last. */
export async function tableCounts(database: TestDatabase): Promise<Record<string, string>> {
  const tables = await database.query<{ name: string }>(TABLES);
  const counts = tables.map(
    ({ name }) =>
      `select '${name}' as name, count(*) || ' rows, newest ' || coalesce(max(xmin::text::bigint), 0) as rows from "${name}"`,
  );
  const rows = await database.query<{ name: string; rows: string }>(counts.join(" union all "));
  return Object.fromEntries(rows.map(({ name, rows }) => [name, rows]));
}

/** Fails when `act` inserts, changes or deletes a row anywhere. */
export async function expectNothingWritten<Answer>(
  database: TestDatabase,
  act: () => Promise<Answer>,
): Promise<Answer> {
  const before = await tableCounts(database);
  const answer = await act();
  expect(await tableCounts(database)).toEqual(before);
  return answer;
}
