import type { CancelMode } from "../domain/run-state.ts";
import type { ParentStep, RunSignalKind } from "../domain/signals.ts";
import type { WorkflowRunStatus } from "../domain/statuses.ts";
import type { Queryable, Statement } from "./queries/queryable.ts";

interface SignalBase {
  readonly id: string;
  /** The step that the signal is about. */
  readonly parent: ParentStep;
}

export interface CancelChildSignal extends SignalBase {
  readonly kind: "CANCEL_CHILD";
  readonly mode: CancelMode;
  readonly message: string;
}

export type RunSignal =
  | (SignalBase & { readonly kind: "START_CHILD" })
  | CancelChildSignal
  | (SignalBase & { readonly kind: "CHILD_FINISHED"; readonly childRunId: string });

/** What the making of a child has to know of the run that wants it. */
export interface ParentRecord {
  readonly projectId: string;
  readonly versionId: string;
  readonly createdBy: string;
  /** The step still waits, in this attempt. */
  readonly waiting: boolean;
  /** How many runs are above it: 0 for one that no step made. */
  readonly depth: number;
}

const PENDING: Statement = {
  name: "pending-signals",
  text: `select id::text, target_run_id as "runId", kind, payload from run_signal
    where next_try_at is null or next_try_at <= $1 order by id limit $2`,
};
const DELETE: Statement = {
  name: "delete-signal",
  text: "delete from run_signal where id = $1 returning true as deleted",
};
const POSTPONE: Statement = {
  name: "postpone-signal",
  text: "update run_signal set next_try_at = $2 where id = $1",
};
const OPEN_CHILDREN: Statement = {
  name: "open-children",
  text: `select count(*)::integer as count from (
      select from workflow_run where project_id = $1 and parent_run_id is not null and finished_at is null limit $2
    ) open`,
};
const STARTING: Statement = {
  name: "start-signal",
  text: `select true as found from run_signal
    where target_run_id = $1 and kind = 'START_CHILD' and payload @> jsonb_build_object('step', $2::integer,
      'attempt', $3::integer)`,
};
const CHILD: Statement = {
  name: "child-of-step",
  text: `select id from workflow_run
    where parent_run_id = $1 and parent_step_idx = $2 and parent_attempt = $3`,
};
/** Also of a run that is deleted: what it executes may still be on its way to its end. */
const CHILD_END: Statement = {
  name: "end-of-child",
  text: `select status, status_reason ->> 'message' as reason, number, workflow_name as "workflowName",
      workflow_version_id as "versionId"
    from workflow_run where id = $1`,
};
const PARENT: Statement = {
  name: "parent-of-child",
  text: `with recursive above (id, parent_run_id, depth) as (
      select r.id, r.parent_run_id, 0 from workflow_run r where r.id = $1
      union all
      select r.id, r.parent_run_id, a.depth + 1 from above a join workflow_run r on r.id = a.parent_run_id
      where a.depth < 100
    )
    select r.project_id as "projectId", r.workflow_version_id as "versionId", r.created_by as "createdBy",
      s.status = 'WAITING' and s.attempt = $3 as waiting, (select max(a.depth) from above a) as depth
    from workflow_run r join step_run s on s.run_id = r.id and s.idx = $2 where r.id = $1`,
};

interface SignalRow {
  readonly id: string;
  readonly runId: string;
  readonly kind: RunSignalKind;
  readonly payload: { readonly step: number; readonly attempt: number };
}

/** The oldest signals that are not applied yet, but for those that failed and wait for their next try. */
export async function pendingSignals(source: Queryable, now: Date, limit: number): Promise<RunSignal[]> {
  const rows = await source.query<SignalRow>(PENDING, [now, limit]);
  return rows.map(({ id, runId, kind, payload: { step, attempt, ...rest } }) => {
    return { id, kind, ...rest, parent: { runId, step, attempt } } as RunSignal;
  });
}

/** @returns false when somebody else has applied it */
export async function deleteSignal(source: Queryable, id: string): Promise<boolean> {
  return (await source.query(DELETE, [id])).length > 0;
}

export async function postponeSignal(source: Queryable, id: string, until: Date): Promise<void> {
  await source.query(POSTPONE, [id, until]);
}

/** How many runs of a project that steps made have not ended, counted up to `cap`. */
export async function countOpenChildren(source: Queryable, projectId: string, cap: number): Promise<number> {
  const [row] = await source.query<{ count: number }>(OPEN_CHILDREN, [projectId, cap]);
  return row!.count;
}

export async function hasStartSignal(
  source: Queryable,
  { runId, step, attempt }: ParentStep,
): Promise<boolean> {
  return (await source.query(STARTING, [runId, step, attempt])).length > 0;
}

/** The run that a step made in one of its attempts; null when it made none. */
export async function childOf(
  source: Queryable,
  { runId, step, attempt }: ParentStep,
): Promise<string | null> {
  const [row] = await source.query<{ id: string }>(CHILD, [runId, step, attempt]);
  return row?.id ?? null;
}

export interface ChildEndRecord {
  readonly status: WorkflowRunStatus;
  readonly reason: string | null;
  readonly number: number;
  readonly workflowName: string;
  readonly versionId: string;
}

/** Null when nothing is left of it. */
export async function childEnd(source: Queryable, runId: string): Promise<ChildEndRecord | null> {
  const [row] = await source.query<ChildEndRecord>(CHILD_END, [runId]);
  return row ?? null;
}

export async function parentOf(
  source: Queryable,
  { runId, step, attempt }: ParentStep,
): Promise<ParentRecord | null> {
  const [row] = await source.query<ParentRecord>(PARENT, [runId, step, attempt]);
  return row ?? null;
}
