import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { cancelWorkflowRun } from "../../src/actions/cancel-workflow-run.ts";
import { sweepSessions } from "../../src/duties/sweep-sessions.ts";
import { stage, step } from "../domain/workflow-builder.ts";
import { plainCommand } from "../support/commands.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { contradictions } from "./consistency.ts";
import { readRun } from "./run-record.ts";
import { ScriptedSession } from "./scripted-session.ts";
import { openWorkbench, type Workbench } from "./workbench.ts";

let bench: Workbench;
let clock: ManualClock;
let session: ScriptedSession;
let runId: string;

beforeEach(async () => {
  clock = new ManualClock();
  bench = await openWorkbench(clock);
  session = await ScriptedSession.open(bench);
  runId = await bench.trigger(await bench.deploy([stage("only", step("work"))]));
});
afterEach(async () => {
  expect(contradictions(await readRun(bench.engine, runId))).toEqual([]);
  await bench[Symbol.asyncDispose]();
});

async function look() {
  const { state, attempts } = await readRun(bench.engine, runId);
  const { status, fence, attempt, lost, leased, reason, cancelProof, exitCode } = state.steps[0]!;
  const step = { status, fence, attempt, lost, leased, reason: reason?.code ?? null, cancelProof, exitCode };
  return {
    run: state.status,
    step,
    attempts: attempts.map((end) => `${end.number} ${end.status} ${end.code}`),
  };
}

/** The session's lease runs out and the sweep finds it. */
async function fallSilent(): Promise<void> {
  clock.advance(30_001);
  await sweepSessions.run(bench.engine);
}

async function cancel(mode: "GRACEFUL" | "FORCE" = "GRACEFUL"): Promise<void> {
  await cancelWorkflowRun(bench.engine, bench.person, { runId, mode, reason: null, command: plainCommand });
}

describe("a lost lease", () => {
  test("lets the step run again under a higher fence, and late reports of the old one are refused", async () => {
    const first = await session.claimOne();
    await session.start(first);
    await fallSilent();
    expect(await look()).toMatchObject({
      run: "RUNNING",
      step: { status: "QUEUED", fence: 2, attempt: 1, lost: 1, leased: false, reason: "LEASE_LOST" },
      attempts: ["1 FAILED LEASE_LOST"],
    });
    const other = await ScriptedSession.open(bench);
    const second = await other.claimOne();
    expect(second).toMatchObject({ fence: 3, attempt: 2 });
    for (const kind of ["STARTED", "FINISHED", "RELEASED"] as const) {
      expect(await session.report(first, { kind })).toBe("STALE");
    }
    expect(await other.report(second)).toBe("APPLIED");
    expect(await session.report(first)).toBe("STALE");
    expect(await look()).toMatchObject({
      run: "SUCCEEDED",
      attempts: ["1 FAILED LEASE_LOST", "2 SUCCEEDED null"],
    });
  });

  test("that was never started costs nothing", async () => {
    const task = await session.claimOne();
    await fallSilent();
    expect(await look()).toMatchObject({ step: { status: "QUEUED", attempt: 0, lost: 0 }, attempts: [] });
    expect(await session.report(task)).toBe("STALE");
  });

  test("ends the step when it is the fifth", async () => {
    for (let lost = 1; lost <= 5; lost++) {
      const runner = await ScriptedSession.open(bench);
      await runner.start(await runner.claimOne());
      await fallSilent();
      expect((await look()).step).toMatchObject({ lost, status: lost < 5 ? "QUEUED" : "FAILED" });
    }
    expect(await look()).toMatchObject({ run: "FAILED", step: { reason: "LEASE_LOST", attempt: 5 } });
  });

  test("proves the death of what was to be canceled, and a late report of it is refused", async () => {
    const task = await session.claimOne();
    await session.start(task);
    await cancel();
    expect(await look()).toMatchObject({ run: "CANCELING", step: { status: "CANCELING", leased: true } });
    await fallSilent();
    expect(await look()).toMatchObject({
      run: "CANCELED",
      step: { status: "CANCELED", cancelProof: "LEASE_EXPIRED" },
      attempts: ["1 CANCELED RUN_CANCELED"],
    });
    expect(await session.report(task, { outcome: "ABORTED" })).toBe("STALE");
  });

  test("is found again by every sweep until the step is free, also if a claim slipped in", async () => {
    await bench.database.query("update runner_session set lease_until = $1, dead = true", [clock.now()]);
    await bench.database.query(
      "update step_run set session_id = $1, fence = 1, leased_at = $2, ready_pool = null",
      [session.id, clock.now()],
    );
    await sweepSessions.run(bench.engine);
    expect((await look()).step).toMatchObject({ status: "QUEUED", leased: false, fence: 2 });
  });
});

