import { migrate as migrateDatabase } from "../../persistence/migrate.ts";
import { readConfig } from "./context.ts";

export async function migrate(): Promise<void> {
  const { databaseUrl } = readConfig();
  if (databaseUrl === null) throw new Error("migrate needs DATABASE_URL");
  const ran = await migrateDatabase(databaseUrl);
  process.stdout.write(ran.length === 0 ? "the database is up to date\n" : `migrated: ${ran.join(", ")}\n`);
}
