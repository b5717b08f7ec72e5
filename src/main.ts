#!/usr/bin/env node
// graphql-js checks types at every step in development mode. Set before it is loaded, hence the dynamic import.
process.env["NODE_ENV"] ??= "production";

const { runCli } = await import("./cli/cli.ts");

await runCli(process.argv);
