import { describe, expect, test } from "vitest";
import { DrivenRun, PERSON } from "./driven-run.ts";
import { approval, child, external, stage, step } from "./workflow-builder.ts";

const last = (...needs: string[]) => step("after", { needs });

describe("external completion", () => {
  const fresh = () => new DrivenRun([stage("one", external("x"), last("x"))]).start();

  test("of a success gives the step its output", () => {
    const run = fresh();
    expect(run.step("x")).toMatchObject({ status: "WAITING", attempt: 1, leased: false });
    expect(run.state).toMatchObject({ status: "WAITING", startedAt: run.now });
    const { applied, results, attempts } = run.complete("x", true);
    expect(applied).toEqual([true]);
    const completion = { success: true, message: null, releaseId: "r1" };
    expect(results).toEqual([
      { step: 0, result: { output: { releaseId: "r1" }, completion, reusedFrom: null } },
    ]);
    expect(attempts).toMatchObject([{ number: 1, status: "SUCCEEDED", output: { releaseId: "r1" } }]);
    expect(run.statuses()).toEqual({ x: "SUCCEEDED", after: "QUEUED" });
  });

  test("of a failure fails the step with the message", () => {
    const run = fresh();
    const { results } = run.complete("x", false, "no room");
    expect(results).toMatchObject([{ result: { output: null, completion: { success: false } } }]);
    expect(run.step("x")).toMatchObject({
      status: "FAILED",
      reason: { message: "no room", actorId: PERSON },
    });
    expect(run.statuses()).toMatchObject({ after: "SKIPPED(DEPENDENCY)" });
    expect(run.state.status).toBe("FAILED");
  });

  test("counts once, and only for a step that waits for one", () => {
    const run = new DrivenRun([stage("one", external("x"), approval("sign"), step("a"))]).start();
    expect(run.complete("sign", true).applied).toEqual([false]);
    expect(run.complete("a", true).applied).toEqual([false]);
    expect(run.complete("x", true).applied).toEqual([true]);
    expect(run.complete("x", false).applied).toEqual([false]);
    expect(run.step("x").status).toBe("SUCCEEDED");
  });

  test("that does not come in time ends TIMED_OUT", () => {
    const run = new DrivenRun([stage("one", external("x", { patienceMs: 500 }))]).start();
    run.advance(499);
    expect(run.wake("x").applied).toEqual([false]);
    run.advance(1);
    run.wake("x");
    expect(run.step("x")).toMatchObject({ status: "TIMED_OUT", reason: { code: "TIMEOUT" }, dueAt: null });
    expect(run.state.status).toBe("FAILED");
  });
});

describe("approvals", () => {
  const fresh = (quorum = 1) =>
    new DrivenRun([stage("one", approval("sign", { quorum }, { patienceMs: 1_000 }), last("sign"))]).start();

  test("are asked for when the step may go", () => {
    const run = fresh();
    expect(run.step("sign")).toMatchObject({ status: "WAITING", attempt: 1 });
    expect(run.step("sign").dueAt?.getTime()).toBe(run.now.getTime() + 1_000);
    expect(run.events).toContainEqual({
      type: "ApprovalRequested",
      payload: { step: 0, attempt: 1 },
      actorId: PERSON,
    });
  });

  test("need as many as the quorum; each is told", () => {
    const run = fresh(2);
    const first = run.approve("sign", 1);
    expect(first.events).toMatchObject([{ type: "ApprovalDecided", payload: { status: "PENDING" } }]);
    expect(run.step("sign").status).toBe("WAITING");
    const second = run.approve("sign", 2);
    expect(second.events[0]).toMatchObject({ payload: { verdict: "APPROVE", status: "APPROVED" } });
    expect(second.approvals).toMatchObject([{ step: 0, attempt: 1, status: "APPROVED" }]);
    expect(run.statuses()).toEqual({ sign: "SUCCEEDED", after: "QUEUED" });
    expect(run.attempts).toMatchObject([{ status: "SUCCEEDED", output: { by: PERSON } }]);
    expect(run.approve("sign", 2).applied).toEqual([false]);
  });

  test("are over with the first rejection", () => {
    const run = fresh(2);
    run.approve("sign", 1);
    const { approvals, events } = run.reject("sign");
    expect(approvals).toMatchObject([{ status: "REJECTED" }]);
    expect(events[0]).toMatchObject({ payload: { verdict: "REJECT", status: "REJECTED" } });
    expect(run.step("sign")).toMatchObject({
      status: "FAILED",
      reason: { code: "REJECTED", actorId: PERSON },
    });
    expect(run.state.status).toBe("FAILED");
  });

  test("that nobody gives in time end TIMED_OUT", () => {
    const run = fresh();
    run.advance(1_000);
    expect(run.wake("sign").approvals).toMatchObject([{ status: "TIMED_OUT" }]);
    expect(run.step("sign")).toMatchObject({ status: "TIMED_OUT", reason: { code: "TIMEOUT" } });
    expect(run.approve("sign").applied).toEqual([false]);
  });

  test.each([
    ["skip", (run: DrivenRun) => run.skip("sign")],
    ["force-complete", (run: DrivenRun) => run.force("sign")],
    ["abort", (run: DrivenRun) => run.abort("sign")],
    ["cancel", (run: DrivenRun) => run.cancel()],
    ["expiry", (run: DrivenRun) => run.expire()],
  ])("are closed by %s", (_what, end) => {
    const run = fresh();
    expect(end(run).approvals).toMatchObject([{ step: 0, attempt: 1, status: "CANCELED" }]);
    expect(run.attempts).toMatchObject([{ number: 1, status: "CANCELED" }]);
  });

  test("are asked for again by a retry, as another attempt", () => {
    const run = fresh();
    run.reject("sign");
    const { approvals } = run.retry("sign");
    expect(approvals).toMatchObject([{ step: 0, attempt: 2, status: "PENDING" }]);
    run.approve("sign");
    run.run("after");
    expect(run.state.status).toBe("SUCCEEDED");
  });
});

