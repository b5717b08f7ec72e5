import type { RunDelta } from "../domain/decide.ts";
import type { RunState } from "../domain/run-state.ts";
import type { Transaction } from "./database.ts";
import type { Statement } from "./queries/queryable.ts";
import {
  countSteps,
  endingFrom,
  PACKED_STAGE_SQL,
  PACKED_STEP_SQL,
  type PackedStage,
  type PackedStep,
  reasonFrom,
  sessionOf,
  stageFrom,
  stageRow,
  stepFrom,
  stepRow,
  withDelta,
} from "./run-rows.ts";
import type { WorkflowVersions } from "./workflow-versions.ts";

/** A run whose row lock this transaction holds: nothing about it changes under our hands. */
export interface LockedRun {
  readonly state: RunState;
  readonly projectId: string;
  readonly lastSeq: number;
  /** By step: the runner session that holds it. */
  readonly sessions: readonly (string | null)[];
}

/** What others want to know once the transaction is committed. */
export interface RunChange {
  readonly runId: string;
  readonly lastSeq: number;
}

export interface AppliedDeltas {
  readonly changes: readonly RunChange[];
  /** Sessions that hold a step which is to be killed. */
  readonly cancelingSessions: readonly string[];
  /** Some step became claimable. */
  readonly workReady: boolean;
}

const LOCK: Statement = {
  name: "lock-runs",
  text: `select id, project_id, workflow_version_id, status, status_reason, ending, progress, last_seq,
    queued_at, started_at, finished_at
    from workflow_run where id = any ($1) order by id for no key update`,
};
// A second statement, so that it sees what was committed while the first waited for its locks.
const LOAD: Statement = {
  name: "load-steps-and-stages",
  text: `select i.id,
    (select json_agg(${PACKED_STEP_SQL} order by s.idx) from step_run s where s.run_id = i.id) as steps,
    (select json_agg(${PACKED_STAGE_SQL} order by g.idx) from stage_run g where g.run_id = i.id) as stages
    from unnest($1::uuid[]) i(id)`,
};

interface RunRow extends Pick<RunState, "status" | "progress"> {
  readonly id: string;
  readonly project_id: string;
  readonly workflow_version_id: string;
  readonly status_reason: Parameters<typeof reasonFrom>[0];
  readonly ending: Parameters<typeof endingFrom>[0];
  readonly last_seq: number;
  readonly queued_at: Date | null;
  readonly started_at: Date | null;
  readonly finished_at: Date | null;
}

/** Locks runs in ascending order of their ids and loads them whole. Runs that do not exist are left out. */
export async function lockRuns(
  transaction: Transaction,
  ids: readonly string[],
  versions: WorkflowVersions,
): Promise<Map<string, LockedRun>> {
  const rows = await transaction.query<RunRow>(LOCK, [ids]);
  const parts = await transaction.query<{ id: string; steps: PackedStep[]; stages: PackedStage[] }>(LOAD, [
    rows.map(({ id }) => id),
  ]);
  const partsById = new Map(parts.map((part) => [part.id, part]));
  const locked = new Map<string, LockedRun>();
  for (const row of rows) {
    const { graph } = await versions.get(transaction, row.workflow_version_id);
    const { steps, stages } = partsById.get(row.id)!;
    const state: RunState = {
      id: row.id,
      graph,
      status: row.status,
      reason: reasonFrom(row.status_reason),
      ending: endingFrom(row.ending),
      queuedAt: row.queued_at,
      startedAt: row.started_at,
      finishedAt: row.finished_at,
      progress: row.progress,
      steps: steps.map(stepFrom),
      stages: stages.map(stageFrom),
    };
    locked.set(row.id, {
      state,
      projectId: row.project_id,
      lastSeq: row.last_seq,
      sessions: steps.map(sessionOf),
    });
  }
  return locked;
}

