import { describe, expect, test } from "vitest";
import type { RunEventDraft } from "../../src/domain/events.ts";
import { DrivenRun, endReport, PERSON, RUNNER } from "./driven-run.ts";
import { stage, step } from "./workflow-builder.ts";

/** "step 0 RUNNING", "run QUEUED", "finished true": an event in a few words. */
function words(event: RunEventDraft): string {
  switch (event.type) {
    case "RunStatusChanged":
      return `run ${event.payload.status}`;
    case "RunFinished":
      return `finished ${event.payload.success}`;
    case "StageStatusChanged":
      return `stage ${event.payload.stage} ${event.payload.status}`;
    case "StepStatusChanged":
      return `step ${event.payload.step} ${event.payload.status} #${event.payload.attempt}`;
    default:
      return event.type;
  }
}

describe("events", () => {
  test("tell a run from its start to its end", () => {
    const run = new DrivenRun([stage("one", step("a")), stage("two", step("b"))]).start();
    run.run("a").run("b", "FAILED");
    const told = run.events.map(words);
    const about = (subject: string) => told.filter((line) => line.startsWith(subject));
    expect(about("step 0")).toEqual(["step 0 QUEUED #0", "step 0 RUNNING #1", "step 0 SUCCEEDED #1"]);
    expect(about("step 1")).toEqual(["step 1 QUEUED #0", "step 1 RUNNING #1", "step 1 FAILED #1"]);
    expect(about("stage 0")).toEqual(["stage 0 RUNNING", "stage 0 SUCCEEDED"]);
    expect(about("stage 1")).toEqual(["stage 1 RUNNING", "stage 1 FAILED"]);
    expect(about("run")).toEqual(["run QUEUED", "run RUNNING", "run FAILED"]);
    expect(told.slice(-2)).toEqual(["run FAILED", "finished false"]);
  });

  test("a start and an end in one report are two events", () => {
    const run = new DrivenRun([stage("one", step("a"))]).start();
    run.claim("a");
    const { events } = run.reportEnd("a", "SUCCEEDED");
    expect(events.map(words)).toEqual([
      "step 0 RUNNING #1",
      "step 0 SUCCEEDED #1",
      "stage 0 SUCCEEDED",
      "run SUCCEEDED",
      "finished true",
    ]);
  });

  test("a failed run's end says why, a successful one has nothing to say", () => {
    const failed = new DrivenRun([stage("one", step("a"))]).start().run("a", "FAILED");
    expect(failed.events.at(-1)).toMatchObject({ type: "RunFinished", payload: { success: false } });
    expect(JSON.stringify(failed.events.at(-1)?.payload)).toContain('\\"a\\"');
    const fine = new DrivenRun([stage("one", step("a"))]).start().run("a");
    expect(fine.events.at(-1)?.payload).toEqual({ success: true, error: null });
  });

  test("name who caused them: the person who canceled, the runner that reported", () => {
    const run = new DrivenRun([stage("one", step("a"), step("b"))]).start().begin("a");
    const { events } = run.cancel();
    expect(new Set(events.map(({ actorId }) => actorId))).toEqual(new Set([PERSON]));
    const [dead] = run.reportEnd("a", "ABORTED").events;
    expect(dead).toMatchObject({ type: "StepStatusChanged", actorId: RUNNER });
  });

  test("carry the reason of the change", () => {
    const run = new DrivenRun([stage("one", step("a"), step("b", { needs: ["a"] }))]).start();
    run.run("a", "FAILED");
    const reasons = run.events.flatMap((event) =>
      "reason" in event.payload && event.payload.reason !== null
        ? [`${words(event)} ${event.payload.reason.code}`]
        : [],
    );
    expect(reasons).toEqual([
      "step 0 FAILED #1 EXIT_CODE",
      "step 1 SKIPPED #0 DEPENDENCY",
      "stage 0 FAILED EXIT_CODE",
      "run FAILED EXIT_CODE",
    ]);
  });

  test("a batch is one decision: late and repeated reports in it do nothing", () => {
    const run = new DrivenRun([stage("one", step("a"), step("b"))]).start();
    const [a, b] = [run.claim("a"), run.claim("b")];
    const delta = run.decide(
      endReport(0, a, "SUCCEEDED"),
      endReport(0, a, "FAILED"),
      endReport(1, b + 1, "FAILED"),
      endReport(1, b, "SUCCEEDED"),
    );
    expect(delta.applied).toEqual([true, false, false, true]);
    expect(delta.attempts.map(({ step, fence, status }) => [step, fence, status])).toEqual([
      [0, a, "SUCCEEDED"],
      [1, b, "SUCCEEDED"],
    ]);
    expect(run.state.status).toBe("SUCCEEDED");
  });
});
