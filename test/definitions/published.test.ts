import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { faultsOf } from "./marked.ts";

test.each(readdirSync("examples").filter((file) => file.endsWith(".yaml")))(
  "examples/%s has no faults",
  (file) => {
    expect(faultsOf(readFileSync(`examples/${file}`, "utf8"))).toEqual([]);
  },
);

test("the example of the reference has no faults", () => {
  const page = readFileSync("docs/workflow-file.md", "utf8");
  const [example] = /(?:^ {4}.*\n)+/m.exec(page)!;
  expect(example).toContain("stages:");
  expect(faultsOf(example.replaceAll(/^ {4}/gm, ""))).toEqual([]);
});

test("the published JSON Schema and the reference are those of the model", () => {
  const check = spawnSync(
    process.execPath,
    ["--import", "tsx", "scripts/print-definition-schema.ts", "--check"],
    {
      encoding: "utf8",
      timeout: 25_000,
    },
  );
  expect(check).toMatchObject({ stderr: "", status: 0 });
});
