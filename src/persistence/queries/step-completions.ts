import type { StepCompletionBody } from "../../domain/run-state.ts";
import type { Queryable, Statement } from "./queryable.ts";

const COMPLETION: Statement = {
  name: "step-completion",
  text: "select completion, output from step_result where run_id = $1 and idx = $2",
};

/** How an external system completed a step, and what the step gives to others since. */
export interface StoredCompletion {
  readonly completion: StepCompletionBody;
  readonly output: Readonly<Record<string, unknown>> | null;
}

/** Null when none did. */
export async function stepCompletion(
  source: Queryable,
  runId: string,
  step: number,
): Promise<StoredCompletion | null> {
  const [row] = await source.query<StoredCompletion>(COMPLETION, [runId, step]);
  return row === undefined || row.completion === null ? null : row;
}
