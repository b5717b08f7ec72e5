import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { isAlive, pidIn, runTask, startTestRunner, task, until, workspaceOf } from "./harness.ts";

describe("cancel", () => {
  it("ends a step that ignores SIGTERM and its setsid child after the grace, and reports when both are dead", async () => {
    const here = await startTestRunner({ capacity: 1 });
    const granted = task(
      "trap '' TERM; setsid sleep 300 & echo $! > child; echo $$ > self; while :; do sleep 0.1; done",
      {
        graceMs: 300,
      },
    );
    here.stub.offer(granted);
    const workspace = workspaceOf(here.workDirectory, granted);
    const pids = [await pidIn(join(workspace, "child")), await pidIn(join(workspace, "self"))];
    expect(pids.map(isAlive)).toEqual([true, true]);
    const canceledAt = Date.now();
    here.stub.cancel(granted);
    await until("the report", () => here.stub.finished(granted) !== undefined);
    expect(pids.map(isAlive)).toEqual([false, false]);
    expect(Date.now() - canceledAt).toBeGreaterThanOrEqual(290);
    expect(here.stub.finished(granted)).toMatchObject({
      outcome: "ABORTED",
      exitCode: null,
      error: "canceled",
    });
    expect(
      here.stub.claims.every(({ max }, index) => index === 0 || max === 0 || here.stub.outcome(granted)),
    ).toBe(true);
  });

  it("lets a step end itself within the grace and keeps its exit code", async () => {
    const here = await startTestRunner();
    const granted = task("trap 'echo bye; exit 5' TERM; touch ready; while :; do sleep 0.05; done");
    here.stub.offer(granted);
    await until("a start", () => here.stub.reportsOf(granted).length === 1);
    await until("its trap", () => existsSync(join(workspaceOf(here.workDirectory, granted), "ready")));
    here.stub.cancel(granted);
    await until("the report", () => here.stub.finished(granted) !== undefined);
    expect(here.stub.finished(granted)).toMatchObject({ outcome: "ABORTED", exitCode: 5 });
    await until("its last words", () => here.stub.lines(granted, "stdout").includes("bye"));
  });

  it("sends every process SIGTERM once", async () => {
    const here = await startTestRunner();
    const count =
      "trap 'echo term >> terms' TERM; echo ready >> ready; while [ ! -e stop ]; do sleep 0.05; done";
    const granted = task(`setsid sh -c "${count}" & sh -c "${count}" & wait; wait; wait`, {
      graceMs: 500,
    });
    here.stub.offer(granted);
    const workspace = workspaceOf(here.workDirectory, granted);
    const linesOf = (file: string) => (existsSync(file) ? readFileSync(file, "utf8") : "");
    await until("both traps are set", () => linesOf(join(workspace, "ready")) === "ready\nready\n");
    here.stub.cancel(granted);
    await until("the report", () => here.stub.finished(granted) !== undefined);
    expect(linesOf(join(workspace, "terms"))).toBe("term\nterm\n");
  });

  it("by force kills at once, also when it follows a graceful one", async () => {
    const here = await startTestRunner();
    for (const before of [[], ["GRACEFUL"]] as const) {
      const granted = task("trap '' TERM; echo $$ > self; while :; do sleep 0.1; done", { graceMs: 60_000 });
      here.stub.offer(granted);
      const pid = await pidIn(join(workspaceOf(here.workDirectory, granted), "self"));
      for (const mode of before) here.stub.cancel(granted, mode);
      here.stub.cancel(granted, "FORCE");
      await until("the report", () => here.stub.outcome(granted) === "ABORTED");
      expect(isAlive(pid)).toBe(false);
    }
  });

  it("that comes before its task gives the task back unstarted", async () => {
    const here = await startTestRunner();
    const granted = task("touch started");
    here.stub.cancel(granted);
    await until("it was heard", () => here.stub.heartbeats.length > 1);
    here.stub.offer(granted);
    await until("the release", () => here.stub.reportsOf(granted).length > 0);
    expect(here.stub.reportsOf(granted).map(({ kind }) => kind)).toEqual(["RELEASED"]);
    expect((await runTask(here, { ...granted, fence: 2 })).outcome).toBe("SUCCEEDED");
  });

  it("repeated by the server does not make the runner ask without pause", async () => {
    const here = await startTestRunner();
    const granted = task("trap '' TERM; while :; do sleep 0.1; done", { graceMs: 600 });
    here.stub.offer(granted);
    await until("a start", () => here.stub.reportsOf(granted).length === 1);
    const before = here.stub.claims.length;
    here.stub.cancel(granted);
    await until("the report", () => here.stub.outcome(granted) === "ABORTED");
    expect(here.stub.claims.length - before).toBeLessThan(8);
  });
});
