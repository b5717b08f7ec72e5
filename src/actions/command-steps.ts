import { isDeepStrictEqual } from "node:util";
import type { Viewer } from "../domain/access.ts";
import { invalidValue } from "../domain/refusals.ts";
import type { StepCompletionBody } from "../domain/run-state.ts";
import type { Engine } from "../orchestration/transition.ts";
import { findStepResults } from "../persistence/queries/step-results.ts";
import { checkReason } from "./command-run.ts";
import { commandStep, type StepAnswer, type StepRequest } from "./command-step.ts";

const MAX_MESSAGE_LENGTH = 2_000;
const MAX_RELEASE_ID_LENGTH = 250;

interface WithReason extends StepRequest {
  readonly reason: string | null;
}

/** Stops one step. What needs it is skipped, and the run fails. */
export async function abortStepRun(
  engine: Engine,
  viewer: Viewer,
  request: WithReason,
): Promise<StepAnswer<null>> {
  const { reason } = request;
  checkReason(reason);
  return await commandStep(engine, viewer, request, {
    action: "abortStepRun",
    details: { reason },
    commandOn: (_run, step) => ({ kind: "ABORT_STEP", step, message: reason, actorId: viewer.accountId }),
    answer: () => null,
  });
}

/** Does a step that failed again, in the same run, and judges anew what was skipped because of it. */
export async function retryStepRun(
  engine: Engine,
  viewer: Viewer,
  request: StepRequest,
): Promise<StepAnswer<null>> {
  return await commandStep(engine, viewer, request, {
    action: "retryStepRun",
    details: {},
    commandOn: (_run, step) => ({ kind: "RETRY_STEP", step, actorId: viewer.accountId }),
    answer: () => null,
  });
}

/**
 * Does a step and everything after it again.
 * @returns how many steps were reset
 */
export async function replayStepRunSubtree(
  engine: Engine,
  viewer: Viewer,
  request: StepRequest,
): Promise<StepAnswer<number>> {
  return await commandStep(engine, viewer, request, {
    action: "replayStepRunSubtree",
    details: {},
    commandOn: (_run, step) => ({ kind: "REPLAY_SUBTREE", step, actorId: viewer.accountId }),
    // Reset already, or as soon as what they do is confirmed dead.
    answer: ({ results, steps }) =>
      new Set([
        ...results.flatMap(({ step, result }) => (result === null ? [step] : [])),
        ...steps.flatMap(({ index, onDeath }) => (onDeath === "RESET" ? [index] : [])),
      ]).size,
  });
}

/** Takes a step as done without doing it: what needs it goes on. */
export async function skipStepRun(
  engine: Engine,
  viewer: Viewer,
  request: WithReason,
): Promise<StepAnswer<null>> {
  const { reason } = request;
  checkReason(reason);
  return await commandStep(engine, viewer, request, {
    action: "skipStepRun",
    details: { reason },
    commandOn: (_run, step) => ({ kind: "SKIP_STEP", step, message: reason, actorId: viewer.accountId }),
    answer: () => null,
  });
}

/** Gives a step its result by hand. A running attempt is stopped first. */
export async function forceCompleteStepRun(
  engine: Engine,
  viewer: Viewer,
  request: StepRequest & { readonly output: Readonly<Record<string, unknown>> },
): Promise<StepAnswer<null>> {
  const { output } = request;
  return await commandStep(engine, viewer, request, {
    action: "forceCompleteStepRun",
    details: {},
    commandOn: (_run, step) => ({ kind: "FORCE_COMPLETE_STEP", step, output, actorId: viewer.accountId }),
    answer: () => null,
  });
}

export interface CompleteStepRun extends StepRequest {
  readonly completion: StepCompletionBody;
  readonly output: Readonly<Record<string, unknown>>;
}

/** Tells how something ended that an external system did. The same message again changes nothing. */
export async function completeStepRun(
  engine: Engine,
  viewer: Viewer,
  request: CompleteStepRun,
): Promise<StepAnswer<null>> {
  const { completion, output } = request;
  checkText(completion.message, MAX_MESSAGE_LENGTH, "input.message");
  checkText(completion.releaseId, MAX_RELEASE_ID_LENGTH, "input.releaseId");
  const given = completion.releaseId === null ? output : { releaseId: completion.releaseId, ...output };
  return await commandStep(engine, viewer, request, {
    action: "completeStepRun",
    details: { ...completion },
    isRepeated: async ({ state }, step, transaction) => {
      if (state.steps[step]!.status === "WAITING") return false;
      const [known] = await findStepResults(transaction, [{ runId: state.id, index: step }]);
      if (known?.completion == null || !isSameCompletion(known.completion, completion)) return false;
      return !completion.success || isDeepStrictEqual(known.output, JSON.parse(JSON.stringify(given)));
    },
    commandOn: (_run, step) => ({
      kind: "COMPLETE_STEP",
      step,
      completion,
      output: given,
      actorId: viewer.accountId,
    }),
    answer: () => null,
  });
}

function isSameCompletion(one: StepCompletionBody, other: StepCompletionBody): boolean {
  return one.success === other.success && one.message === other.message && one.releaseId === other.releaseId;
}

function checkText(text: string | null, most: number, path: string): void {
  if (text === null || (text.length <= most && !text.includes("\0"))) return;
  throw invalidValue(path, `at most ${most} characters and no NUL`);
}
