import { EPOCH_COLUMN } from "./events.ts";
import type { Queryable, Statement } from "./queryable.ts";

/**
 * What transactions changed, in the order of nothing: a place in it is a snapshot, the set of transactions that were
 * over when it was taken. What lies between two snapshots is what the later one sees and the earlier one does not, so a
 * transaction that took long is between them as well, and one that was rolled back is nowhere.
 */
export type Snapshot = string;

/** What a span of transactions did to one run. */
export interface RunChange {
  readonly runId: string;
  readonly projectId: string;
  /** It was made. */
  readonly created: boolean;
  readonly approvals: readonly ApprovalChange[];
}

export interface ApprovalChange {
  readonly step: number;
  readonly attempt: number;
  /** It was asked for. */
  readonly created: boolean;
}

/** A span of transactions, or what is left of it behind a run. */
export interface ChangeSpan {
  readonly after: Snapshot;
  /** Null = up to this moment. */
  readonly until: Snapshot | null;
  readonly afterRun: string | null;
}

export interface ChangePage {
  /** By run. */
  readonly changes: readonly RunChange[];
  /** Where the span ends. */
  readonly until: Snapshot;
  /** Some of the span may have been forgotten. */
  readonly forgotten: boolean;
}

/** The rows of a span begin with the oldest transaction that its start does not see: of later ones some may be seen. */
const BETWEEN: Statement = {
  name: "run-changes-between",
  text: `with span as materialized (
      select $1::text::pg_snapshot as after, coalesce($2::text::pg_snapshot, pg_current_snapshot()) as until
    ), changed as (
      select c.run_id, c.project_id, c.step_idx, c.attempt, bool_or(c.created) as created
      from run_change c, span
      where c.xid >= pg_snapshot_xmin($1::text::pg_snapshot) and not pg_visible_in_snapshot(c.xid, span.after)
        and pg_visible_in_snapshot(c.xid, span.until) and ($3::uuid is null or c.run_id > $3)
      group by c.run_id, c.project_id, c.step_idx, c.attempt
    ), page as (
      select c.run_id, c.project_id, coalesce(bool_or(c.created) filter (where c.step_idx = -1), false) as created,
        coalesce(jsonb_agg(jsonb_build_object('step', c.step_idx, 'attempt', c.attempt, 'created', c.created))
          filter (where c.step_idx <> -1), '[]') as approvals
      from changed c group by c.run_id, c.project_id order by c.run_id limit $4
    )
    select span.until::text, i.change_floor >= pg_snapshot_xmin(span.after) as forgotten, p.run_id as "runId",
      p.project_id as "projectId", p.created, p.approvals
    from span cross join installation i left join page p on true order by p.run_id`,
};
const HEAD: Statement = {
  name: "run-change-head",
  text: `select ${EPOCH_COLUMN}, pg_current_snapshot()::text as snapshot,
    (select greatest(change_floor::text::numeric + 1, 3)::text from installation) as first`,
};
const KNOWN: Statement = {
  name: "run-changes-known",
  text: `select (select change_floor from installation) < pg_snapshot_xmin($1::text::pg_snapshot) as kept,
    pg_snapshot_xmax($1::text::pg_snapshot) <= pg_snapshot_xmax(pg_current_snapshot()) as reached`,
};
/**
 * The oldest transactions are looked at, as many as have so many rows: a range that is bound on both sides is read by
 * its index. Transactions that are not over may still add to those before them.
 */
const FORGET: Statement = {
  name: "forget-run-changes",
  text: `with oldest as materialized (
      select xid from run_change order by xid limit $2
    ), gone as (
      delete from run_change c
      where c.xid between (select xid from oldest order by xid limit 1) and (select xid from oldest order by xid desc limit 1)
        and c.at < $1 and c.xid < pg_snapshot_xmin(pg_current_snapshot()) returning c.xid
    ), floor as (
      update installation i set change_floor = g.xid from (select xid from gone order by xid desc limit 1) g
      where i.change_floor < g.xid
    )
    select count(*)::integer as count from gone`,
};

interface ChangeRow extends RunChange {
  readonly until: Snapshot;
  readonly forgotten: boolean;
}

export async function changesBetween(
  source: Queryable,
  { after, until, afterRun }: ChangeSpan,
  limit: number,
): Promise<ChangePage> {
  const rows = await source.query<ChangeRow>(BETWEEN, [after, until, afterRun, limit]);
  const changes = rows
    .filter(({ runId }) => runId !== null)
    .map(({ runId, projectId, created, approvals }) => ({ runId, projectId, created, approvals }));
  return { changes, until: rows[0]!.until, forgotten: rows[0]!.forgotten };
}

export interface ChangeHead {
  readonly epoch: string;
  /** Now. */
  readonly snapshot: Snapshot;
  /** The first transaction of which nothing is forgotten. */
  readonly first: string;
}

export async function changeHead(source: Queryable): Promise<ChangeHead> {
  const [row] = await source.query<ChangeHead>(HEAD, []);
  return row!;
}

/** Whether everything behind a snapshot is kept, and whether there was such a moment yet. */
export async function findSnapshot(
  source: Queryable,
  snapshot: Snapshot,
): Promise<{ readonly kept: boolean; readonly reached: boolean }> {
  const [row] = await source.query<{ kept: boolean; reached: boolean }>(KNOWN, [snapshot]);
  return row!;
}

/** @returns how many rows it forgot */
export async function forgetChanges(source: Queryable, before: Date, limit: number): Promise<number> {
  const [row] = await source.query<{ count: number }>(FORGET, [before, limit]);
  return row!.count;
}
