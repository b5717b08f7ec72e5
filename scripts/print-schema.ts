/** Writes schema/schema.graphql from the code; with --check it compares instead, for `npm run check`. */
import { readFileSync, writeFileSync } from "node:fs";
import { lexicographicSortSchema, printSchema } from "graphql";
import { buildApiSchema } from "../src/graphql/schema.ts";

const file = new URL("../schema/schema.graphql", import.meta.url);
const printed = `${printSchema(lexicographicSortSchema(buildApiSchema()))}\n`;
if (!process.argv.includes("--check")) {
  writeFileSync(file, printed);
} else if (readFileSync(file, "utf8") !== printed) {
  console.error("schema/schema.graphql is not what the code defines; run: npm run schema");
  process.exitCode = 1;
}
