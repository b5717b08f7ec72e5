import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: {
    // Without this, ESM and CommonJS importers load two copies of graphql ("another module or realm").
    alias: [{ find: /^graphql$/, replacement: "graphql/index.js" }],
  },
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    globalSetup: "test/support/global-setup.ts",
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
