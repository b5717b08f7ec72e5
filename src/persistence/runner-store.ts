import type { Clock } from "../domain/clock.ts";
import { SessionLostError } from "../domain/refusals.ts";
import type { CancelMode } from "../domain/run-state.ts";
import { sqlState } from "./database.ts";
import { newKey } from "./keys.ts";
import type { Queryable, Statement } from "./queries/queryable.ts";

export interface RunnerRegistration {
  readonly accountId: string;
  readonly projectId: string | null;
  readonly name: string;
  readonly hostname: string;
  readonly version: string;
  readonly queues: readonly string[];
  readonly labels: readonly string[];
  readonly capacity: number;
}

export interface SessionOwner {
  readonly accountId: string;
  /** The one project that its token is limited to; null = no such limit. */
  readonly projectId: string | null;
}

/** A step that a session holds. */
export interface HeldStep {
  readonly runId: string;
  readonly step: number;
  readonly fence: number;
}

export interface UnknownLease extends HeldStep {
  readonly started: boolean;
}

export interface ClaimedStep extends HeldStep {
  /** The number that the next start will have. */
  readonly attempt: number;
}

export interface StepToCancel extends HeldStep {
  readonly mode: CancelMode;
}

const REGISTER: Statement = {
  name: "register-runner",
  text: `insert into runner (id, account_id, project_id, name, hostname, version, queues, labels, capacity,
      created_at, updated_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
    on conflict (account_id, name) do update set project_id = excluded.project_id, hostname = excluded.hostname,
      version = excluded.version, queues = excluded.queues, labels = excluded.labels,
      capacity = excluded.capacity, updated_at = excluded.updated_at
    returning id`,
};
const OPEN_SESSION: Statement = {
  name: "open-session",
  text: `insert into runner_session (runner_id, account_id, project_id, queues, labels, lease_until, created_at)
    values ($1, $2, $3, $4, $5, $6, $7) returning id`,
};

export async function registerRunner(
  source: Queryable,
  runner: RunnerRegistration,
  clock: Clock,
  leaseMs: number,
): Promise<{ runnerId: string; session: string }> {
  const now = clock.now();
  const [row] = await source.query<{ id: string }>(REGISTER, [
    newKey(clock),
    runner.accountId,
    runner.projectId,
    runner.name,
    runner.hostname,
    runner.version,
    runner.queues,
    runner.labels,
    runner.capacity,
    now,
  ]);
  const runnerId = row!.id;
  const leaseUntil = new Date(now.getTime() + leaseMs);
  const [session] = await source.query<{ id: string }>(OPEN_SESSION, [
    runnerId,
    runner.accountId,
    runner.projectId,
    runner.queues,
    runner.labels,
    leaseUntil,
    now,
  ]);
  return { runnerId, session: session!.id };
}

const CLAIM: Statement = { name: "claim-steps", text: "select * from claim_steps($1, $2, $3, $4)" };
const SESSION_OVER = "RC001";

export async function claimSteps(
  source: Queryable,
  session: string,
  claimId: string,
  max: number,
  now: Date,
): Promise<ClaimedStep[]> {
  try {
    const rows = await source.query<{ run_id: string; step_idx: number; fence: number; attempt: number }>(
      CLAIM,
      [session, claimId, max, now],
    );
    return rows.map((row) => ({
      runId: row.run_id,
      step: row.step_idx,
      fence: row.fence,
      attempt: row.attempt + 1,
    }));
  } catch (error) {
    if (sqlState(error) === SESSION_OVER) throw new SessionLostError("the runner's session is over");
    throw error;
  }
}

const CANCELS: Statement = {
  name: "steps-to-cancel",
  text: `select s.run_id as "runId", s.idx as step, s.fence, coalesce(r.ending ->> 'mode', 'GRACEFUL') as mode
    from step_run s join workflow_run r on r.id = s.run_id
    where s.session_id = $1 and s.status = 'CANCELING'`,
};

/** What the session must kill. Repeated until the end of each step is reported. */
export async function stepsToCancel(source: Queryable, session: string): Promise<StepToCancel[]> {
  return await source.query<StepToCancel>(CANCELS, [session]);
}

