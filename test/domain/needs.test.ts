import { describe, expect, test } from "vitest";
import type { StepSpec } from "../../src/domain/graph.ts";
import { DrivenRun } from "./driven-run.ts";
import { delay, stage, step } from "./workflow-builder.ts";

const forgiven = { continueOnError: true } as const;

describe("needs", () => {
  test("a step starts when all of its needs succeeded, and not before", () => {
    const run = new DrivenRun([stage("one", step("a"), step("b"), step("c", { needs: ["a", "b"] }))]).start();
    expect(run.step("c")).toMatchObject({ status: "PENDING", pending: 2 });
    run.run("a");
    expect(run.step("c")).toMatchObject({ status: "PENDING", pending: 1 });
    run.run("b");
    expect(run.step("c")).toMatchObject({ status: "QUEUED", pending: 0 });
  });

  test("an unmet need skips everything that hangs on it; other branches run on", () => {
    const run = new DrivenRun([
      stage(
        "one",
        step("a"),
        step("after-a", { needs: ["a"] }),
        step("far", { needs: ["after-a"] }),
        step("b"),
        step("after-b", { needs: ["b"] }),
      ),
      stage("two", step("later")),
    ]).start();
    run.run("a", "FAILED").run("b").run("after-b");
    expect(run.statuses()).toEqual({
      a: "FAILED",
      "after-a": "SKIPPED(DEPENDENCY)",
      far: "SKIPPED(DEPENDENCY)",
      b: "SUCCEEDED",
      "after-b": "SUCCEEDED",
      later: "SKIPPED(DEPENDENCY)",
    });
    expect(run.stage("one").status).toBe("FAILED");
    expect(run.stage("two").status).toBe("SKIPPED");
    expect(run.state.status).toBe("FAILED");
  });

  test.each(["FAILED", "TIMED_OUT"] as const)("a forgiven step that ended %s meets the need", (outcome) => {
    const run = new DrivenRun([
      stage("one", step("a", forgiven), step("b", { needs: ["a"] })),
      stage("two", step("c")),
    ]).start();
    run.run("a", outcome).run("b").run("c");
    expect(run.statuses()).toEqual({ a: outcome, b: "SUCCEEDED", c: "SUCCEEDED" });
    expect([run.stage("one").status, run.state.status]).toEqual(["SUCCEEDED", "SUCCEEDED"]);
  });

  test("SKIPPED(CONDITION) meets a need, SKIPPED(DEPENDENCY) does not", () => {
    const run = new DrivenRun([
      stage(
        "one",
        step("a"),
        step("cleanup", { needs: ["a"], when: "on_failure" }),
        step("after-cleanup", { needs: ["cleanup"] }),
      ),
    ]).start();
    run.run("a");
    expect(run.statuses()).toEqual({
      a: "SUCCEEDED",
      cleanup: "SKIPPED(CONDITION)",
      "after-cleanup": "QUEUED",
    });
  });

  const handlers: readonly [StepSpec["when"], "SUCCEEDED" | "FAILED", string][] = [
    ["on_success", "SUCCEEDED", "QUEUED"],
    ["on_success", "FAILED", "SKIPPED(DEPENDENCY)"],
    ["on_failure", "SUCCEEDED", "SKIPPED(CONDITION)"],
    ["on_failure", "FAILED", "QUEUED"],
    ["always", "SUCCEEDED", "QUEUED"],
    ["always", "FAILED", "QUEUED"],
  ];
  test.each(handlers)("when: %s after a need that %s", (when, outcome, status) => {
    const run = new DrivenRun([stage("one", step("a"), step("b", { needs: ["a"], when }))]).start();
    expect(run.step("b").status).toBe("PENDING");
    run.run("a", outcome);
    expect(run.statuses()["b"]).toBe(status);
  });

  test.each(handlers)("when: %s, without needs, after a stage that %s", (when, outcome, status) => {
    const run = new DrivenRun([stage("one", step("a")), stage("two", step("b", { when }))]).start();
    expect(run.step("b")).toMatchObject({ status: "PENDING", pending: 1 });
    run.run("a", outcome);
    expect(run.statuses()["b"]).toBe(status);
  });

  test("on_failure and always wait until every need has ended", () => {
    const run = new DrivenRun([
      stage(
        "one",
        step("a"),
        step("b"),
        step("handler", { needs: ["a", "b"], when: "on_failure" }),
        step("report", { needs: ["a", "b"], when: "always" }),
      ),
    ]).start();
    run.run("a", "FAILED");
    expect([run.step("handler").status, run.step("report").status]).toEqual(["PENDING", "PENDING"]);
    run.run("b");
    expect([run.step("handler").status, run.step("report").status]).toEqual(["QUEUED", "QUEUED"]);
  });

  test("on_failure looks past a skipped need at its ancestors", () => {
    const run = new DrivenRun([
      stage(
        "one",
        step("a"),
        step("b", { needs: ["a"] }),
        step("handler", { needs: ["b"], when: "on_failure" }),
      ),
    ]).start();
    run.run("a", "FAILED");
    expect(run.statuses()).toEqual({ a: "FAILED", b: "SKIPPED(DEPENDENCY)", handler: "QUEUED" });
  });

  test("a forgiven failure is no failure to on_failure", () => {
    const run = new DrivenRun([
      stage("one", step("a", forgiven), step("handler", { needs: ["a"], when: "on_failure" })),
      stage("two", step("b", { when: "on_failure" })),
    ]).start();
    run.run("a", "FAILED");
    expect(run.statuses()).toEqual({
      a: "FAILED",
      handler: "SKIPPED(CONDITION)",
      b: "SKIPPED(CONDITION)",
    });
    expect(run.state.status).toBe("SUCCEEDED");
  });

  test("in the first stage nothing can have failed before", () => {
    const run = new DrivenRun([stage("one", step("a", { when: "on_failure" }), step("b"))]).start();
    expect(run.statuses()).toEqual({ a: "SKIPPED(CONDITION)", b: "QUEUED" });
  });
});

