import { TASK_OUTCOMES } from "../domain/commands.ts";
import { enumOf } from "./enum-of.ts";

/** The words of the protocol between runners and the server. */

export const TaskReportKindEnum = enumOf(
  "TaskReportKind",
  "What a runner reports about a task.",
  ["STARTED", "FINISHED", "RELEASED"],
  {
    STARTED: { description: "Its process runs." },
    FINISHED: { description: "It has ended; `outcome` says how." },
    RELEASED: { description: "It was never started and goes back to the queue." },
  },
);
export const TaskOutcomeEnum = enumOf("TaskOutcome", "How a task ended.", TASK_OUTCOMES, {
  ABORTED: { description: "The runner killed it: it was told to cancel, or it is shutting down." },
});
export const ReportResultEnum = enumOf("ReportResult", "What became of a report.", ["APPLIED", "STALE"], {
  APPLIED: { description: "It counts, now or since an earlier time it was sent." },
  STALE: { description: "The step was no longer leased to this session; the report changed nothing." },
});
export const LogAppendOutcomeEnum = enumOf(
  "LogAppendOutcome",
  "What became of an append.",
  ["APPENDED", "MISMATCH", "SEALED", "STALE"],
  {
    APPENDED: { description: "Stored." },
    MISMATCH: { description: "The log ends elsewhere: go on from the offset in the answer." },
    SEALED: { description: "The log is complete or full; nothing more is taken." },
    STALE: { description: "The step is not, or no longer, leased to this session." },
  },
);