describe("child runs", () => {
  const fresh = () => new DrivenRun([stage("one", child("c"), last("c"))]).start();

  test("are made when the step may go, and their end is the step's", () => {
    const run = new DrivenRun([stage("one", child("c"), last("c"))]);
    const { signals } = run.decide({ kind: "START_RUN", actorId: PERSON });
    expect(signals).toEqual([{ kind: "START_CHILD", step: 0, attempt: 1 }]);
    const { results } = run.endChild("c", "SUCCEEDED");
    expect(results).toMatchObject([{ step: 0, result: { output: { by: "child" } } }]);
    expect(run.statuses()).toEqual({ c: "SUCCEEDED", after: "QUEUED" });
  });

  test.each([
    ["SUCCEEDED", "SUCCEEDED"],
    ["SKIPPED", "SUCCEEDED"],
    ["FAILED", "FAILED"],
    ["CANCELED", "FAILED"],
    ["TIMED_OUT", "TIMED_OUT"],
  ] as const)("that end %s let the step end %s", (ended, status) => {
    const run = fresh();
    run.endChild("c", ended);
    expect(run.step("c").status).toBe(status);
    expect(run.endChild("c", ended).applied).toEqual([false]);
  });

  test.each([
    ["abort", (run: DrivenRun) => run.abort("c"), "CANCELED"],
    ["skip", (run: DrivenRun) => run.skip("c"), "SKIPPED"],
    ["force-complete", (run: DrivenRun) => run.force("c"), "SUCCEEDED"],
    ["cancel", (run: DrivenRun) => run.cancel("FORCE"), "CANCELED"],
    ["expiry", (run: DrivenRun) => run.expire(), "CANCELED"],
  ] as const)("are canceled by %s, which is complete when they have ended", (what, stop, status) => {
    const run = fresh();
    const mode = what === "cancel" ? "FORCE" : "GRACEFUL";
    expect(stop(run).signals).toMatchObject([{ kind: "CANCEL_CHILD", step: 0, attempt: 1, mode }]);
    expect(run.statuses()).toMatchObject({ c: "CANCELING" });
    run.endChild("c", "SUCCEEDED");
    expect(run.step("c").status).toBe(status);
    expect(run.attempts).toMatchObject([{ number: 1, status: "CANCELED" }]);
  });

  test("are told of a cancel that becomes harder", () => {
    const run = fresh();
    run.cancel("GRACEFUL");
    expect(run.cancel("GRACEFUL").signals).toEqual([]);
    expect(run.cancel("FORCE").signals).toMatchObject([{ kind: "CANCEL_CHILD", mode: "FORCE" }]);
  });

  test("are replaced by a replay: the new one is made when the old one is dead", () => {
    const run = fresh();
    const { signals } = run.replay("c");
    expect(signals).toMatchObject([{ kind: "CANCEL_CHILD", attempt: 1 }]);
    expect(run.endChild("c", "CANCELED").signals).toEqual([{ kind: "START_CHILD", step: 0, attempt: 2 }]);
    expect(run.endChild("c", "FAILED", 1).applied).toEqual([false]);
    run.endChild("c", "SUCCEEDED", 2);
    expect(run.step("c")).toMatchObject({ status: "SUCCEEDED", attempt: 2 });
  });

  test("are made again by a retry", () => {
    const run = fresh();
    run.endChild("c", "FAILED");
    expect(run.retry("c").signals).toEqual([{ kind: "START_CHILD", step: 0, attempt: 2 }]);
  });
});
