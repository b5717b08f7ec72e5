import type { RunCommand } from "./commands.ts";
import type { RunEventDraft } from "./events.ts";
import {
  addLogFiles,
  changeLabels,
  endRun,
  finalizeRun,
  pauseRun,
  resumeRun,
  reuseSteps,
  startRun,
} from "./run-commands.ts";
import { RunDraft } from "./run-draft.ts";
import type {
  ApprovalChange,
  AttemptEnd,
  RunHead,
  RunState,
  StageState,
  StepResultChange,
  StepState,
} from "./run-state.ts";
import { settle } from "./settle.ts";
import type { RunSignalDraft } from "./signals.ts";
import { applyStepCommand, endChild } from "./step-commands.ts";
import type { TestsChange } from "./step-tests.ts";
import { finishStep, loseLease, releaseStep, startStep, wakeStep } from "./task-reports.ts";

/** Everything that a batch of commands changes: it is stored in one transaction, or not at all. */
export interface RunDelta {
  readonly head: RunHead;
  readonly steps: readonly StepState[];
  readonly stages: readonly StageState[];
  readonly attempts: readonly AttemptEnd[];
  readonly events: readonly RunEventDraft[];
  readonly results: readonly StepResultChange[];
  readonly approvals: readonly ApprovalChange[];
  readonly signals: readonly RunSignalDraft[];
  readonly tests: readonly TestsChange[];
  /** The run's labels and annotations from now on; null = as before. */
  readonly labels: Readonly<Record<string, string>> | null;
  readonly annotations: Readonly<Record<string, string>> | null;
  /** For each command, in order: false = it came too late (another fence, an ended step) and did nothing. */
  readonly applied: readonly boolean[];
}

/**
 * Decides what commands do to a run. Pure: the same run, commands and time always give the same delta.
 * Commands that came too late are no error, they just do nothing.
 */
export function decide(run: RunState, commands: readonly RunCommand[], now: Date): RunDelta {
  const draft = new RunDraft(run, now);
  const applied: boolean[] = [];
  let askerId: string | null = null;
  for (const command of commands) {
    // Whether the run is over is only known once the commands before have had their consequences.
    if (!isReport(command) && applied.includes(true)) settle(draft, askerId);
    const done = apply(draft, command);
    if (done && !isReport(command) && "actorId" in command) askerId = command.actorId;
    applied.push(done);
  }
  if (applied.includes(true)) settle(draft, askerId);
  return {
    head: draft.head,
    steps: draft.changedSteps,
    stages: draft.changedStages,
    attempts: draft.attempts,
    events: draft.events,
    results: draft.changedResults,
    approvals: draft.approvals,
    signals: draft.signals,
    tests: draft.changedTests,
    labels: draft.labels,
    annotations: draft.annotations,
    applied,
  };
}

/** What runners and time say of single steps; the rest is asked of the run as it stands. */
function isReport({ kind }: RunCommand): boolean {
  return REPORTS.has(kind);
}

const REPORTS: ReadonlySet<RunCommand["kind"]> = new Set([
  "START_STEP",
  "FINISH_STEP",
  "RELEASE_STEP",
  "LOSE_LEASE",
  "WAKE_STEP",
]);

function apply(draft: RunDraft, command: RunCommand): boolean {
  switch (command.kind) {
    case "START_RUN":
      return startRun(draft);
    case "CANCEL_RUN": {
      const reason = draft.reason("REQUESTED", command.message ?? "canceled on request", command.actorId);
      return endRun(draft, { kind: "CANCELED", mode: command.mode, reason });
    }
    case "EXPIRE_RUN": {
      if (draft.head.expiresAt > draft.now) return false;
      const reason = draft.reason("EXPIRED", "the run's timeout is over");
      return endRun(draft, { kind: "TIMED_OUT", mode: "GRACEFUL", reason });
    }
    case "PAUSE_RUN":
      return pauseRun(draft, command);
    case "RESUME_RUN":
      return resumeRun(draft);
    case "FINALIZE_RUN":
      return finalizeRun(draft);
    case "CHANGE_LABELS":
      return changeLabels(draft, command);
    case "ADD_LOG_FILES":
      return addLogFiles(draft, command);
    case "ANNOTATE_RUN":
      draft.annotations = command.annotations;
      return true;
    case "DELETE_RUN":
      draft.events.push({ type: "RunDeleted", payload: {}, actorId: command.actorId });
      return true;
    case "REUSE_STEPS":
      return reuseSteps(draft, command.steps, command.actorId);
    case "START_STEP":
      return startStep(draft, command.step, command.fence, command.actorId);
    case "FINISH_STEP":
      return finishStep(draft, command);
    case "RELEASE_STEP":
      return releaseStep(draft, command.step, command.fence, "CONFIRMED");
    case "LOSE_LEASE":
      return loseLease(draft, command.step, command.fence);
    case "WAKE_STEP":
      return wakeStep(draft, command.step);
    case "CHILD_ENDED":
      return endChild(draft, command);
    default:
      return applyStepCommand(draft, command);
  }
}
