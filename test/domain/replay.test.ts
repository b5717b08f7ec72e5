import { describe, expect, test } from "vitest";
import { DrivenRun } from "./driven-run.ts";
import { approval, delay, stage, step } from "./workflow-builder.ts";

/** a -> b -> c beside d, then a second stage. */
const fresh = () =>
  new DrivenRun([
    stage("one", step("a"), step("b", { needs: ["a"] }), step("c", { needs: ["b"] }), step("d")),
    stage("two", step("e")),
  ]).start();

describe("replay of a subtree", () => {
  const ended = () => fresh().run("a").run("d").run("b").run("c").run("e");

  test("of a finished run does the step and all that comes after it again, to the end", () => {
    const run = ended();
    expect(run.state.status).toBe("SUCCEEDED");
    const { results } = run.replay("b");
    expect(results).toEqual([1, 2, 4].map((index) => ({ step: index, result: null })));
    expect(run.statuses()).toEqual({
      a: "SUCCEEDED",
      b: "QUEUED",
      c: "PENDING",
      d: "SUCCEEDED",
      e: "PENDING",
    });
    expect(run.state.status).toBe("RUNNING");
    run.run("b").run("c").run("e");
    expect(run.state.status).toBe("SUCCEEDED");
    expect(run.state.steps.map(({ attempt }) => attempt)).toEqual([1, 2, 2, 1, 2]);
  });

  test("stops what runs first, and does nothing again before its death is confirmed", () => {
    const run = fresh().run("a").run("d").begin("b");
    const { steps, results } = run.replay("a");
    expect(run.step("b")).toMatchObject({ status: "CANCELING", leased: true, onDeath: "RESET" });
    expect(results.length + steps.filter(({ onDeath }) => onDeath === "RESET").length).toBe(2);
    expect(run.step("a")).toMatchObject({ status: "PENDING", ready: false });
    run.reportEnd("b", "ABORTED");
    expect(run.statuses()).toMatchObject({ a: "QUEUED", b: "PENDING" });
    run.run("a").run("b").run("c").run("e");
    expect(run.state.status).toBe("SUCCEEDED");
    expect(run.step("b").attempt).toBe(2);
  });

  test("of a running step waits for its own death", () => {
    const run = fresh().begin("a");
    run.replay("a");
    expect(run.step("a")).toMatchObject({ status: "CANCELING", leased: true });
    run.loseLease("a");
    expect(run.step("a")).toMatchObject({ status: "QUEUED", attempt: 1, lost: 0 });
    expect(run.run("a").step("a")).toMatchObject({ status: "SUCCEEDED", attempt: 2 });
  });

  test("goes on when the step that it waits for is aborted instead", () => {
    const run = fresh().run("a").run("d").begin("b");
    run.replay("a");
    run.abort("b");
    run.reportEnd("b", "ABORTED");
    expect(run.statuses()).toMatchObject({ a: "QUEUED", b: "CANCELED" });
    expect(run.run("a").state.status).toBe("FAILED");
  });

  test("asks for approvals again", () => {
    const run = new DrivenRun([stage("one", step("a"), approval("sign", {}, { needs: ["a"] }))]).start();
    run.run("a");
    run.approve("sign");
    run.replay("a");
    const { approvals } = run.run("a").decide();
    expect(approvals).toEqual([]);
    expect(run.step("sign")).toMatchObject({ status: "WAITING", attempt: 2 });
    expect(run.events.filter(({ type }) => type === "ApprovalRequested")).toHaveLength(2);
    run.approve("sign");
    expect(run.state.status).toBe("SUCCEEDED");
  });

  test("closes an approval that is being asked for", () => {
    const run = new DrivenRun([stage("one", step("a"), approval("sign", {}, { needs: ["a"] }))]).start();
    run.run("a");
    expect(run.replay("a").approvals).toMatchObject([{ step: 1, attempt: 1, status: "CANCELED" }]);
    expect(run.step("sign").status).toBe("PENDING");
  });

  test("does a delay again, and what was skipped is judged anew", () => {
    const run = new DrivenRun([
      stage("one", delay("wait", 100), step("a", { needs: ["wait"] }), step("b", { needs: ["a"] })),
    ]).start();
    run.advance(100);
    run.wake("wait");
    run.run("a", "FAILED");
    expect(run.statuses()).toMatchObject({ b: "SKIPPED(DEPENDENCY)" });
    run.advance(1_000);
    run.replay("wait");
    expect(run.step("wait").dueAt?.getTime()).toBe(run.now.getTime() + 100);
    expect(run.statuses()).toEqual({ wait: "WAITING", a: "PENDING", b: "PENDING" });
  });

  test("of what has not started changes nothing", () => {
    const run = fresh();
    for (const ref of ["a", "b", "e"]) expect(run.replay(ref).applied).toEqual([false]);
  });
});
