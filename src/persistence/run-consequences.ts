import type { RunDelta } from "../domain/decide.ts";
import type { RunState } from "../domain/run-state.ts";
import type { ParentStep } from "../domain/signals.ts";
import { isTerminal } from "../domain/statuses.ts";
import type { Transaction } from "./database.ts";
import type { Statement } from "./queries/queryable.ts";

/**
 * What few runs ever need, stored beside their rows: results without an attempt, requests for approval, signals to
 * other runs. A delta without them costs no statement.
 */

interface DecidedRun {
  readonly run: {
    readonly state: RunState;
    readonly projectId: string;
    readonly parent: ParentStep | null;
  };
  readonly delta: RunDelta;
}

const CLEAR_RESULTS: Statement = {
  name: "clear-step-results",
  text: `delete from step_result r using jsonb_to_recordset($1) as d(run_id uuid, idx integer)
    where r.run_id = d.run_id and r.idx = d.idx`,
};
const STORE_RESULTS: Statement = {
  name: "store-step-results",
  text: `insert into step_result (run_id, idx, output, completion, reused_run_id, reused_idx)
    select d.run_id, d.idx, d.output, d.completion, d.reused_run_id, d.reused_idx
    from jsonb_to_recordset($1) as d(run_id uuid, idx integer, output jsonb, completion jsonb, reused_run_id uuid,
      reused_idx integer)
    on conflict (run_id, idx) do update set output = excluded.output, completion = excluded.completion,
      reused_run_id = excluded.reused_run_id, reused_idx = excluded.reused_idx`,
};
const OPEN_APPROVALS: Statement = {
  name: "open-approvals",
  text: `insert into approval (run_id, step_idx, attempt, project_id, status, quorum, approvers, self_approval, prompt,
      requested_at, due_at)
    select d.run_id, d.step, d.attempt, d.project_id, 'PENDING', d.quorum,
      case when d.approvers is not null then array(select jsonb_array_elements_text(d.approvers)) end,
      d.self_approval, d.prompt, $2, d.due_at
    from jsonb_to_recordset($1) as d(run_id uuid, step integer, attempt integer, project_id uuid, quorum integer,
      approvers jsonb, self_approval boolean, prompt text, due_at timestamptz)`,
};
const CLOSE_APPROVALS: Statement = {
  name: "close-approvals",
  text: `update approval a set status = d.status, closed_at = $2
    from jsonb_to_recordset($1) as d(run_id uuid, step integer, attempt integer, status approval_status)
    where a.run_id = d.run_id and a.step_idx = d.step and a.attempt = d.attempt and a.status = 'PENDING'`,
};
const ADD_SIGNALS: Statement = {
  name: "add-run-signals",
  text: `insert into run_signal (target_run_id, kind, payload, created_at)
    select d.target, d.kind, d.payload, $2
    from jsonb_to_recordset($1) as d(target uuid, kind run_signal_kind, payload jsonb)`,
};

/** @returns whether there are signals, which a duty then has to apply */
export async function storeConsequences(
  transaction: Transaction,
  decided: readonly DecidedRun[],
  now: Date,
): Promise<boolean> {
  const results = decided.flatMap(resultRows);
  const gone = results.filter(({ kept }) => !kept);
  if (gone.length > 0) await transaction.query(CLEAR_RESULTS, [JSON.stringify(gone)]);
  const kept = results.filter((row) => row.kept);
  if (kept.length > 0) await transaction.query(STORE_RESULTS, [JSON.stringify(kept)]);

  const approvals = decided.flatMap(approvalRows);
  const opened = approvals.filter(({ status }) => status === "PENDING");
  if (opened.length > 0) await transaction.query(OPEN_APPROVALS, [JSON.stringify(opened), now]);
  const closed = approvals.filter(({ status }) => status !== "PENDING");
  if (closed.length > 0) await transaction.query(CLOSE_APPROVALS, [JSON.stringify(closed), now]);

  const signals = decided.flatMap(signalRows);
  if (signals.length > 0) await transaction.query(ADD_SIGNALS, [JSON.stringify(signals), now]);
  return signals.length > 0;
}

function resultRows({ run: { state }, delta }: DecidedRun) {
  return delta.results.map(({ step, result }) => ({
    run_id: state.id,
    idx: step,
    kept: result !== null,
    output: result?.output ?? null,
    completion: result?.completion ?? null,
    reused_run_id: result?.reusedFrom?.runId ?? null,
    reused_idx: result?.reusedFrom?.step ?? null,
  }));
}

function approvalRows({ run: { state, projectId }, delta }: DecidedRun) {
  return delta.approvals.map(({ step, attempt, status, dueAt }) => {
    const policy = state.graph.steps[step]!.approval;
    return {
      run_id: state.id,
      project_id: projectId,
      step,
      attempt,
      status,
      quorum: policy?.quorum ?? 1,
      approvers: policy?.approvers ?? null,
      self_approval: policy?.selfApproval ?? true,
      prompt: policy?.prompt ?? null,
      due_at: dueAt,
    };
  });
}

function signalRows({ run: { state, parent }, delta }: DecidedRun) {
  const own = delta.signals.map(({ kind, ...payload }) => ({ target: state.id, kind, payload }));
  const finished = delta.events.some(({ type }) => type === "RunFinished") && isTerminal(delta.head.status);
  if (!finished || parent === null) return own;
  const { runId, step, attempt } = parent;
  const payload = { step, attempt, childRunId: state.id };
  return [...own, { target: runId, kind: "CHILD_FINISHED" as const, payload }];
}
