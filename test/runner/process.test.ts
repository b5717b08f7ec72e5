import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { COOKIE_VARIABLE } from "../../src/runner/process-table.ts";
import {
  isAlive,
  pidIn,
  runTask,
  startStub,
  startTestRunner,
  task,
  temporaryDirectory,
  until,
  workspaceOf,
} from "./harness.ts";
import { RUNNER_MAIN, runnerEnvironment, spawnRunner, TYPESCRIPT_LOADER } from "./runner-process.ts";

const STUBBORN =
  "trap '' TERM INT HUP; setsid sleep 300 & echo $! > child; echo $$ > self; while :; do sleep 0.1; done";

async function pidsOf(workspace: string): Promise<number[]> {
  return [await pidIn(join(workspace, "child")), await pidIn(join(workspace, "self"))];
}

/** The reaper of a runner process: the child that runs reaper.ts. */
function reaperOf(runner: number): number {
  for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "latin1");
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      if (parent === runner && readFileSync(`/proc/${name}/cmdline`, "latin1").includes("reaper.ts"))
        return Number(name);
    } catch {
      // ended meanwhile
    }
  }
  return 0;
}

async function startStubborn(settings: Record<string, string> = {}) {
  const stub = await startStub();
  const runner = await spawnRunner(stub.url, settings);
  const granted = task(STUBBORN, { graceMs: 300 });
  stub.offer(granted);
  const pids = await pidsOf(workspaceOf(runner.workDirectory, granted));
  return { stub, runner, granted, pids };
}

