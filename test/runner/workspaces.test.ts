import { existsSync, mkdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { startStub, startTestRunner, task, temporaryDirectory, until, workspaceOf } from "./harness.ts";

function age(path: string): void {
  const longAgo = new Date(Date.now() - 48 * 3_600_000);
  utimesSync(path, longAgo, longAgo);
}

it("directories of runs that nobody has used for a day are removed, at the start and later; used ones stay", async () => {
  const stub = await startStub();
  const workDirectory = await temporaryDirectory();
  const old = join(workDirectory, "runs", "run_old");
  const recent = join(workDirectory, "runs", "run_recent");
  for (const path of [old, recent]) {
    mkdirSync(join(path, "workspace"), { recursive: true });
    writeFileSync(join(path, "workspace", "file"), "");
  }
  age(old);
  await startTestRunner({ workDirectory, timing: { workspaceSweepMs: 50 } }, stub);
  await until("the old one is removed", () => !existsSync(old));
  expect(existsSync(recent)).toBe(true);

  const granted = task("touch here; while [ -e here ]; do sleep 0.02; done");
  const workspace = workspaceOf(workDirectory, granted);
  stub.offer(granted);
  await until("a step runs", () => existsSync(join(workspace, "here")));
  age(join(workspace, ".."));
  // Two removals one after the other: between them lies a look at every directory.
  for (const path of [recent, old]) {
    mkdirSync(path, { recursive: true });
    age(path);
    await until("another is removed", () => !existsSync(path));
  }
  expect(existsSync(join(workspace, "here"))).toBe(true);
  rmSync(join(workspace, "here"));
  await until("the step's end", () => stub.outcome(granted) === "SUCCEEDED");
});