const HEARTBEAT: Statement = {
  name: "heartbeat",
  text: `update runner_session set lease_until = $4
    where id = $1 and account_id = $2 and project_id is not distinct from $3 and not dead returning id`,
};
const HELD: Statement = {
  name: "held-steps",
  text: `select run_id as "runId", idx as step, fence from step_run where session_id = $1`,
};
/** Leases that the runner does not know: the answer was lost, or its task was. */
const UNKNOWN_LEASES: Statement = {
  name: "unknown-leases",
  text: `select s.run_id as "runId", s.idx as step, s.fence, s.started_at is not null as started from step_run s
    where s.session_id = $1 and s.leased_at < $2
      and not exists (
        select from unnest($3::uuid[], $4::integer[], $5::integer[]) h(run_id, idx, fence)
        where h.run_id = s.run_id and h.idx = s.idx and h.fence = s.fence)`,
};

/** @returns false when the session is over */
export async function extendLease(
  source: Queryable,
  session: string,
  { accountId, projectId }: SessionOwner,
  leaseUntil: Date,
): Promise<boolean> {
  return (await source.query(HEARTBEAT, [session, accountId, projectId, leaseUntil])).length > 0;
}

export async function heldSteps(source: Queryable, session: string): Promise<HeldStep[]> {
  return await source.query<HeldStep>(HELD, [session]);
}

/** Leases of the session that it should have listed by now. */
export async function unknownLeases(
  source: Queryable,
  session: string,
  held: readonly HeldStep[],
  grantedBefore: Date,
): Promise<UnknownLease[]> {
  return await source.query<UnknownLease>(UNKNOWN_LEASES, [
    session,
    grantedBefore,
    held.map(({ runId }) => runId),
    held.map(({ step }) => step),
    held.map(({ fence }) => fence),
  ]);
}

const OWNER: Statement = {
  name: "session-owner",
  text: `select account_id as "accountId", project_id as "projectId" from runner_session where id = $1`,
};

/** Who opened the session, and for which project; it never changes. */
export async function sessionOwner(source: Queryable, session: string): Promise<SessionOwner | null> {
  const [row] = await source.query<SessionOwner>(OWNER, [session]);
  return row ?? null;
}

const MARK_DEAD: Statement = {
  name: "mark-dead-sessions",
  text: "update runner_session set dead = true where not dead and lease_until < $1 returning id",
};
/**
 * Of every dead session, not only those marked now: a claim may have slipped in while it was marked. Steps from one
 * session that holds something to the next along step_run_held, however many sessions have died before.
 */
const ORPHANS: Statement = {
  name: "orphaned-steps",
  text: `with recursive holder(id) as (
      (select session_id from step_run where session_id is not null order by session_id limit 1)
      union all
      select (select s.session_id from step_run s where s.session_id > h.id order by s.session_id limit 1)
      from holder h where h.id is not null
    )
    select s.run_id as "runId", s.idx as step, s.fence
    from holder h
    cross join lateral (select n.id from runner_session n where n.id = h.id and n.dead offset 0) n
    cross join lateral (
      select s.run_id, s.idx, s.fence from step_run s where s.session_id = n.id offset 0
    ) s
    limit $1`,
};
const FORGET_DEAD: Statement = {
  name: "forget-dead-sessions",
  text: `delete from runner_session where id in (
      select n.id from runner_session n
      where n.dead and n.lease_until < $1 and not exists (select from step_run s where s.session_id = n.id)
      order by n.lease_until limit $2
    )`,
};

export async function markDeadSessions(source: Queryable, now: Date): Promise<number> {
  return (await source.query(MARK_DEAD, [now])).length;
}

export async function orphanedSteps(source: Queryable, limit: number): Promise<HeldStep[]> {
  return await source.query<HeldStep>(ORPHANS, [limit]);
}

/** Deletes dead sessions that hold nothing and whose lease ended before `endedBefore`, at most `limit`. */
export async function forgetDeadSessions(source: Queryable, endedBefore: Date, limit: number): Promise<void> {
  await source.query(FORGET_DEAD, [endedBefore, limit]);
}
