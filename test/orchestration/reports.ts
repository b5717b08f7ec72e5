import type { TaskReport } from "../../src/orchestration/report.ts";

/** A runner's report; unless it says otherwise, of a success. */
export function reportOf(
  task: Pick<TaskReport, "session" | "accountId" | "runId" | "step" | "fence">,
  said: Partial<TaskReport> = {},
): TaskReport {
  const { session, accountId, runId, step, fence } = task;
  return {
    session,
    accountId,
    runId,
    step,
    fence,
    kind: "FINISHED",
    outcome: "SUCCEEDED",
    exitCode: said.outcome === "FAILED" ? 7 : 0,
    output: null,
    error: null,
    log: null,
    ...said,
  };
}
