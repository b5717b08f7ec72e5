import type { RunCommand } from "../../src/domain/commands.ts";
import {
  type JudgedRun,
  type RunAction,
  runObstacle,
  type StepAction,
  stepObstacle,
} from "../../src/domain/legal.ts";
import type { RunState } from "../../src/domain/run-state.ts";
import type { TestReviewStatus } from "../../src/domain/tests.ts";
import { completion, decision, PERSON, tallyOf } from "./driven-run.ts";
import { isEnd } from "./reference.ts";

/** Something a person may ask, and whether the published table of legal states allows it. */
export interface Wish {
  readonly commands: readonly RunCommand[];
  readonly legal: boolean;
  /** Legal, and yet nothing is left to be done: asking for what is so already is no error. */
  readonly repeats: boolean;
}

const actorId = PERSON;
const message = null;

const TEST = { test: 0, key: "t", attempt: 1 };

/** A waiver makes the gate of the step pass, a rejection closes it. */
function review(step: number, status: TestReviewStatus): RunCommand {
  const tally = tallyOf(status === "WAIVED" ? "SUCCEEDED" : "FAILED");
  const given = { review: status, comment: null, expiresAt: null, actorId };
  return { kind: "REVIEW_TESTS", step, tests: [TEST], tally, ...given };
}

const STEP_WISHES: readonly [StepAction, (run: RunState, step: number, dice: number) => RunCommand][] = [
  ["abortStepRun", (_run, step) => ({ kind: "ABORT_STEP", step, message, actorId })],
  ["retryStepRun", (_run, step) => ({ kind: "RETRY_STEP", step, actorId })],
  ["replayStepRunSubtree", (_run, step) => ({ kind: "REPLAY_SUBTREE", step, actorId })],
  ["skipStepRun", (_run, step) => ({ kind: "SKIP_STEP", step, message, actorId })],
  ["forceCompleteStepRun", (_run, step) => ({ kind: "FORCE_COMPLETE_STEP", step, output: {}, actorId })],
  ["completeStepRun", (_run, step, dice) => completion(step, dice % 3 > 0)],
  [
    "decideApproval",
    (run, step, dice) => decision(step, dice % 4 > 0, run.graph.steps[step]!.approval?.quorum ?? 1),
  ],
  // The tests of a step can be acted on wherever the step can be given some.
  ["submitTests", (_run, step) => ({ kind: "QUEUE_TESTS", step, tests: [TEST], actorId })],
  ["submitTests", (_run, step) => ({ kind: "ABORT_TESTS", step, tests: [TEST], actorId })],
  [
    "submitTests",
    (_run, step, dice) => review(step, (["APPROVED", "REJECTED", "WAIVED"] as const)[dice % 3]!),
  ],
];

/** What the table of legal states is told of a step. */
export function judgedStep({ steps, graph }: RunState, index: number) {
  const { status, reason, attempt, startedAt } = steps[index]!;
  const { type, waitsFor } = graph.steps[index]!;
  const started = attempt > 0 || startedAt !== null || status === "SUCCEEDED";
  return { status, reasonCode: reason?.code ?? null, type, waitsFor, started };
}

export function stepWish(run: RunState, step: number, dice: number): Wish {
  const [action, command] = STEP_WISHES[dice % STEP_WISHES.length]!;
  const legal = stepObstacle(action, run, judgedStep(run, step)) === null;
  // What a canceled run still has is being stopped already.
  const repeats = action === "abortStepRun" && run.status === "CANCELING";
  return { commands: [command(run, step, Math.floor(dice / 16))], legal, repeats };
}

const RUN_WISHES: readonly [RunAction, RunCommand][] = [
  ["startWorkflowRun", { kind: "START_RUN", actorId }],
  ["pauseWorkflowRun", { kind: "PAUSE_RUN", mode: "DRAIN", message, actorId }],
  ["pauseWorkflowRun", { kind: "PAUSE_RUN", mode: "INTERRUPT", message, actorId }],
  ["resumeWorkflowRun", { kind: "RESUME_RUN", actorId }],
  ["cancelWorkflowRun", { kind: "CANCEL_RUN", mode: "GRACEFUL", message, actorId }],
  ["cancelWorkflowRun", { kind: "CANCEL_RUN", mode: "FORCE", message, actorId }],
  ["setWorkflowRunLabels", { kind: "CHANGE_LABELS", labels: { a: "b" }, actorId }],
  ["annotateWorkflowRun", { kind: "ANNOTATE_RUN", annotations: { c: "d" } }],
];

export function runWish(run: RunState, dice: number): Wish {
  const rare = Math.floor(dice / 16) % 8 === 0;
  if (rare) return sealing(run);
  const [action, command] = RUN_WISHES[dice % RUN_WISHES.length]!;
  const legal = runObstacle(action, run) === null;
  return { commands: [command], legal, repeats: command.kind === "CANCEL_RUN" && isEnding(run, command) };
}

/** A cancel of a run that is being canceled, unless it is harder; or one of a run that was. */
function isEnding({ status, ending }: RunState, { mode }: Extract<RunCommand, { kind: "CANCEL_RUN" }>) {
  if (isEnd(status)) return true;
  return ending?.kind === "CANCELED" && (ending.mode === "FORCE" || mode === "GRACEFUL");
}

/** Seals a run that has ended; one that has not is canceled with it. */
function sealing(run: RunState): Wish {
  const judged: JudgedRun = run;
  const legal = runObstacle("finalizeWorkflowRun", judged) === null;
  const seal: RunCommand = { kind: "FINALIZE_RUN" };
  if (legal) return { commands: [seal], legal, repeats: run.finalizedAt !== null };
  const cancel: RunCommand = { kind: "CANCEL_RUN", mode: "GRACEFUL", message, actorId };
  return { commands: [seal, cancel], legal: true, repeats: run.sealing };
}
