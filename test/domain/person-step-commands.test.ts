import { describe, expect, test } from "vitest";
import { DrivenRun, PERSON } from "./driven-run.ts";
import { approval, stage, step } from "./workflow-builder.ts";

/** a -> b -> c beside d, then a second stage. */
const stages = [
  stage("one", step("a"), step("b", { needs: ["a"] }), step("c", { needs: ["b"] }), step("d")),
  stage("two", step("e")),
];
const fresh = () => new DrivenRun(stages).start();
const failed = () => fresh().run("a", "FAILED").run("d");

describe("abort", () => {
  test("ends at once what nobody holds; what needs it is skipped, others run on, the run fails", () => {
    const run = fresh();
    expect(run.abort("a").applied).toEqual([true]);
    expect(run.statuses()).toEqual({
      a: "CANCELED",
      b: "SKIPPED(DEPENDENCY)",
      c: "SKIPPED(DEPENDENCY)",
      d: "QUEUED",
      e: "PENDING",
    });
    expect(run.step("a")).toMatchObject({ reason: { code: "ABORTED", actorId: PERSON }, cancelProof: null });
    run.run("d");
    expect(run.state).toMatchObject({ status: "FAILED", reason: { code: "ABORTED" } });
    expect([run.stage("one").status, run.stage("two").status]).toEqual(["FAILED", "SKIPPED"]);
  });

  test.each([
    ["its runner says so", (run: DrivenRun) => run.reportEnd("a", "ABORTED"), "CONFIRMED"],
    ["its lease is over", (run: DrivenRun) => run.loseLease("a"), "LEASE_EXPIRED"],
    ["it ended by itself", (run: DrivenRun) => run.reportEnd("a", "SUCCEEDED"), "CONFIRMED"],
  ] as const)("of a leased step is complete when %s", (_how, dies, cancelProof) => {
    const run = fresh().begin("a");
    run.abort("a");
    expect(run.statuses()).toMatchObject({ a: "CANCELING", b: "PENDING" });
    expect(run.state.status).toBe("RUNNING");
    dies(run);
    expect(run.step("a")).toMatchObject({ status: "CANCELED", cancelProof, reason: { code: "ABORTED" } });
    expect(run.statuses()).toMatchObject({ b: "SKIPPED(DEPENDENCY)", c: "SKIPPED(DEPENDENCY)" });
    expect(run.attempts).toMatchObject([{ number: 1, status: "CANCELED", reason: { code: "ABORTED" } }]);
  });

  test("is not forgiven by continueOnError", () => {
    const run = new DrivenRun([stage("one", step("a", { continueOnError: true }), step("b"))]).start();
    run.abort("a");
    expect(run.run("b").state.status).toBe("FAILED");
  });

  test("of a claimed step that never started makes no attempt", () => {
    const run = fresh();
    run.claim("a");
    run.abort("a");
    expect(run.step("a").status).toBe("CANCELING");
    run.release("a");
    expect(run.step("a")).toMatchObject({ status: "CANCELED", attempt: 0, cancelProof: "CONFIRMED" });
    expect(run.attempts).toEqual([]);
  });

  test("stays an abort when the run is canceled meanwhile", () => {
    const run = fresh().begin("a");
    run.abort("a");
    run.cancel();
    run.reportEnd("a", "ABORTED");
    expect(run.step("a").reason?.code).toBe("ABORTED");
    expect(run.state.status).toBe("CANCELED");
  });
});

describe("retry of a step", () => {
  test("does it again with all its tries; what was skipped because of it is judged again", () => {
    const retry = { attempts: 2, backoffMs: 0, factor: 1, maxBackoffMs: 0 };
    const run = new DrivenRun([
      stage("one", step("a", { retry }), step("b", { needs: ["a"] }), step("d")),
      stage("two", step("e")),
    ]).start();
    run.run("d").run("a", "FAILED").run("a", "FAILED");
    expect(run.state.status).toBe("FAILED");
    expect(run.retry("a").applied).toEqual([true]);
    expect(run.statuses()).toEqual({ a: "QUEUED", b: "PENDING", d: "SUCCEEDED", e: "PENDING" });
    run.run("a", "FAILED");
    expect(run.step("a")).toMatchObject({ status: "QUEUED", attempt: 3 });
    run.run("a").run("b").run("e");
    expect(run.state.status).toBe("SUCCEEDED");
    expect(run.attempts.filter(({ step: index }) => index === 0).map(({ number }) => number)).toEqual([
      1, 2, 3, 4,
    ]);
    expect(run.step("d").attempt).toBe(1);
  });

  test.each(["FAILED", "TIMED_OUT"] as const)("is legal after it %s", (outcome) => {
    expect(fresh().run("a", outcome).retry("a").applied).toEqual([true]);
  });

  test("of one that was aborted, in a run that goes on", () => {
    const run = fresh();
    run.abort("a");
    run.retry("a");
    expect(run.statuses()).toMatchObject({ a: "QUEUED", b: "PENDING", c: "PENDING" });
    run.run("a").run("b").run("c").run("d").run("e");
    expect(run.state.status).toBe("SUCCEEDED");
  });

  test("of what did not fail changes nothing", () => {
    const run = failed();
    for (const ref of ["b", "d", "e"]) expect(run.retry(ref).applied).toEqual([false]);
  });

  test("leaves what another failure skips skipped", () => {
    const run = new DrivenRun([
      stage("one", step("a"), step("b"), step("both", { needs: ["a", "b"] })),
    ]).start();
    run.run("a", "FAILED").run("b", "FAILED");
    run.retry("a");
    run.run("a");
    expect(run.statuses()).toEqual({ a: "SUCCEEDED", b: "FAILED", both: "SKIPPED(DEPENDENCY)" });
    expect(run.state.status).toBe("FAILED");
    run.retry("b");
    run.run("b").run("both");
    expect(run.state.status).toBe("SUCCEEDED");
  });

  test("that finds a need unmet is over at once, and so is the run: finished again, with its time", () => {
    const run = new DrivenRun([stage("one", step("a"), step("b"), step("both", { needs: ["a", "b"] }))]);
    run.start().run("a", "FAILED").run("b", "FAILED").advance(5_000);
    const { events } = run.skip("a");
    expect(run.statuses()).toEqual({ a: "SKIPPED(REQUESTED)", b: "FAILED", both: "SKIPPED(DEPENDENCY)" });
    expect(run.state.status).toBe("FAILED");
    expect(run.state.finishedAt).not.toBeNull();
    const types = events.map(({ type }) => type).filter((type) => type.startsWith("Run"));
    expect([[], ["RunReopened", "RunStatusChanged", "RunFinished"]]).toContainEqual(types);
  });
});

