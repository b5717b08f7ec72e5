import type { TaskLease } from "../../domain/access.ts";
import type { Queryable, Statement } from "./queryable.ts";

/** Who holds a step. */
export interface LeaseHolder {
  readonly session: string;
  /** The runner's account. */
  readonly accountId: string;
  /** The runner's start of it has been applied. */
  readonly started: boolean;
}

const HOLDER: Statement = {
  name: "lease-holder",
  text: `select n.id::text as session, n.account_id as "accountId", s.status <> 'QUEUED' as started
    from step_run s
    join workflow_run r on r.id = s.run_id and r.deleted_at is null
    join runner_session n on n.id = s.session_id and not n.dead and n.lease_until > $4
    where s.run_id = $1 and s.idx = $2 and s.fence = $3`,
};

/** Null once the lease is over: the step has ended, or was taken from its runner. */
export async function leaseHolder(
  source: Queryable,
  { runId, step, fence }: TaskLease,
  now: Date,
): Promise<LeaseHolder | null> {
  const [row] = await source.query<LeaseHolder>(HOLDER, [runId, step, fence, now]);
  return row ?? null;
}
