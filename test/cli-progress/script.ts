import type { ProgressView, StepStatusInput } from "../../src/cli/progress/progress-view.ts";

const START = Date.parse("2026-03-01T12:00:00.000Z");

export const at = (seconds: number) => new Date(START + seconds * 1000).toISOString();
export const epoch = (seconds: number) => START + seconds * 1000;

export function step(
  ref: string,
  status: StepStatusInput["status"],
  seconds: number,
  rest: Partial<StepStatusInput> = {},
): StepStatusInput {
  const stage = ref === "compile" ? "build" : "test";
  return { ref, stage, status, attempt: 1, reason: null, at: at(seconds), ...rest };
}

/** Reports a run of three steps: one succeeds, one fails after a retry, one is skipped because of it. */
export function playFailingRun(view: ProgressView): void {
  view.runStatus("QUEUED");
  for (const ref of ["compile", "unit", "publish"]) {
    view.stepStatus(step(ref, "PENDING", 0, { attempt: 0, stage: ref === "publish" ? "release" : "build" }));
  }
  view.stepStatus(step("compile", "QUEUED", 0, { attempt: 0 }));
  view.runStatus("RUNNING");
  view.runStatus("RUNNING");
  view.stepStatus(step("compile", "RUNNING", 0.1));
  view.logLine({ ref: "compile", stream: "system", text: "checked out 1a2b3c4", at: at(0.2) });
  view.logLine({ ref: "compile", stream: "stdout", text: "cc main.c", at: at(0.5) });
  view.stepStatus(step("compile", "SUCCEEDED", 1.3));
  view.stepStatus(step("unit", "RUNNING", 1.4));
  view.logLine({ ref: "unit", stream: "stderr", text: "1 of 2 failed", at: at(1.5) });
  const exitCode = { code: "EXIT_CODE", message: "exit code 1" };
  view.stepStatus(
    step("unit", "WAITING", 2, { reason: { code: "EXIT_CODE", message: "exit code 1, again in 1s" } }),
  );
  view.stepStatus(step("unit", "QUEUED", 3));
  view.stepStatus(step("unit", "RUNNING", 3.1, { attempt: 2 }));
  view.stepStatus(step("unit", "FAILED", 6, { attempt: 2, reason: exitCode }));
  view.stepStatus(
    step("publish", "SKIPPED", 6, {
      attempt: 0,
      stage: "release",
      reason: { code: "DEPENDENCY", message: "an earlier stage failed" },
    }),
  );
  view.runStatus("FAILED");
  view.finish({ workflowName: "ci", number: 3, status: "FAILED", reason: exitCode, durationMs: 6234 });
}
