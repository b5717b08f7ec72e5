import { randomBytes } from "node:crypto";
import type { TestProject } from "vitest/node";
import { migrate } from "../../src/persistence/migrate.ts";
import { databaseOn, execute, startTestPostgres } from "./postgres.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** A server on which tests may make databases. */
    readonly postgresUrl: string;
    /** A migrated, empty database; each test file works on a copy of its own. */
    readonly templateDatabase: string;
  }
}

/** One PostgreSQL server for all tests that need one. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const postgres = await startTestPostgres();
  const templateDatabase = `runcast_template_${randomBytes(4).toString("hex")}`;
  await execute(postgres.url, `create database ${templateDatabase}`);
  await migrate(databaseOn(postgres.url, templateDatabase));
  project.provide("postgresUrl", postgres.url);
  project.provide("templateDatabase", templateDatabase);
  return async () => {
    await execute(postgres.url, `drop database ${templateDatabase} with (force)`);
    await postgres[Symbol.asyncDispose]();
  };
}
