import type { Viewer } from "../domain/access.ts";
import type { StepCommand } from "../domain/commands.ts";
import type { RunDelta } from "../domain/decide.ts";
import { encodeId } from "../domain/ids.ts";
import { hasStarted, type StepAction, stepObstacle } from "../domain/legal.ts";
import { invalidState, notFound } from "../domain/refusals.ts";
import type { Engine } from "../orchestration/transition.ts";
import type { Transaction } from "../persistence/database.ts";
import { findStepPlace } from "../persistence/queries/step-places.ts";
import type { LockedRun } from "../persistence/run-store.ts";
import type { CommandOptions } from "./command.ts";
import { commandRun } from "./command-run.ts";

/** Which step: by its place, or by its run and the ref in the workflow file. */
export type StepSelector =
  | { readonly runId: string; readonly index: number }
  | { readonly runId: string; readonly ref: string };

export interface StepRequest {
  readonly step: StepSelector;
  readonly command: CommandOptions;
}

export interface StepCommanding<Result> {
  readonly action: StepAction;
  readonly details: Readonly<Record<string, unknown>>;
  /** Legal although the table says no, such as a completion that is repeated: then nothing is done. */
  readonly isRepeated?: (run: LockedRun, step: number, transaction: Transaction) => Promise<boolean>;
  readonly commandOn: (
    run: LockedRun,
    step: number,
    transaction: Transaction,
  ) => StepCommand | Promise<StepCommand>;
  /** What else is stored, once the decision is. */
  readonly afterwards?: (transaction: Transaction) => Promise<void>;
  readonly answer: (delta: RunDelta) => Result;
}

export const STEP_PATH = "input.step";

/** A step as an action found it. */
export interface StepAnswer<Result> {
  readonly runId: string;
  readonly index: number;
  readonly result: Result;
}

/** The way of every command to one step of a run: see `commandRun`. */
export async function commandStep<Result>(
  engine: Engine,
  viewer: Viewer,
  request: StepRequest,
  { action, details, isRepeated, commandOn, afterwards, answer }: StepCommanding<Result>,
): Promise<StepAnswer<Result>> {
  const { runId } = request.step;
  const index = await placeOfStep(engine, request.step);
  const result = await commandRun(
    engine,
    viewer,
    { runId, command: request.command },
    {
      mutation: action,
      path: STEP_PATH,
      details: { ...details, step: encodeId("StepRun", runId, index ?? 0) },
      decideOn: async (run, transaction) => {
        if (index === null || run.state.steps[index] === undefined) throw notFound(STEP_PATH);
        if ((await isRepeated?.(run, index, transaction)) === true) return [];
        refuseStepObstacle(action, run, index);
        return [await commandOn(run, index, transaction)];
      },
      ...(afterwards && { afterwards }),
      answer,
    },
  );
  return { runId, index: index!, result };
}

export async function placeOfStep({ database }: Engine, step: StepSelector): Promise<number | null> {
  return "index" in step ? step.index : await findStepPlace(database, step.runId, step.ref);
}

function refuseStepObstacle(action: StepAction, { state }: LockedRun, index: number): void {
  const step = state.steps[index]!;
  const obstacle = stepObstacle(action, state, {
    status: step.status,
    reasonCode: step.reason?.code ?? null,
    type: state.graph.steps[index]!.type,
    waitsFor: state.graph.steps[index]!.waitsFor,
    started: hasStarted(step),
  });
  if (obstacle !== null) throw invalidState(STEP_PATH, obstacle.message, obstacle.current, obstacle.allowed);
}
