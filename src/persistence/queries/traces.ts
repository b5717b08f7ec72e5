import type { TraceKind } from "../../domain/events.ts";
import type { Queryable, Statement } from "./queryable.ts";
import type { StepPlace } from "./steps.ts";

/** What a step told of its work: the payload of an event of its run. */
export interface TraceRecord {
  readonly seq: number;
  readonly attempt: number;
  readonly kind: TraceKind;
  readonly content: string;
  readonly at: Date;
  readonly actorId: string | null;
}

/** As the index is written, so that it is used. */
const OF_STEP =
  "run_id = $1 and (payload ->> 'step')::integer = $2 and payload ? 'content' and type = 'StepTraced'";
const LIST: Statement = {
  name: "traces-of-step",
  text: `select seq, (payload ->> 'attempt')::integer as attempt, payload ->> 'kind' as kind,
      payload ->> 'content' as content, at, actor_id as "actorId"
    from run_event where ${OF_STEP} and seq > $3 order by seq limit $4`,
};
const COUNT: Statement = {
  name: "trace-count",
  text: `select trace_count as count from step_run where run_id = $1 and idx = $2`,
};

/** Oldest first. */
export async function tracesOfStep(
  source: Queryable,
  { runId, index }: StepPlace,
  after: number | null,
  limit: number,
): Promise<TraceRecord[]> {
  return await source.query<TraceRecord>(LIST, [runId, index, after ?? 0, limit]);
}

export async function countTraces(source: Queryable, { runId, index }: StepPlace): Promise<number> {
  const [row] = await source.query<{ count: number }>(COUNT, [runId, index]);
  return row?.count ?? 0;
}
