import type { StepCompletionBody } from "../../domain/run-state.ts";
import type { Queryable, Statement } from "./queryable.ts";
import type { StepPlace } from "./steps.ts";

/** The result of a step that no attempt of it gave: forced, completed from outside, reused from another run. */
export interface StepResultRecord extends StepPlace {
  readonly output: Readonly<Record<string, unknown>> | null;
  readonly completion: StepCompletionBody | null;
  readonly reusedRunId: string | null;
  readonly reusedIndex: number | null;
}

const FIND: Statement = {
  name: "find-step-results",
  text: `select q.run_id as "runId", q.idx as index, q.output, q.completion, q.reused_run_id as "reusedRunId",
      q.reused_idx as "reusedIndex"
    from unnest($1::uuid[], $2::integer[]) k(run_id, idx)
    join step_result q on q.run_id = k.run_id and q.idx = k.idx`,
};

export async function findStepResults(
  source: Queryable,
  places: readonly StepPlace[],
): Promise<StepResultRecord[]> {
  return await source.query<StepResultRecord>(FIND, [
    places.map(({ runId }) => runId),
    places.map(({ index }) => index),
  ]);
}
