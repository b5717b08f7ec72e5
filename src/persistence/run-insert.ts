import type { RunDelta } from "../domain/decide.ts";
import type { EnvVar } from "../domain/definition.ts";
import type { RunState } from "../domain/run-state.ts";
import type { RunTriggerType } from "../domain/triggers.ts";
import type { Transaction } from "./database.ts";
import { addEvents, headRow } from "./delta-rows.ts";
import type { Statement } from "./queries/queryable.ts";
import { storeConsequences } from "./run-consequences.ts";
import { countSteps, stageRow, stepRow, withDelta } from "./run-rows.ts";
import { type AppliedDeltas, parentStep } from "./run-store.ts";

/** The run that a run is a part of, and the step that waits for it; without an attempt nothing waits. */
export interface RunParent {
  readonly runId: string;
  readonly step: number | null;
  readonly attempt: number | null;
}

export interface NewRun {
  readonly projectId: string;
  readonly workflowId: string;
  readonly workflowName: string;
  readonly versionId: string;
  readonly number: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly message: string | null;
  readonly branch: string | null;
  readonly commit: string | null;
  readonly triggerType: RunTriggerType;
  readonly triggerRef: string | null;
  readonly createdBy: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly debug: boolean;
  readonly retryOfId: string | null;
  readonly rootRunId: string | null;
  readonly sourceRunId: string | null;
  readonly parent: RunParent | null;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly payload: unknown;
  readonly envVars: readonly EnvVar[];
}

const NEXT_NUMBER: Statement = {
  name: "next-run-number",
  text: "update workflow set last_run_number = last_run_number + 1 where id = $1 returning last_run_number as number",
};
const INSERT_RUN: Statement = {
  name: "insert-run",
  text: `insert into workflow_run (id, project_id, workflow_id, workflow_version_id, workflow_name, number, status,
      status_reason, ending, progress, step_count, open_steps, active_steps, last_seq, revision, labels, message,
      branch, commit, trigger_type, trigger_ref, created_by, created_at, updated_at, queued_at, started_at,
      finished_at, expires_at, timeout_ms, max_parallel_steps, step_retries, annotations, retry_of_id, root_run_id,
      source_run_id, parent_run_id, parent_step_idx, parent_attempt)
    select d.id, $2, $3, $4, $5, $6, d.status, d.status_reason, d.ending, d.progress, $7, d.open_steps,
      d.active_steps, $8, 1, $9, $10, $11, $12, $13, $14, $15, $16, $16, d.queued_at, d.started_at, d.finished_at,
      d.expires_at, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26
    from jsonb_to_record($1) as d(id uuid, status workflow_run_status, status_reason jsonb, ending jsonb,
      progress smallint, open_steps integer, active_steps integer, queued_at timestamptz, started_at timestamptz,
      finished_at timestamptz, expires_at timestamptz)`,
};
const INSERT_INPUT: Statement = {
  name: "insert-run-input",
  text: "insert into workflow_run_input (run_id, inputs, payload, env_vars, debug) values ($1, $2, $3, $4, $5)",
};
const INSERT_STAGES: Statement = {
  name: "insert-stages",
  text: `insert into stage_run (run_id, idx, status, status_reason, open_steps, active_steps, started_at, finished_at)
    select d.run_id, d.idx, d.status, d.status_reason, d.open_steps, d.active_steps, d.started_at, d.finished_at
    from jsonb_to_recordset($1) as d(run_id uuid, idx integer, status stage_run_status, status_reason jsonb,
      open_steps integer, active_steps integer, started_at timestamptz, finished_at timestamptz)`,
};
/** Steps are copied from the version inside the database; only those that the start changed are sent. */
const INSERT_STEPS: Statement = {
  name: "insert-steps",
  text: `insert into step_run (run_id, idx, stage_idx, status, status_reason, pending, ready_pool, fence, attempt, lost,
      started_at, finished_at, due_at, gated)
    select $1, w.idx, w.stage_idx, coalesce(d.status, 'PENDING'), d.status_reason,
      coalesce(d.pending, cardinality(w.needs) + w.behind_barrier::integer), case when d.ready then w.pool_id end,
      0, coalesce(d.attempt, 0), 0, d.started_at, d.finished_at, d.due_at, w.type = 'TEST'
    from workflow_step w
    left join jsonb_to_recordset($2) as d(idx integer, status step_run_status, status_reason jsonb, pending integer,
      ready boolean, attempt integer, started_at timestamptz, finished_at timestamptz, due_at timestamptz) on d.idx = w.idx
    where w.version_id = $3`,
};

/** Takes the workflow's lock; a run's number is given once and never again. Null when there is no such workflow. */
export async function nextRunNumber(transaction: Transaction, workflowId: string): Promise<number | null> {
  const [row] = await transaction.query<{ number: number }>(NEXT_NUMBER, [workflowId]);
  return row?.number ?? null;
}

/** Stores a new run as the delta of its first commands left it. */
export async function insertRun(
  transaction: Transaction,
  run: NewRun,
  state: RunState,
  delta: RunDelta,
  now: Date,
): Promise<AppliedDeltas> {
  const { id } = state;
  const after = withDelta(state, delta);
  const counts = countSteps(after);
  await transaction.query(INSERT_RUN, [
    JSON.stringify(headRow(id, delta, counts.run)),
    run.projectId,
    run.workflowId,
    run.versionId,
    run.workflowName,
    run.number,
    state.steps.length,
    delta.events.length,
    JSON.stringify(run.labels),
    run.message,
    run.branch,
    run.commit,
    run.triggerType,
    run.triggerRef,
    run.createdBy,
    now,
    state.settings.timeoutMs,
    state.settings.maxParallelSteps,
    state.settings.stepRetries,
    JSON.stringify(run.annotations),
    run.retryOfId,
    run.rootRunId,
    run.sourceRunId,
    run.parent?.runId ?? null,
    run.parent?.step ?? null,
    run.parent?.attempt ?? null,
  ]);
  await transaction.query(INSERT_INPUT, [
    id,
    JSON.stringify(run.inputs),
    run.payload === null ? null : JSON.stringify(run.payload),
    JSON.stringify(run.envVars),
    run.debug,
  ]);
  const stages = after.stages.map((stage) => stageRow(id, stage, counts.stages[stage.index]!));
  await transaction.query(INSERT_STAGES, [JSON.stringify(stages)]);
  const steps = delta.steps.map((step) => stepRow(id, step));
  await transaction.query(INSERT_STEPS, [id, JSON.stringify(steps), run.versionId]);
  await addEvents(transaction, id, delta.events, 0, now);
  const { projectId } = run;
  const parent = parentStep(run.parent);
  const signaled = await storeConsequences(transaction, [{ run: { state, projectId, parent }, delta }], now);
  return {
    changes: [{ runId: id, lastSeq: delta.events.length }],
    cancelingSessions: [],
    workReady: delta.steps.some(({ ready }) => ready),
    signaled,
  };
}
