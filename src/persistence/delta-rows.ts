/** What was decided for a run, as the rows that its tables get. */
import type { RunDelta } from "../domain/decide.ts";
import type { Transaction } from "./database.ts";
import type { Statement } from "./queries/queryable.ts";

const ADD_EVENTS: Statement = {
  name: "add-events",
  text: `insert into run_event (run_id, seq, type, at, actor_id, payload)
    select e.run_id, e.seq, e.type, $2, e.actor_id, e.payload
    from jsonb_to_recordset($1) as e(run_id uuid, seq integer, type run_event_type, actor_id uuid, payload jsonb)`,
};

export function headRow(
  id: string,
  { head, labels, annotations }: RunDelta,
  counts: { open: number; active: number },
) {
  return {
    id,
    status: head.status,
    status_reason: head.reason,
    ending: head.ending,
    pause: head.pause,
    sealing: head.sealing,
    finalized_at: head.finalizedAt,
    expires_at: head.expiresAt,
    labels,
    annotations,
    progress: head.progress,
    open_steps: counts.open,
    active_steps: counts.active,
    queued_at: head.queuedAt,
    started_at: head.startedAt,
    finished_at: head.finishedAt,
  };
}

export async function addEvents(
  transaction: Transaction,
  runId: string,
  events: RunDelta["events"],
  lastSeq: number,
  now: Date,
): Promise<void> {
  await transaction.query(ADD_EVENTS, [JSON.stringify(eventRows(runId, { events }, lastSeq)), now]);
}

export function eventRows(runId: string, { events }: Pick<RunDelta, "events">, lastSeq: number) {
  return events.map(({ type, payload, actorId }, i) => ({
    run_id: runId,
    seq: lastSeq + 1 + i,
    type,
    actor_id: actorId,
    payload,
  }));
}

export function attemptRows(runId: string, { attempts }: RunDelta) {
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
