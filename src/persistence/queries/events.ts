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
  text: `select last_seq as "lastSeq" from workflow_run where id = $1`,
};
const EPOCH: Statement = {
  name: "epoch",
  text: `select (select system_identifier from pg_control_system())::text || '.' ||
      (select timeline_id from pg_control_checkpoint())::text || '.' ||
      (select restore_counter from installation)::text as epoch`,
};

export async function eventsAfter(
  source: Queryable,
  runId: string,
  seq: number,
  limit: number,
): Promise<EventRecord[]> {
  return await source.query<EventRecord>(AFTER, [runId, seq, limit]);
}

/** The newest event's seq; null when there is no such run. */
export async function lastSeq(source: Queryable, runId: string): Promise<number | null> {
  const [row] = await source.query<{ lastSeq: number }>(HEAD, [runId]);
  return row?.lastSeq ?? null;
}

/**
 * What positions in event streams are good for: this database, on this timeline, not restored since. Positions
 * of another epoch may name events that never happened here.
 */
export async function readEpoch(source: Queryable): Promise<string> {
  const [row] = await source.query<{ epoch: string }>(EPOCH, []);
  return row!.epoch;
}
