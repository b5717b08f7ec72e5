import { describe, expect, test } from "vitest";
import { DrivenRun, PERSON } from "./driven-run.ts";
import { stage, step } from "./workflow-builder.ts";

const stages = [stage("one", step("a"), step("b")), stage("two", step("c"))];
const TIMEOUT_MS = 60_000;
const fresh = () => new DrivenRun(stages, { timeoutMs: TIMEOUT_MS }).start();
const failed = () => fresh().run("a", "FAILED").run("b");
const finalize = (run: DrivenRun) => run.decide({ kind: "FINALIZE_RUN" });

describe("reopening", () => {
  test("is told before what the command does, and gives the run its whole time again", () => {
    const run = failed();
    run.advance(50_000);
    const { events } = run.retry("a");
    expect(events[0]).toEqual({ type: "RunReopened", payload: {}, actorId: PERSON });
    expect(events.map(({ type }) => type).filter((type) => type === "RunReopened")).toHaveLength(1);
    expect(run.state).toMatchObject({ status: "RUNNING", finishedAt: null, ending: null });
    expect(run.state.expiresAt.getTime()).toBe(run.now.getTime() + TIMEOUT_MS);
    run.run("a").run("c");
    expect(run.events.slice(-2)).toMatchObject([
      { type: "RunStatusChanged", payload: { status: "SUCCEEDED" } },
      { type: "RunFinished", payload: { success: true } },
    ]);
  });

  test("is the one thing that lowers the progress", () => {
    const run = fresh().run("a").run("b").run("c");
    expect(run.state.progress).toBe(100);
    run.replay("a");
    expect(run.state.progress).toBe(33);
    run.run("a").run("c");
    expect(run.state.progress).toBe(100);
  });

  test("forgets the cancel; what it stopped elsewhere stays stopped and fails the run", () => {
    const run = fresh().run("a");
    run.cancel();
    expect(run.state.status).toBe("CANCELED");
    expect([run.stage("one").status, run.stage("two").status]).toEqual(["CANCELED", "CANCELED"]);
    run.retry("b");
    expect(run.state).toMatchObject({ status: "RUNNING", ending: null });
    expect(run.statuses()).toEqual({ a: "SUCCEEDED", b: "QUEUED", c: "PENDING" });
    run.run("b").run("c");
    expect(run.state.status).toBe("SUCCEEDED");
    expect([run.stage("one").status, run.stage("two").status]).toEqual(["SUCCEEDED", "SUCCEEDED"]);
    const partly = fresh();
    partly.cancel();
    partly.retry("b");
    partly.run("b");
    expect(partly.statuses()).toEqual({ a: "CANCELED", b: "SUCCEEDED", c: "SKIPPED(DEPENDENCY)" });
    expect(partly.state.status).toBe("FAILED");
    expect([partly.stage("one").status, partly.stage("two").status]).toEqual(["FAILED", "SKIPPED"]);
  });

  test("folds again the stages that it does not touch", () => {
    const run = fresh().run("a");
    run.cancel();
    run.retry("c");
    // Its stage before was not done again: the run goes on and ends without it.
    expect(run.statuses()).toEqual({ a: "SUCCEEDED", b: "CANCELED", c: "SKIPPED(DEPENDENCY)" });
    expect(run.stage("one").status).toBe("FAILED");
    expect(run.state.status).toBe("FAILED");
    expect(run.state.finishedAt).not.toBeNull();
  });

  test("of an expired run lets it go on", () => {
    const run = fresh().begin("a");
    run.expire();
    run.reportEnd("a", "ABORTED");
    expect(run.state.status).toBe("TIMED_OUT");
    run.replay("a");
    run.retry("b");
    expect(run.decide({ kind: "EXPIRE_RUN" }).applied).toEqual([false]);
    run.run("a").run("b").run("c");
    expect(run.state.status).toBe("SUCCEEDED");
  });

  test.each([
    ["skip", (run: DrivenRun) => run.skip("a")],
    ["force-complete", (run: DrivenRun) => run.force("a")],
    ["replay", (run: DrivenRun) => run.replay("b")],
    ["retry", (run: DrivenRun) => run.retry("a")],
  ])("happens by %s", (_what, command) => {
    const run = failed();
    expect(command(run).events[0]?.type).toBe("RunReopened");
  });

  test("does not happen when the run ends as it had ended", () => {
    const run = fresh().run("a", "FAILED").run("b", "FAILED");
    const only = new DrivenRun([stage("one", step("a"), step("b"))]).start();
    only.run("a", "FAILED").run("b", "FAILED");
    const { finishedAt } = only.state;
    only.advance(1_000);
    expect(only.skip("a").events.map(({ type }) => type)).toEqual(["StepStatusChanged"]);
    expect(only.state).toMatchObject({ status: "FAILED", finishedAt });
    expect(run.state.status).toBe("FAILED");
  });

  test("may be an end at once", () => {
    const run = new DrivenRun([stage("one", step("a"), step("b"))]).start().run("b").run("a", "FAILED");
    const types = run.force("a").events.map(({ type }) => type);
    expect(types).toEqual([
      "RunReopened",
      "StepStatusChanged",
      "StageStatusChanged",
      "RunStatusChanged",
      "RunFinished",
    ]);
    expect(run.state).toMatchObject({ status: "SUCCEEDED", progress: 100, finishedAt: run.now });
  });
});

