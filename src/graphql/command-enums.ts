import { RETRY_VERSIONS } from "../actions/retry-workflow-run.ts";
import { RUN_STARTS } from "../actions/run-options.ts";
import { ACCESS } from "../domain/access.ts";
import { APPROVAL_VERDICTS } from "../domain/approvals.ts";
import { BULK_ACTIONS, BULK_OUTCOMES, BULK_STATUSES } from "../domain/bulk.ts";
import { TRACE_KINDS } from "../domain/events.ts";
import { RETRY_MODES } from "../domain/retry-plan.ts";
import { CANCEL_MODES, PAUSE_MODES } from "../domain/run-state.ts";
import { MISSED_RUNS } from "../domain/triggers.ts";
import { enumOf } from "./enum-of.ts";

/** What commands can be told: how hard, how much, of what. */

export const MissedRunsEnum = enumOf(
  "MissedRuns",
  "What a schedule does about times that passed more than 60 seconds ago without a run, because no server ran.",
  MISSED_RUNS,
  {
    SKIP: { description: "Nothing." },
    RUN_ONCE: { description: "One run for all of them; a time that has just come stands for them too." },
    RUN_ALL: {
      description: "One run for each, the oldest first; of more than 100 only the newest 100.",
    },
  },
);
export const CancelModeEnum = enumOf("CancelMode", "How hard a cancel is.", CANCEL_MODES, {
  GRACEFUL: { description: "SIGTERM, ten seconds of grace, then SIGKILL." },
  FORCE: { description: "SIGKILL at once." },
});
export const ApprovalVerdictEnum = enumOf("ApprovalVerdict", "What an approver decides.", APPROVAL_VERDICTS);
export const TraceKindEnum = enumOf("TraceKind", "What of its work a step tells of.", TRACE_KINDS, {
  THINKING: { description: "What it considers." },
  TOOL: { description: "Something that it calls, or the answer." },
  NOTE: { description: "Everything else." },
});
export const RunStartEnum = enumOf("RunStart", "When a new run starts.", RUN_STARTS, {
  IMMEDIATE: { description: "As soon as it is made." },
  MANUAL: { description: "When `startWorkflowRun` asks for it; until then it is PENDING." },
});
export const PauseModeEnum = enumOf("PauseMode", "What a pause does to running steps.", PAUSE_MODES, {
  DRAIN: { description: "They finish." },
  INTERRUPT: { description: "They are stopped and queued again; that costs them no try." },
});
export const RetryModeEnum = enumOf("RetryMode", "How much of a run is done again.", RETRY_MODES, {
  FROM_FAILED: { description: "Steps without a good result, and everything that comes after them." },
  FROM_STEPS: { description: "The steps that are named, and those that have no good result." },
  ALL: { description: "Everything." },
});
export const RetryVersionEnum = enumOf(
  "RetryVersion",
  "Which version of its workflow a retry executes.",
  RETRY_VERSIONS,
  {
    ORIGINAL: { description: "That of the run it retries." },
    LATEST: { description: "The newest; steps are matched by their refs." },
  },
);
export const BulkActionEnum = enumOf("BulkAction", "What is done to many runs.", BULK_ACTIONS);
export const BulkStatusEnum = enumOf("BulkStatus", "Where a bulk operation stands.", BULK_STATUSES, {
  RUNNING: { description: "Some runs wait for their turn." },
  COMPLETED: { description: "Every run had its turn." },
  ABORTED: { description: "Stopped on request; what was done stays done." },
});
export const BulkOutcomeEnum = enumOf(
  "BulkOutcome",
  "What became of one run of a bulk command.",
  BULK_OUTCOMES,
  {
    CANCELED: { description: "It has ended; every process is confirmed dead, or there was none." },
    CANCELING: { description: "Its processes are being stopped." },
    REPLAYED: { description: "A new run does it again." },
    DELETED: { description: "It is gone." },
    LABELED: { description: "It has the labels." },
    ALREADY_COMPLETED: { description: "It had ended otherwise before." },
    ALREADY_CANCELED: { description: "It had been canceled before." },
    NOT_ELIGIBLE: { description: "Its state does not allow it." },
    NOT_FOUND: { description: "There is no such run for this viewer." },
    FORBIDDEN: { description: "The viewer's role in its project does not allow it." },
    ERROR: { description: "It could not be done now; `error` says why." },
  },
);
export const RunActionEnum = enumOf(
  "Action",
  "Mutations whose availability an object can tell.",
  Object.keys(ACCESS.Mutation).filter(
    (name) => ACCESS.Mutation[name as keyof typeof ACCESS.Mutation] !== "RUNNER",
  ),
);
