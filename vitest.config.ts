import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { scratchFolder } from "./test/support/scratch-folder.ts";

// Here, so that the workers and everything that they start inherit it.
process.env["TMPDIR"] = scratchFolder();

/** Folders whose tests need no database; the others share one PostgreSQL server. */
const UNIT = [
  "domain",
  "definitions",
  "config",
  "client",
  "cli-progress",
  "runner",
  "embedded-postgres",
  "test-reports",
];

export default defineConfig({
  resolve: {
    // Without this, ESM and CommonJS importers load two copies of graphql ("another module or realm").
    alias: [{ find: /^graphql$/, replacement: "graphql/index.js" }],
  },
  test: {
    pool: "forks",
    // The default leaves a core to the file watcher: of two cores that is half, and tests mostly wait.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // Tests wait for conditions; this only ends what hangs.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    projects: [
      { extends: true, test: { name: "unit", include: UNIT.map((folder) => `test/${folder}/**/*.test.ts`) } },
      {
        extends: true,
        test: {
          name: "server",
          // A fresh module graph for each file would cost half of the time. Files share nothing but the modules.
          isolate: false,
          include: ["test/**/*.test.ts"],
          exclude: UNIT.map((folder) => `test/${folder}/**`),
          globalSetup: "test/support/global-setup.ts",
        },
      },
    ],
  },
});