describe("stages", () => {
  const stages = [
    stage("one", step("a"), step("slow")),
    stage("two", step("behind"), step("early", { needs: ["a"] }), delay("pause", 100)),
    stage("three", step("last")),
  ];

  test("a stage starts when the one before has ended; a need in an earlier stage lifts that", () => {
    const run = new DrivenRun(stages).start().run("a");
    expect(run.statuses()).toMatchObject({ behind: "PENDING", early: "QUEUED", pause: "PENDING" });
    expect(run.stage("two").status).toBe("PENDING");
    run.run("early");
    expect(run.stage("two").status).toBe("WAITING");
    run.run("slow");
    expect(run.statuses()).toMatchObject({ behind: "QUEUED", pause: "WAITING", last: "PENDING" });
    run.run("behind").advance(100);
    expect(run.step("last").status).toBe("PENDING");
    run.wake("pause");
    expect(run.statuses()).toMatchObject({ pause: "SUCCEEDED", last: "QUEUED" });
  });

  test("a failure stops all later stages, not only the next one", () => {
    const run = new DrivenRun(stages).start().run("a").run("slow", "FAILED").run("early");
    expect(run.statuses()).toMatchObject({
      behind: "SKIPPED(DEPENDENCY)",
      early: "SUCCEEDED",
      pause: "SKIPPED(DEPENDENCY)",
      last: "SKIPPED(DEPENDENCY)",
    });
    expect(["one", "two", "three"].map((name) => run.stage(name).status)).toEqual([
      "FAILED",
      "SUCCEEDED",
      "SKIPPED",
    ]);
    expect(run.state.status).toBe("FAILED");
  });

  test("a stage that ends early opens nothing while an earlier one is open", () => {
    const handler = step("handler", { when: "on_failure" });
    const skipped = step("skipped", { needs: ["handler"], when: "on_failure" });
    const ahead = [stage("two", skipped), stage("three", step("c"))];
    const atStart = new DrivenRun([stage("one", handler, step("slow")), ...ahead]).start();
    expect(atStart.stage("two").status).toBe("SKIPPED");
    expect(atStart.step("c").status).toBe("PENDING");
    const lifted = stage("two", step("x", { needs: ["a"] }));
    const later = new DrivenRun([stage("one", step("a"), step("slow")), lifted, stage("three", step("c"))]);
    later.start().run("a").run("x");
    expect(later.stage("two").status).toBe("SUCCEEDED");
    expect(later.step("c").status).toBe("PENDING");
    later.run("slow");
    expect(later.step("c").status).toBe("QUEUED");
  });

  test("stages without a step to run fall through in one decision", () => {
    const run = new DrivenRun([
      stage("one", step("a", { when: "on_failure" })),
      stage("two", step("b", { when: "on_failure" })),
      stage("three", step("c")),
    ]).start();
    expect(run.statuses()).toEqual({ a: "SKIPPED(CONDITION)", b: "SKIPPED(CONDITION)", c: "QUEUED" });
    expect(run.stage("two").status).toBe("SKIPPED");
  });

  test("a stage whose step starts and ends in one batch has begun and ended", () => {
    const run = new DrivenRun([stage("one", step("a")), stage("two", step("b"))]).start();
    run.claim("a");
    run.reportEnd("a", "SUCCEEDED");
    expect(run.state.startedAt).toEqual(run.now);
    expect(run.stage("one")).toMatchObject({ status: "SUCCEEDED", finishedAt: run.now });
    expect(run.stage("one").startedAt).toEqual(run.now);
  });

  test("a skipped stage never started", () => {
    const run = new DrivenRun([stage("one", step("a")), stage("two", step("b"))]).start();
    run.run("a", "FAILED");
    expect(run.stage("two")).toMatchObject({ status: "SKIPPED", startedAt: null, finishedAt: run.now });
  });
});

describe("large workflows", () => {
  const SIZE = 10_000;
  const refs = Array.from({ length: SIZE }, (_, at) => `s${at}`);

  test("a failure at the head of a chain of 10,000 skips it all; the handler at its end runs", () => {
    const links = refs.map((ref, at) => step(ref, { needs: at === 0 ? [] : [refs[at - 1]!] }));
    const handler = step("handler", { needs: [refs.at(-1)!], when: "on_failure" });
    const run = new DrivenRun([stage("one", ...links, handler), stage("two", step("later"))]).start();
    run.run("s0", "FAILED");
    const skipped = run.state.steps.filter(({ status }) => status === "SKIPPED");
    expect(skipped).toHaveLength(SIZE - 1);
    expect(run.step("handler").status).toBe("QUEUED");
    run.run("handler");
    expect(run.step("later").status).toBe("SKIPPED");
    expect(run.state.status).toBe("FAILED");
  });

  test("one step, 10,000 beside each other, one step", () => {
    const wide = refs.map((ref) => step(ref, { needs: ["first"] }));
    const run = new DrivenRun([stage("one", step("first"), ...wide, step("last", { needs: refs }))]).start();
    run.run("first");
    expect(run.state.steps.filter(({ status }) => status === "QUEUED")).toHaveLength(SIZE);
    for (const ref of ["s0", "s1"]) run.run(ref);
    expect(run.step("last")).toMatchObject({ status: "PENDING", pending: SIZE - 2 });
    expect(run.state).toMatchObject({ status: "RUNNING", progress: 0 });
  });
});