describe("skip", () => {
  const states = {
    PENDING: () => ["b", fresh()] as const,
    QUEUED: () => ["a", fresh()] as const,
    WAITING: () => ["b", new DrivenRun([stage("one", step("a"), approval("b"))]).start()] as const,
    FAILED: () => ["a", fresh().run("a", "FAILED")] as const,
    TIMED_OUT: () => ["a", fresh().run("a", "TIMED_OUT")] as const,
    SKIPPED: () => ["b", failed()] as const,
    CANCELED: () => {
      const run = fresh();
      run.abort("a");
      return ["a", run] as const;
    },
  };
  test.each(Object.entries(states))("is legal when it is %s", (status, make) => {
    const [ref, run] = make();
    expect(run.step(ref).status).toBe(status);
    expect(run.skip(ref).applied).toEqual([true]);
    expect(run.step(ref)).toMatchObject({
      status: "SKIPPED",
      reason: { code: "REQUESTED", actorId: PERSON },
    });
    // Skipped on request: there is nothing more to skip.
    expect(run.skip(ref).applied).toEqual([false]);
  });

  test("is refused when it runs or succeeded", () => {
    const run = fresh().run("d").begin("a");
    for (const ref of ["a", "d"]) expect(run.skip(ref).applied).toEqual([false]);
  });

  test("satisfies what needs it, also what had been skipped because of it", () => {
    const run = failed();
    expect(run.state.status).toBe("FAILED");
    run.skip("a");
    expect(run.statuses()).toMatchObject({ b: "QUEUED", c: "PENDING", e: "PENDING" });
    run.run("b").run("c").run("e");
    expect(run.state.status).toBe("SUCCEEDED");
  });

  test("of a claimed step waits for its runner", () => {
    const run = fresh();
    run.claim("a");
    run.skip("a");
    expect(run.statuses()).toMatchObject({ a: "CANCELING", b: "PENDING" });
    run.release("a");
    expect(run.statuses()).toMatchObject({ a: "SKIPPED(REQUESTED)", b: "QUEUED" });
  });
});

describe("force-complete", () => {
  test("gives the step its result; dependents go on", () => {
    const run = failed();
    const { results } = run.force("a", { by: "hand" });
    expect(results.filter(({ result }) => result !== null)).toMatchObject([
      { step: 0, result: { output: { by: "hand" }, reusedFrom: null } },
    ]);
    expect(run.statuses()).toMatchObject({ a: "SUCCEEDED", b: "QUEUED" });
    run.run("b").run("c").run("e");
    expect(run.state.status).toBe("SUCCEEDED");
  });

  test("of a running step aborts its attempt first; nothing goes on before it is dead", () => {
    const run = fresh().begin("a");
    run.force("a", { by: "hand" });
    expect(run.statuses()).toMatchObject({ a: "CANCELING", b: "PENDING" });
    run.reportEnd("a", "FAILED");
    expect(run.statuses()).toMatchObject({ a: "SUCCEEDED", b: "QUEUED" });
    expect(run.attempts).toMatchObject([{ status: "CANCELED", exitCode: 7 }]);
  });

  test("is refused when it succeeded or was skipped by its condition", () => {
    const run = new DrivenRun([stage("one", step("a"), step("never", { when: "on_failure" }))]).start();
    run.run("a");
    for (const ref of ["a", "never"]) expect(run.force(ref).applied).toEqual([false]);
  });

  test("that is overtaken by an abort leaves no result behind", () => {
    const run = fresh().begin("a");
    run.force("a", { by: "hand" });
    const results = [...run.abort("a").results, ...run.reportEnd("a", "ABORTED").results];
    expect(run.step("a").status).toBe("CANCELED");
    expect(results).toEqual([{ step: 0, result: null }]);
  });
});
