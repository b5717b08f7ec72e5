import type { TraceKind } from "../domain/events.ts";
import type { StatusReasonCode, StepRunStatus, WorkflowRunStatus } from "../domain/statuses.ts";
import type { Transaction } from "./database.ts";
import type { Statement } from "./queries/queryable.ts";
import type { StepPlace } from "./queries/steps.ts";

/** A step as far as it matters to whoever tells of it; its run is locked. */
export interface TellingStep {
  readonly versionId: string;
  readonly runStatus: WorkflowRunStatus;
  readonly finalizedAt: Date | null;
  readonly status: StepRunStatus;
  readonly reasonCode: StatusReasonCode | null;
  readonly fence: number;
  readonly leased: boolean;
  readonly attempt: number;
  readonly startedAt: Date | null;
}

const LOCK: Statement = {
  name: "lock-run-row",
  text: "select id from workflow_run where id = $1 and deleted_at is null for no key update",
};
/** Apart from the lock: one statement would see the step as it was before it waited. */
const STEP: Statement = {
  name: "telling-step",
  text: `select r.workflow_version_id as "versionId",
      r.status as "runStatus", r.finalized_at as "finalizedAt", s.status, s.status_reason ->> 'code' as "reasonCode",
      s.fence, s.session_id is not null as leased, s.attempt, s.started_at as "startedAt"
    from workflow_run r join step_run s on s.run_id = r.id where r.id = $1 and s.idx = $2`,
};
const PROGRESS: Statement = {
  name: "report-step-progress",
  text: "select report_step_progress($1, $2, $3, $4, $5, $6) as seq",
};
const TRACE: Statement = {
  name: "record-step-trace",
  text: "select record_step_trace($1, $2, $3, $4, $5, $6, $7) as seq",
};

/** Null when there is no such step. */
export async function lockTellingStep(
  transaction: Transaction,
  { runId, index }: StepPlace,
): Promise<TellingStep | null> {
  if ((await transaction.query(LOCK, [runId])).length === 0) return null;
  const [row] = await transaction.query<TellingStep>(STEP, [runId, index]);
  return row ?? null;
}

export interface Told {
  readonly place: StepPlace;
  readonly actorId: string;
  readonly at: Date;
}

/** @returns the seq of the event that tells of it; null when a later one will */
export async function storeProgress(
  transaction: Transaction,
  { place: { runId, index }, actorId, at }: Told,
  progress: number,
  message: string | null,
): Promise<number | null> {
  const values = [runId, index, progress, message, actorId, at];
  return (await transaction.query<{ seq: number | null }>(PROGRESS, values))[0]!.seq;
}

/** @returns the event's seq; null when the step has told as much as it may */
export async function storeTrace(
  transaction: Transaction,
  { place: { runId, index }, actorId, at }: Told,
  trace: { readonly kind: TraceKind; readonly content: string },
  most: number,
): Promise<number | null> {
  const values = [runId, index, trace.kind, trace.content, actorId, at, most];
  return (await transaction.query<{ seq: number | null }>(TRACE, values))[0]!.seq;
}
