import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
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
import { ProtocolStub } from "./protocol-stub.ts";

const FOREVER =
  "trap '' TERM; setsid sleep 300 & echo $! > child; echo $$ > self; while :; do sleep 0.1; done";

async function pidsOf(workspace: string): Promise<number[]> {
  return [await pidIn(join(workspace, "child")), await pidIn(join(workspace, "self"))];
}

describe("heartbeats", () => {
  it("list what is held until its end was answered, and heed what is lost", async () => {
    const { stub, workDirectory } = await startTestRunner();
    const granted = task(FOREVER);
    stub.offer(granted);
    const pids = await pidsOf(workspaceOf(workDirectory, granted));
    const key = { stepRunId: granted.stepRunId, fence: 1 };
    await until("it is held", () => stub.heartbeats.at(-1)?.held.length === 1);
    expect(stub.heartbeats.at(-1)?.held).toEqual([key]);
    stub.lost.push(key);
    await until("both dead", () => !pids.some(isAlive));
    await until("it is not held", () => stub.heartbeats.at(-1)?.held.length === 0);
    expect(stub.outcome(granted)).toBeUndefined();
  });

  it("carry cancels too", async () => {
    const { stub } = await startTestRunner({ capacity: 1 });
    const granted = task("sleep 300");
    stub.offer(granted);
    await until("a start", () => stub.reportsOf(granted).length === 1);
    stub.always("claimTasks", "CUT");
    stub.cancel(granted);
    await until("the end", () => stub.outcome(granted) === "ABORTED");
  });

  it("unanswered make the runner end everything itself, TERM before KILL, without a report", async () => {
    const timing = { fenceTermMs: 600, fenceKillMs: 1_200, heartbeatTimeoutMs: 200 };
    const { stub, workDirectory, logger } = await startTestRunner({ timing });
    const polite = task("trap 'touch told; exit 0' TERM; echo $$ > self; while :; do sleep 0.05; done");
    const stubborn = task(FOREVER, { graceMs: 60_000 });
    stub.offer(polite, stubborn);
    const pids = await pidsOf(workspaceOf(workDirectory, stubborn));
    await pidIn(join(workspaceOf(workDirectory, polite), "self"));
    await until("an acknowledged heartbeat", () => stub.heartbeats.length > 0);
    stub.always("heartbeatRunner", "CUT");
    await until("it was told", () => existsSync(join(workspaceOf(workDirectory, polite), "told")));
    expect(pids.map(isAlive)).toEqual([true, true]);
    await until("both dead", () => !pids.some(isAlive));
    await until("a new session", () => stub.registrations.length === 2);
    stub.always("heartbeatRunner", null);
    expect((await runTask({ stub }, task("true"))).outcome).toBe("SUCCEEDED");
    for (const granted of [polite, stubborn]) expect(stub.outcome(granted)).toBeUndefined();
    expect(logger.lines.join("\n")).toContain("no heartbeat was acknowledged");
  });

  it("shorten the fence for a short lease", async () => {
    const stub = await startStub();
    stub.leaseMs = 1_000; // a thirtieth of the lease that the fence times are made for
    const { workDirectory } = await startTestRunner({ timing: { heartbeatTimeoutMs: 200 } }, stub);
    const granted = task(FOREVER);
    stub.offer(granted);
    const pids = await pidsOf(workspaceOf(workDirectory, granted));
    stub.always("heartbeatRunner", "CUT");
    await until("both dead", () => !pids.some(isAlive), 3_000);
  });
});

describe("a session", () => {
  it("that is lost ends everything, unreported, and another begins", async () => {
    const { stub, workDirectory } = await startTestRunner();
    const granted = task(FOREVER);
    stub.offer(granted);
    const pids = await pidsOf(workspaceOf(workDirectory, granted));
    stub.loseSession();
    await until("a new session", () => stub.registrations.length === 2);
    expect(pids.map(isAlive)).toEqual([false, false]);
    const again = { ...granted, fence: 2, spec: { ...granted.spec, run: "true" } };
    expect((await runTask({ stub }, again)).outcome).toBe("SUCCEEDED");
    expect(stub.outcome(granted)).toBeUndefined();
  });
});

describe("an unreachable server", () => {
  it("is waited for", async () => {
    const first = await ProtocolStub.start();
    await first.close();
    const { logger } = await startTestRunner({}, first);
    await until("an outage is noticed", () => logger.lines.length > 0);
    expect(logger.lines[0]).toContain(`${first.url} is unreachable (connect ECONNREFUSED`);
    const second = await ProtocolStub.start(first.port);
    onTestFinished(() => second.close());
    expect((await runTask({ stub: second }, task("true"))).outcome).toBe("SUCCEEDED");
  });

  it("gets one line for each outage and one for its end", async () => {
    const { stub, logger } = await startTestRunner();
    const count = (words: string) => logger.lines.filter((line) => line.includes(words)).length;
    for (const outage of [1, 2]) {
      await runTask({ stub }, task("true"));
      const before = stub.bodySizes.length;
      for (const field of ["claimTasks", "heartbeatRunner"] as const) stub.always(field, "CUT");
      await until("several tries", () => stub.bodySizes.length >= before + 8);
      expect(count("unreachable")).toBe(outage);
      for (const field of ["claimTasks", "heartbeatRunner"] as const) stub.always(field, null);
      await until("its end is noticed", () => count("answers again") === outage);
    }
  });

  it("that refuses the token from the start closes the runner with one line", async () => {
    const stub = await startStub();
    stub.token = "another";
    const { runner, logger } = await startTestRunner({}, stub);
    await expect(runner.closed).rejects.toMatchObject({ kind: "UNAUTHORIZED" });
    expect(logger.lines.filter((line) => line.includes("401"))).toHaveLength(1);
  });
});

describe("the end of a runner", () => {
  it("by draining takes no more and lets tasks end", async () => {
    const { stub, runner } = await startTestRunner();
    const granted = task("sleep 0.5; echo last words");
    stub.offer(granted);
    await until("a start", () => stub.reportsOf(granted).length === 1);
    const drained = runner.drain();
    const next = task("true");
    stub.offer(next);
    await drained;
    expect(stub.outcome(granted)).toBe("SUCCEEDED");
    expect(stub.lines(granted, "stdout")).toEqual(["last words"]);
    expect(stub.reportsOf(next)).toEqual([]);
  });

  it("by draining aborts what runs past the deadline, and still heeds cancels until then", async () => {
    const { stub, runner } = await startTestRunner();
    const [canceled, late] = [task("sleep 300"), task("sleep 300")];
    stub.offer(canceled, late);
    await until("both started", () => stub.reports.length === 2);
    const drained = runner.drain(800);
    stub.cancel(canceled);
    await until("the cancel", () => stub.outcome(canceled) === "ABORTED");
    expect(stub.outcome(late)).toBeUndefined();
    await drained;
    expect(stub.finished(late)).toMatchObject({ outcome: "ABORTED", error: "the runner shut down" });
  });

  it("leaves a work directory that the next one can use, and another cannot meanwhile", async () => {
    const workDirectory = await temporaryDirectory();
    const { runner, stub } = await startTestRunner({ workDirectory });
    await expect(startTestRunner({ workDirectory }, stub)).rejects.toThrow(
      `work directory ${workDirectory} is in use by the runner with process id ${process.pid}`,
    );
    await runner.stop();
    await startTestRunner({ workDirectory }, stub);
  });
});
