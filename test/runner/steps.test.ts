import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  isAlive,
  pidIn,
  runTask,
  startTestRunner,
  type TestRunner,
  task,
  until,
  workspaceOf,
} from "./harness.ts";

describe("a step", () => {
  let here: TestRunner;

  beforeEach(async () => {
    vi.stubEnv("RUNCAST_TOKEN", "must not be seen");
    vi.stubEnv("LC_TIME", "C");
    vi.stubEnv("npm_config_color", "false");
    here = await startTestRunner();
  });
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it("succeeds: started, finished, its output in the log with length and checksum", async () => {
    const granted = task("echo hello; echo problem >&2; printf 'no newline'");
    const report = await runTask(here, granted);
    expect(report).toMatchObject({ outcome: "SUCCEEDED", exitCode: 0, error: null, output: null });
    expect(here.stub.reportsOf(granted).map(({ kind }) => kind)).toEqual(["STARTED", "FINISHED"]);
    expect(here.stub.lines(granted, "stdout")).toEqual(["hello", "no newline"]);
    expect(here.stub.lines(granted, "stderr")).toEqual(["problem"]);
    const log = here.stub.log(granted);
    expect(report.logCrc32).toBe(crc32(log).toString(16).padStart(8, "0"));
    expect(log).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z stdout F hello\n/);
  });

  it("fails with its exit code, or the signal that killed it, and sh -e stops at the first failure", async () => {
    const failed = await runTask(here, task("exit 3"));
    expect(failed).toMatchObject({ outcome: "FAILED", exitCode: 3, error: "exit code 3" });
    const killed = await runTask(here, task("kill -SEGV $$"));
    expect(killed).toMatchObject({ outcome: "FAILED", exitCode: null, error: "killed by SIGSEGV" });
    const stopped = task("false; echo unreachable");
    expect(await runTask(here, stopped)).toMatchObject({ outcome: "FAILED", exitCode: 1 });
    expect(here.stub.lines(stopped, "stdout")).toEqual([]);
    expect(here.stub.lines(stopped, "system")).toEqual(["exit code 1"]);
  });

  it("is told clearly when it cannot be started", async () => {
    const noShell = await runTask(here, task("true", { shell: "/no/such/shell -e" }));
    expect(noShell).toMatchObject({
      outcome: "FAILED",
      error: "could not be started: spawn /no/such/shell ENOENT",
    });
    const badEnv = await runTask(here, task("true", { env: [{ key: "A", value: "x\0y" }] }));
    expect(badEnv).toMatchObject({ outcome: "FAILED", error: expect.stringContaining("null bytes") });
    expect((await runTask(here, task("true"))).outcome).toBe("SUCCEEDED");
  });

  it("gets only the allowed environment, the workflow's in order, and the runner's own", async () => {
    const env = ["A=1", "A=2", "RUNCAST_FENCE=9"].map((entry) => {
      const [key, value] = entry.split("=") as [string, string];
      return { key, value };
    });
    const granted = task("env; pwd; cat", { env }, { fence: 7, attempt: 2 });
    await runTask(here, granted);
    const lines = here.stub.lines(granted, "stdout");
    const workspace = workspaceOf(here.workDirectory, granted);
    expect(lines).toEqual(
      expect.arrayContaining([
        "A=2",
        "CI=true",
        "LC_TIME=C",
        "npm_config_color=false",
        "RUNCAST_FENCE=7",
        "RUNCAST_ATTEMPT=2",
        `RUNCAST_RUN_ID=${granted.workflowRunId}`,
        `RUNCAST_STEP_REF=${granted.stepRef}`,
        `RUNCAST_WORKSPACE=${workspace}`,
        workspace,
      ]),
    );
    const names = lines.filter((line) => line.includes("=")).map((line) => line.split("=")[0]);
    expect(names).not.toContain("RUNCAST_TOKEN");
    expect(names).not.toContain("VITEST");
  });

  it("shares the workspace with other steps of its run, and with no other run", async () => {
    const writer = task("echo data > file");
    await runTask(here, writer);
    const reader = task("cat file", {}, { workflowRunId: writer.workflowRunId });
    expect((await runTask(here, reader)).outcome).toBe("SUCCEEDED");
    expect((await runTask(here, task("cat file"))).outcome).toBe("FAILED");
  });

  it("times out: SIGTERM, grace, SIGKILL, with its escaped child", async () => {
    const granted = task("trap '' TERM; setsid sleep 300 & echo $! > child; while :; do sleep 0.1; done", {
      timeoutMs: 1_000,
      graceMs: 200,
    });
    const report = await runTask(here, granted);
    expect(report).toMatchObject({ outcome: "TIMED_OUT", error: "timed out after 1 s" });
    expect(isAlive(await pidIn(join(workspaceOf(here.workDirectory, granted), "child")))).toBe(false);
  });

  it("has the grace after a timeout to end itself, also for what outlives its shell", async () => {
    // The shell dies of SIGTERM at once; its child uses a part of the grace to clean up.
    const granted = task(
      `sh -c 'trap "sleep 0.3; echo cleaned; exit 0" TERM; while :; do sleep 0.05; done'; true`,
      {
        timeoutMs: 1_000,
        graceMs: 5_000,
      },
    );
    expect(await runTask(here, granted)).toMatchObject({ outcome: "TIMED_OUT" });
    expect(here.stub.lines(granted, "stdout")).toEqual(["cleaned"]);
  });

  it("takes its background processes with it when it ends", async () => {
    const granted = task(`sleep 300 & echo $! > near
      setsid sleep 300 & echo $! > far
      while [ "$(cut -d' ' -f6 /proc/$!/stat)" != $! ]; do sleep 0.01; done # until it leads its own session
      echo done`);
    const report = await runTask(here, granted);
    expect(report).toMatchObject({ outcome: "SUCCEEDED", exitCode: 0 });
    const workspace = workspaceOf(here.workDirectory, granted);
    for (const file of ["near", "far"]) expect(isAlive(await pidIn(join(workspace, file)))).toBe(false);
    expect(here.stub.lines(granted, "stdout")).toEqual(["done"]);
    expect(here.stub.lines(granted, "system")).toEqual(["killed 2 processes left running"]);
  });

  it("finds a child that left its session and dropped its environment while its parent lives", async () => {
    const granted = task(
      "env -i PATH=$PATH setsid sh -c 'trap \"\" TERM; echo $$ > hidden; while :; do sleep 0.1; done' & while [ ! -s hidden ]; do sleep 0.01; done; sleep 300",
      { timeoutMs: 1_500, graceMs: 50 },
    );
    await runTask(here, granted);
    expect(isAlive(await pidIn(join(workspaceOf(here.workDirectory, granted), "hidden")))).toBe(false);
  });

  it("ends although a process that truly escaped holds its output open", async () => {
    const granted = task(`echo 'echo $$ > escaped; sleep 30' > escape.sh
      sh -c 'env -i PATH="$PATH" setsid sh escape.sh & true'
      while [ ! -s escaped ]; do sleep 0.01; done
      echo done`);
    const report = await runTask(here, granted);
    const escaped = await pidIn(join(workspaceOf(here.workDirectory, granted), "escaped"));
    expect(report.outcome).toBe("SUCCEEDED");
    expect(isAlive(escaped)).toBe(true);
    process.kill(-escaped, "SIGKILL");
  });

  it("needs no more slots than there are", async () => {
    const granted = Array.from({ length: 6 }, () =>
      task("touch here; while [ -e here ]; do sleep 0.02; done"),
    );
    const marks = granted.map((one) => join(workspaceOf(here.workDirectory, one), "here"));
    here.stub.offer(...granted);
    await until("four running", () => marks.filter((mark) => existsSync(mark)).length === 4);
    await until(
      "a claim for cancels only",
      () => here.stub.claims.length > 0 && here.stub.heartbeats.length > 2,
    );
    expect(marks.filter((mark) => existsSync(mark))).toHaveLength(4);
    for (const [index, mark] of marks.entries()) {
      await until(`step ${index} running`, () => existsSync(mark));
      rmSync(mark);
    }
    await until("all ended", () => granted.every((one) => here.stub.outcome(one) === "SUCCEEDED"));
  });
});
