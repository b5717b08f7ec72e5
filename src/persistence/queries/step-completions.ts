import type { StepCompletionBody } from "../../domain/run-state.ts";
import type { Queryable, Statement } from "./queryable.ts";

const COMPLETION: Statement = {
  name: "step-completion",
  text: "select completion from step_result where run_id = $1 and idx = $2",
};

/** How an external system completed a step; null when none did. */
export async function stepCompletion(
  source: Queryable,
  runId: string,
  step: number,
): Promise<StepCompletionBody | null> {
  const [row] = await source.query<{ completion: StepCompletionBody | null }>(COMPLETION, [runId, step]);
  return row?.completion ?? null;
}
