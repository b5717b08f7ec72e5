import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { expect, it } from "vitest";
import { isAlive, pidIn, startStub, task, temporaryDirectory, until, workspaceOf } from "./harness.ts";
import { spawnRunner } from "./runner-process.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** What the runner is made of; see the layers in docs/architecture.md. */
const FOLDERS = ["runner", "domain", "test-reports"];

/** The runner as it is shipped: JavaScript, without a loader. */
async function compileRunner(): Promise<string> {
  const target = await temporaryDirectory();
  writeFileSync(join(target, "package.json"), '{ "type": "module", "version": "9.8.7" }');
  const compilerOptions = {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.ESNext,
    verbatimModuleSyntax: true,
    useDefineForClassFields: false,
    rewriteRelativeImportExtensions: true,
  };
  symlinkSync(join(ROOT, "node_modules"), join(target, "node_modules"));
  for (const file of FOLDERS.flatMap(sourcesIn)) {
    const { outputText } = ts.transpileModule(readFileSync(join(ROOT, file), "utf8"), { compilerOptions });
    mkdirSync(dirname(join(target, file)), { recursive: true });
    writeFileSync(join(target, file.replace(/\.ts$/, ".js")), outputText);
  }
  return join(target, "src", "runner", "main.js");
}

function sourcesIn(folder: string): string[] {
  return readdirSync(join(ROOT, "src", folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join("src", folder, name));
}

it("the compiled runner works alone, and its compiled reaper kills what it leaves", async () => {
  const stub = await startStub();
  const runner = await spawnRunner(stub.url, {}, { program: [await compileRunner()] });
  const granted = task("setsid sleep 300 & echo $! > child; echo $$ > self; sleep 300");
  stub.offer(granted);
  const workspace = workspaceOf(runner.workDirectory, granted);
  const pids = [await pidIn(join(workspace, "child")), await pidIn(join(workspace, "self"))];
  expect(stub.registrations).toMatchObject([{ version: "9.8.7" }]);
  expect(pids.map(isAlive)).toEqual([true, true]);
  runner.child.kill("SIGKILL");
  await until("both dead", () => !pids.some(isAlive));
});