describe("the runner process", () => {
  it("killed outright leaves nothing behind: its reaper kills the step and its setsid child", async () => {
    const { runner, pids } = await startStubborn();
    const reaper = reaperOf(runner.pid);
    expect([...pids, reaper].map(isAlive)).toEqual([true, true, true]);
    runner.child.kill("SIGKILL");
    await until("both dead", () => !pids.some(isAlive));
    await until("the reaper has left", () => !isAlive(reaper));
  });

  it("has a reaper that survives the terminal's Ctrl-C and is replaced when it is killed", async () => {
    const { runner, pids } = await startStubborn();
    const first = reaperOf(runner.pid);
    process.kill(first, "SIGINT");
    process.kill(first, "SIGTERM");
    process.kill(first, "SIGKILL");
    await until("another reaper", () => ![0, first].includes(reaperOf(runner.pid)));
    runner.child.kill("SIGKILL");
    await until("both dead", () => !pids.some(isAlive));
  });

  it("stopped for long is taken for dead: its steps are killed and not reported when it wakes", async () => {
    const stub = await startStub();
    const timing = { reaperSilenceMs: 1_200, fenceTermMs: 900, fenceKillMs: 1_100 };
    const runner = await spawnRunner(stub.url, {}, { timing });
    const granted = task(STUBBORN);
    stub.offer(granted);
    const pids = await pidsOf(workspaceOf(runner.workDirectory, granted));
    await until("it has registered for some time", () => stub.heartbeats.length > 2);
    expect(pids.map(isAlive)).toEqual([true, true]);
    runner.child.kill("SIGSTOP");
    await until("both dead", () => !pids.some(isAlive));
    runner.child.kill("SIGCONT");
    await until("a new session", () => stub.registrations.length === 2);
    expect(stub.outcome(granted)).toBeUndefined();
  });

  it("killed together with its reaper has its leftovers killed by the next runner on the directory", async () => {
    const { stub, runner, pids } = await startStubborn();
    const reaper = reaperOf(runner.pid);
    process.kill(reaper, "SIGSTOP");
    runner.child.kill("SIGKILL");
    await runner.exited;
    process.kill(reaper, "SIGKILL");
    expect(pids.map(isAlive)).toEqual([true, true]);
    const next = await spawnRunner(stub.url, { RUNCAST_RUNNER_WORK_DIR: runner.workDirectory });
    await until("both dead", () => !pids.some(isAlive));
    await until("it says so", () => next.errors().includes("killed"));
  });

  it("refuses a work directory in use, in one line", async () => {
    const { stub, runner } = await startStubborn();
    const second = await spawnRunner(stub.url, { RUNCAST_RUNNER_WORK_DIR: runner.workDirectory });
    expect(await second.exited).toBe(1);
    expect(second.errors()).toContain(`in use by the runner with process id ${runner.pid}`);
    expect(second.errors().trim().split("\n")).toHaveLength(1);
  });

  it("takes over the lock of a dead runner, even one whose process id lives again", async () => {
    const { stub } = await startTestRunner();
    const workDirectory = await temporaryDirectory();
    const stale = { pid: process.pid, startedAt: 1, nonce: "old" };
    await writeFile(join(workDirectory, "runner.lock"), JSON.stringify(stale));
    const runner = await spawnRunner(stub.url, { RUNCAST_RUNNER_WORK_DIR: workDirectory });
    await until("a registration", () => stub.registrations.length === 2);
    runner.child.kill("SIGTERM");
    expect(await runner.exited).toBe(0);
    expect(readdirSync(workDirectory).sort()).toEqual(["runner-id", "runs"]);
  });

  it("ends on SIGTERM when its tasks have ended, on a second at once", async () => {
    const { stub, runner, granted, pids } = await startStubborn();
    runner.child.kill("SIGTERM");
    await until("it drains", () => runner.errors().includes("draining"));
    expect(pids.map(isAlive)).toEqual([true, true]);
    runner.child.kill("SIGINT");
    expect(await runner.exited).toBe(0);
    expect(pids.map(isAlive)).toEqual([false, false]);
    expect(stub.finished(granted)).toMatchObject({ outcome: "ABORTED", error: "the runner shut down" });
  });

  it("ends with its parent when told to", async () => {
    const stub = await startStub();
    const workDirectory = await temporaryDirectory();
    const script = 'RUNCAST_EXIT_WITH_PARENT=$$ "$0" --import "$1" "$2" & echo $! > "$3/pid"; wait';
    const words = [process.execPath, TYPESCRIPT_LOADER, RUNNER_MAIN, workDirectory];
    const settings = {
      RUNCAST_URL: stub.url,
      RUNCAST_RUNNER_WORK_DIR: workDirectory,
    };
    const env = runnerEnvironment(settings);
    const parent = spawn("sh", ["-c", script, ...words], { stdio: "ignore", env });
    const runner = await pidIn(join(workDirectory, "pid"));
    onTestFinished(() => {
      if (isAlive(runner)) process.kill(runner, "SIGKILL");
    });
    const granted = task(STUBBORN);
    stub.offer(granted);
    const pids = await pidsOf(workspaceOf(workDirectory, granted));
    parent.kill("SIGKILL");
    await until("the runner has ended", () => !isAlive(runner));
    expect(pids.map(isAlive)).toEqual([false, false]);
    expect(stub.outcome(granted)).toBe("ABORTED");
  });

  it("names every fault of its settings in one line", async () => {
    const runner = await spawnRunner("nonsense", {
      RUNCAST_TOKEN: "",
      RUNCAST_RUNNER_CAPACITY: "many",
      RUNCAST_RUNNER_HTTP_ALLOW: "10.0.0.0/8, http://no.place",
    });
    expect(await runner.exited).toBe(1);
    const lines = runner.errors().trim().split("\n");
    expect(lines).toHaveLength(1);
    for (const name of [
      "RUNCAST_URL",
      "RUNCAST_TOKEN",
      "RUNCAST_RUNNER_CAPACITY",
      'RUNCAST_RUNNER_HTTP_ALLOW: "http',
    ])
      expect(lines[0]).toContain(name);
  });

  it("inside a step belongs to that step, with everything its own steps started", async () => {
    const outer = await startTestRunner();
    const inner = await startStub();
    const innerDirectory = await temporaryDirectory();
    const settings = {
      RUNCAST_URL: inner.url,
      RUNCAST_TOKEN: inner.token,
      RUNCAST_RUNNER_WORK_DIR: innerDirectory,
    };
    const nested = task(`exec "${process.execPath}" --import "${TYPESCRIPT_LOADER}" "${RUNNER_MAIN}"`, {
      env: Object.entries(settings).map(([key, value]) => ({ key, value })),
    });
    outer.stub.offer(nested);
    const granted = task(STUBBORN);
    inner.offer(granted);
    const pids = await pidsOf(workspaceOf(innerDirectory, granted));
    // The shell's: its child may just be becoming another program, and has no environment to show then.
    const cookie = readFileSync(`/proc/${pids[1]}/environ`, "latin1")
      .split("\0")
      .find((entry) => entry.startsWith(COOKIE_VARIABLE));
    expect(cookie?.split(",")).toHaveLength(2);
    outer.stub.cancel(nested, "FORCE");
    await until("the outer step's end", () => outer.stub.outcome(nested) === "ABORTED");
    expect(pids.map(isAlive)).toEqual([false, false]);
    expect((await runTask(outer, task("true"))).outcome).toBe("SUCCEEDED");
  });
});