const ADD_ATTEMPTS: Statement = {
  name: "add-attempts",
  text: `insert into step_attempt (run_id, step_idx, number, fence, status, status_reason, runner_id, started_at,
      finished_at, exit_code, output, error, log_length, log_crc32)
    select a.run_id, a.step_idx, a.number, a.fence, a.status, a.status_reason, n.runner_id, a.started_at,
      a.finished_at, a.exit_code, a.output, a.error, a.log_length, a.log_crc32
    from jsonb_to_recordset($1) as a(run_id uuid, step_idx integer, number integer, fence integer,
      status step_run_status, status_reason jsonb, started_at timestamptz, finished_at timestamptz,
      exit_code integer, output jsonb, error text, log_length integer, log_crc32 text)
    join step_run s on s.run_id = a.run_id and s.idx = a.step_idx
    left join runner_session n on n.id = s.session_id`,
};
const UPDATE_STEPS: Statement = {
  name: "update-steps",
  text: `update step_run s set
      status = d.status, status_reason = d.status_reason, pending = d.pending, fence = d.fence,
      attempt = d.attempt, lost = d.lost, session_id = case when d.leased then s.session_id end,
      ready_pool = case when d.status = 'QUEUED' and not d.leased then w.pool_id end,
      started_at = d.started_at, finished_at = d.finished_at, due_at = d.due_at, exit_code = d.exit_code,
      cancel_proof = d.cancel_proof
    from jsonb_to_recordset($1) as d(run_id uuid, idx integer, status step_run_status, status_reason jsonb,
      pending integer, fence integer, attempt integer, lost smallint, leased boolean, started_at timestamptz,
      finished_at timestamptz, due_at timestamptz, exit_code integer, cancel_proof cancel_proof)
    join workflow_run r on r.id = d.run_id
    join workflow_step w on w.version_id = r.workflow_version_id and w.idx = d.idx
    where s.run_id = d.run_id and s.idx = d.idx
    returning s.session_id, s.status, s.ready_pool`,
};
const UPDATE_STAGES: Statement = {
  name: "update-stages",
  text: `update stage_run g set status = d.status, status_reason = d.status_reason, open_steps = d.open_steps,
      active_steps = d.active_steps, started_at = d.started_at, finished_at = d.finished_at
    from jsonb_to_recordset($1) as d(run_id uuid, idx integer, status stage_run_status, status_reason jsonb,
      open_steps integer, active_steps integer, started_at timestamptz, finished_at timestamptz)
    where g.run_id = d.run_id and g.idx = d.idx`,
};
const UPDATE_RUNS: Statement = {
  name: "update-runs",
  text: `update workflow_run r set status = d.status, status_reason = d.status_reason, ending = d.ending,
      progress = d.progress, open_steps = d.open_steps, active_steps = d.active_steps, last_seq = d.last_seq,
      revision = r.revision + d.revised::integer, queued_at = d.queued_at, started_at = d.started_at,
      finished_at = d.finished_at, updated_at = $2
    from jsonb_to_recordset($1) as d(id uuid, status workflow_run_status, status_reason jsonb, ending jsonb,
      progress smallint, open_steps integer, active_steps integer, last_seq integer, revised boolean,
      queued_at timestamptz, started_at timestamptz, finished_at timestamptz)
    where r.id = d.id`,
};
export const ADD_EVENTS: Statement = {
  name: "add-events",
  text: `insert into run_event (run_id, seq, type, at, actor_id, payload)
    select e.run_id, e.seq, e.type, $2, e.actor_id, e.payload
    from jsonb_to_recordset($1) as e(run_id uuid, seq integer, type run_event_type, actor_id uuid, payload jsonb)`,
};

export interface RunUpdate {
  readonly run: LockedRun;
  readonly delta: RunDelta;
  /** A person's command raises the run's revision; progress does not. */
  readonly revised: boolean;
}

/** Stores what was decided for locked runs: rows, attempts and events together. */
export async function applyDeltas(
  transaction: Transaction,
  updates: readonly RunUpdate[],
  now: Date,
): Promise<AppliedDeltas> {
  const rows = updates.map(({ run, delta, revised }) => updateRows(run, delta, revised));
  const attempts = rows.flatMap((row) => row.attempts);
  if (attempts.length > 0) await transaction.query(ADD_ATTEMPTS, [JSON.stringify(attempts)]);
  const steps = await transaction.query<{
    session_id: string | null;
    status: string;
    ready_pool: number | null;
  }>(UPDATE_STEPS, [JSON.stringify(rows.flatMap((row) => row.steps))]);
  await transaction.query(UPDATE_STAGES, [JSON.stringify(rows.flatMap((row) => row.stages))]);
  await transaction.query(UPDATE_RUNS, [JSON.stringify(rows.map((row) => row.run)), now]);
  await transaction.query(ADD_EVENTS, [JSON.stringify(rows.flatMap((row) => row.events)), now]);
  const canceling = steps.filter(({ status, session_id }) => status === "CANCELING" && session_id !== null);
  return {
    changes: rows.map(({ run }) => ({ runId: run.id, lastSeq: run.last_seq })),
    cancelingSessions: [...new Set(canceling.map(({ session_id }) => session_id!))],
    workReady: steps.some(({ ready_pool }) => ready_pool !== null),
  };
}

function updateRows(run: LockedRun, delta: RunDelta, revised: boolean) {
  const { id } = run.state;
  const after = withDelta(run.state, delta);
  const counts = countSteps(after);
  const touched = new Set([
    ...delta.stages.map(({ index }) => index),
    ...delta.steps.map(({ index }) => after.graph.steps[index]!.stage),
  ]);
  return {
    steps: delta.steps.map((step) => stepRow(id, step)),
    stages: [...touched].map((index) => stageRow(id, after.stages[index]!, counts.stages[index]!)),
    attempts: attemptRows(id, delta),
    events: eventRows(id, delta, run.lastSeq),
    run: { ...headRow(id, delta, counts.run), last_seq: run.lastSeq + delta.events.length, revised },
  };
}

export function headRow(id: string, { head }: RunDelta, counts: { open: number; active: number }) {
  return {
    id,
    status: head.status,
    status_reason: head.reason,
    ending: head.ending,
    progress: head.progress,
    open_steps: counts.open,
    active_steps: counts.active,
    queued_at: head.queuedAt,
    started_at: head.startedAt,
    finished_at: head.finishedAt,
  };
}

export function eventRows(runId: string, { events }: RunDelta, lastSeq: number) {
  return events.map(({ type, payload, actorId }, i) => ({
    run_id: runId,
    seq: lastSeq + 1 + i,
    type,
    actor_id: actorId,
    payload,
  }));
}

function attemptRows(runId: string, { attempts }: RunDelta) {
  return attempts.map(({ step, reason, startedAt, finishedAt, exitCode, log, ...attempt }) => ({
    ...attempt,
    run_id: runId,
    step_idx: step,
    status_reason: reason,
    started_at: startedAt,
    finished_at: finishedAt,
    exit_code: exitCode,
    log_length: log?.length ?? null,
    log_crc32: log?.crc32 ?? null,
  }));
}
