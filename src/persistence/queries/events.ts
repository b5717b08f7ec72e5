import type { EventPayloads, RunEventType } from "../../domain/events.ts";
import type { Queryable, Statement } from "./queryable.ts";

/** A stored event: its type and the payload that belongs to it. */
export type EventRecord = {
  [Type in RunEventType]: {
    readonly runId: string;
    readonly seq: number;
    readonly type: Type;
    readonly at: Date;
    readonly actorId: string | null;
    readonly payload: EventPayloads[Type];
  };
}[RunEventType];

const AFTER: Statement = {
  name: "events-after",
  text: `select run_id as "runId", seq, type, at, actor_id as "actorId", payload
    from run_event where run_id = $1 and seq > $2 order by seq limit $3`,
};
const HEAD: Statement = {
  name: "event-head",
  text: `select last_seq as "lastSeq", finished_at is not null as finished
    from workflow_run where id = $1 and deleted_at is null`,
};
const HEADS: Statement = {
  name: "event-heads",
  text: `select id, last_seq as "lastSeq" from workflow_run where id = any($1) and deleted_at is null`,
};
const TOMBSTONE: Statement = {
  name: "run-tombstone",
  text: `select run_id as "runId", project_id as "projectId", seq, actor_id as "actorId", at
    from run_tombstone where run_id = $1`,
};
/** See `readEpoch`. */
export const EPOCH_COLUMN = `(select system_identifier from pg_control_system())::text || '.' ||
      (select timeline_id from pg_control_checkpoint())::text || '.' ||
      (select restore_counter from installation)::text as epoch`;
const EPOCH: Statement = { name: "epoch", text: `select ${EPOCH_COLUMN}` };

export async function eventsAfter(
  source: Queryable,
  runId: string,
  seq: number,
  limit: number,
): Promise<EventRecord[]> {
  return await source.query<EventRecord>(AFTER, [runId, seq, limit]);
}

/** Where a run's events end for now. */
export interface EventHead {
  readonly lastSeq: number;
  /** The run has ended, and was not reopened since. */
  readonly finished: boolean;
}

/** Null when there is no such run, or none any more. */
export async function eventHead(source: Queryable, runId: string): Promise<EventHead | null> {
  const [row] = await source.query<EventHead>(HEAD, [runId]);
  return row ?? null;
}

/** Where the events of many runs end; those that do not exist or no more are missing. */
export async function eventHeads(
  source: Queryable,
  runIds: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  if (runIds.length === 0) return new Map();
  const rows = await source.query<{ id: string; lastSeq: number }>(HEADS, [runIds]);
  return new Map(rows.map(({ id, lastSeq }) => [id, lastSeq]));
}

/** What is left of a deleted run. */
export interface TombstoneRecord {
  readonly runId: string;
  readonly projectId: string;
  /** The seq of the event that says that it was deleted, its last one. */
  readonly seq: number;
  readonly actorId: string | null;
  readonly at: Date;
}

export async function findTombstone(source: Queryable, runId: string): Promise<TombstoneRecord | null> {
  const [row] = await source.query<TombstoneRecord>(TOMBSTONE, [runId]);
  return row ?? null;
}

/** The deletion as an event, also when the run's events are gone already. */
export function deletionEvent({ runId, seq, actorId, at }: TombstoneRecord): EventRecord {
  return { runId, seq, actorId, at, type: "RunDeleted", payload: {} };
}

/**
 * What positions in event streams are good for: this database, on this timeline, not restored since. Positions
 * of another epoch may name events that never happened here.
 */
export async function readEpoch(source: Queryable): Promise<string> {
  const [row] = await source.query<{ epoch: string }>(EPOCH, []);
  return row!.epoch;
}
