import { readdirSync, readFileSync } from "node:fs";
import type { DataSource } from "typeorm";
import { createDataSource } from "./data-source.ts";

/** Any number, the same for every version of Runcast: it keeps two processes from migrating at once. */
const MIGRATION_LOCK = 7_263_041;
const FUNCTIONS = new URL("./functions/", import.meta.url);
/** Partitions exist this many months ahead; a duty keeps it so. */
export const PARTITION_MONTHS_AHEAD = 2;

/**
 * Brings the database up to date: migrations, then the hot functions. These are replaced as a whole each time,
 * so that their files always show what runs. Safe to call from many processes at once.
 * @returns names of the migrations that ran
 */
export async function migrate(url: string): Promise<string[]> {
  const dataSource = await createDataSource({ url, poolSize: 2, timeouts: false }).initialize();
  try {
    const lock = dataSource.createQueryRunner();
    try {
      await lock.query("select pg_advisory_lock($1)", [MIGRATION_LOCK]);
      const ran = await dataSource.runMigrations();
      await replaceFunctions(dataSource);
      await dataSource.query("select ensure_run_partitions(now(), $1)", [PARTITION_MONTHS_AHEAD]);
      return ran.map(({ name }) => name);
    } finally {
      await lock.query("select pg_advisory_unlock($1)", [MIGRATION_LOCK]);
      await lock.release();
    }
  } finally {
    await dataSource.destroy();
  }
}

async function replaceFunctions(dataSource: DataSource): Promise<void> {
  const files = readdirSync(FUNCTIONS).filter((file) => file.endsWith(".sql"));
  await dataSource.transaction(async (manager) => {
    for (const file of files.sort()) {
      await manager.query(readFileSync(new URL(file, FUNCTIONS), "utf8"));
      // PostgreSQL refuses other names or columns itself, but keeps other parameter types as a second function.
      const name = file.replace(".sql", "").replaceAll("-", "_");
      const found = await manager.query<unknown[]>(
        "select from pg_proc where proname = $1 and pronamespace = current_schema()::regnamespace",
        [name],
      );
      if (found.length > 1) throw new Error(`${name} has other parameters than before: it needs a new name`);
    }
  });
}