describe("finalize", () => {
  test("seals a run: nothing of it is done again", () => {
    const run = failed();
    expect(finalize(run).applied).toEqual([true]);
    expect(run.state).toMatchObject({ status: "FAILED", finalizedAt: run.now });
    for (const command of [run.retry("a"), run.replay("b"), run.skip("a"), run.force("a")]) {
      expect(command.applied).toEqual([false]);
    }
    expect(finalize(run).applied).toEqual([false]);
  });

  test("of an open run, with a cancel, seals it as soon as it has ended", () => {
    const run = fresh().begin("a");
    const cancel = { kind: "CANCEL_RUN", mode: "GRACEFUL", message: null, actorId: PERSON } as const;
    expect(run.decide({ kind: "FINALIZE_RUN" }, cancel).applied).toEqual([true, true]);
    expect(run.state).toMatchObject({ status: "CANCELING", sealing: true, finalizedAt: null });
    run.advance(500);
    run.reportEnd("a", "ABORTED");
    expect(run.state).toMatchObject({ status: "CANCELED", finalizedAt: run.now });
    expect(run.retry("a").applied).toEqual([false]);
  });

  test("of an open run that nobody executes seals it at once", () => {
    const run = fresh();
    const cancel = { kind: "CANCEL_RUN", mode: "GRACEFUL", message: null, actorId: PERSON } as const;
    run.decide({ kind: "FINALIZE_RUN" }, cancel);
    expect(run.state).toMatchObject({ status: "CANCELED", finalizedAt: run.now });
  });
});

describe("a run's retry policy and what it takes over", () => {
  const retry = { attempts: 4, backoffMs: 0, factor: 1, maxBackoffMs: 0 };
  test.each([
    [null, 4],
    [0, 1],
    [2, 3],
  ])("stepRetries %s: %s tries", (stepRetries, tries) => {
    const run = new DrivenRun([stage("one", step("a", { retry }))], { stepRetries }).start();
    for (let at = 1; at < tries; at++) expect(run.run("a", "FAILED").step("a").status).toBe("QUEUED");
    expect(run.run("a", "FAILED").step("a")).toMatchObject({ status: "FAILED", attempt: tries });
  });

  test("reused steps have ended before anything starts, and name whose result they take over", () => {
    const run = new DrivenRun(stages);
    const from = { runId: "run_0", step: 0 };
    const { results } = run.decide(
      {
        kind: "REUSE_STEPS",
        steps: [
          { step: 0, status: "SUCCEEDED", from },
          { step: 1, status: "SKIPPED", from: { ...from, step: 1 } },
        ],
        actorId: PERSON,
      },
      { kind: "START_RUN", actorId: PERSON },
    );
    expect(results[0]).toEqual({
      step: 0,
      result: { output: null, completion: null, reusedFrom: from },
    });
    expect(run.statuses()).toEqual({ a: "SUCCEEDED", b: "SKIPPED(REQUESTED)", c: "QUEUED" });
    expect(run.step("a")).toMatchObject({ attempt: 0, startedAt: null });
    expect(run.state.status).toBe("QUEUED");
    expect(run.run("c").state.status).toBe("SUCCEEDED");
    expect(run.replay("a").applied).toEqual([true]);
    run.run("a").run("c");
    expect(run.state.status).toBe("SUCCEEDED");
  });
});
