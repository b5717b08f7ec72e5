import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { expect, it } from "vitest";
import { isAlive, pidIn, startStub, task, temporaryDirectory, until, workspaceOf } from "./harness.ts";
import { spawnRunner } from "./runner-process.ts";

const SOURCE = fileURLToPath(new URL("../../src", import.meta.url));

/** The runner as it is shipped: JavaScript, without a loader and without any package at hand. */
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
  const folder = join(target, "src", "runner");
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(join(SOURCE, "runner"))) {
    const text = readFileSync(join(SOURCE, "runner", name), "utf8");
    const { outputText } = ts.transpileModule(text, { compilerOptions });
    writeFileSync(join(folder, name.replace(/\.ts$/, ".js")), outputText);
  }
  return join(folder, "main.js");
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
