import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { scratchFolder } from "./test/support/scratch-folder.ts";

// Here, so that the workers and everything that they start inherit it.
process.env["TMPDIR"] = scratchFolder();

/** Folders whose tests look at functions alone. */
const PURE = ["domain", "definitions", "test-reports"];
/** Folders whose tests need no database; the remaining ones share one PostgreSQL server. */
const UNIT = ["config", "client", "cli-progress", "runner", "embedded-postgres"];

const testsIn = (folders: string[]) => folders.map((folder) => `test/${folder}/**/*.test.ts`);

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
      // A module graph for each file would cost more than most of these files, and they have no state to share.
      { extends: true, test: { name: "pure", isolate: false, include: testsIn(PURE) } },
      { extends: true, test: { name: "unit", include: testsIn(UNIT) } },
      {
        extends: true,
        test: {
          name: "server",
          // Here it would cost half of the time. Files share nothing but the modules.
          isolate: false,
          include: ["test/**/*.test.ts"],
          exclude: testsIn([...PURE, ...UNIT]),
          globalSetup: "test/support/global-setup.ts",
        },
      },
    ],
  },
});