describe("a report", () => {
  test("counts once, and is answered APPLIED as often as it comes", async () => {
    const task = await session.claimOne();
    for (let i = 0; i < 2; i++) expect(await session.start(task)).toBe("APPLIED");
    const said = { outcome: "FAILED", exitCode: 3 } as const;
    for (let i = 0; i < 3; i++) expect(await session.report(task, said)).toBe("APPLIED");
    expect(await session.start(task)).toBe("APPLIED");
    expect(await look()).toMatchObject({
      run: "FAILED",
      step: { exitCode: 3 },
      attempts: ["1 FAILED EXIT_CODE"],
    });
  });

  test("of another session, another fence or another step is refused", async () => {
    const task = await session.claimOne();
    const other = await ScriptedSession.open(bench);
    expect(await other.report(task)).toBe("STALE");
    expect(await session.report({ ...task, fence: 2 })).toBe("STALE");
    expect(await session.report({ ...task, step: 1 })).toBe("STALE");
    expect(await session.report({ ...task, runId: "00000000-0000-7000-8000-00000000dead" })).toBe("STALE");
    expect((await look()).step).toMatchObject({ status: "QUEUED", leased: true });
  });

  test("of an end during a cancel confirms the death and keeps the exit code", async () => {
    const task = await session.claimOne();
    await session.start(task);
    await cancel();
    expect(await session.report(task, { outcome: "ABORTED", exitCode: 143 })).toBe("APPLIED");
    expect(await look()).toMatchObject({
      run: "CANCELED",
      step: { status: "CANCELED", cancelProof: "CONFIRMED", exitCode: 143 },
    });
    expect(await session.report(task, { outcome: "ABORTED", exitCode: 143 })).toBe("APPLIED");
  });

  test("that gives a task back puts it into the queue at once", async () => {
    const task = await session.claimOne();
    expect(await session.report(task, { kind: "RELEASED" })).toBe("APPLIED");
    expect(await session.claimOne()).toMatchObject({ fence: 2, attempt: 1 });
  });
});

describe("a heartbeat", () => {
  test("keeps the lease, and names what the runner should not hold", async () => {
    const task = await session.claimOne();
    clock.advance(29_000);
    const answer = await session.heartbeat([task, { runId, step: 0, fence: 7 }]);
    expect(answer.leaseUntil.getTime() - clock.now().getTime()).toBe(30_000);
    expect(answer.lost).toEqual([{ runId, step: 0, fence: 7 }]);
    clock.advance(29_000);
    await sweepSessions.run(bench.engine);
    expect(await session.report(task)).toBe("APPLIED");
  });

  test("releases what it does not list, 20 s after the grant", async () => {
    const task = await session.claimOne();
    clock.advance(20_000);
    await session.heartbeat([]);
    expect((await look()).step).toMatchObject({ leased: true });
    clock.advance(1);
    await session.heartbeat([]);
    expect((await look()).step).toMatchObject({ status: "QUEUED", leased: false, lost: 0 });
    expect(await session.start(task)).toBe("STALE");
  });

  test("releases nothing that it lists", async () => {
    const task = await session.claimOne();
    clock.advance(25_000);
    await session.heartbeat([task]);
    expect((await look()).step).toMatchObject({ leased: true });
    await session.start(task);
    await session.heartbeat([task]);
    expect((await look()).step).toMatchObject({ status: "RUNNING", leased: true });
  });

  test("confirms that a canceled task which never arrived does not run", async () => {
    await session.claimOne();
    await cancel();
    clock.advance(20_001);
    expect((await session.heartbeat([])).cancels).toEqual([]);
    expect(await look()).toMatchObject({ run: "CANCELED", step: { cancelProof: "CONFIRMED" }, attempts: [] });
  });

  test("and a claim tell of cancels until the end is reported, the harder mode when it changes", async () => {
    const task = await session.claimOne();
    await session.start(task);
    await cancel();
    const told = { runId, step: 0, fence: task.fence };
    for (let i = 0; i < 2; i++) {
      expect((await session.heartbeat([task])).cancels).toEqual([{ ...told, mode: "GRACEFUL" }]);
    }
    await cancel("FORCE");
    expect((await session.heartbeat([task])).cancels).toEqual([{ ...told, mode: "FORCE" }]);
    await session.report(task, { outcome: "ABORTED" });
    expect((await session.heartbeat([])).cancels).toEqual([]);
  });
});
