-- Leases up to p_max ready steps to a runner's session. It is the one writer that takes no run lock and writes no
-- event: a leased step stays QUEUED until its runner reports the start. SKIP LOCKED, so claims never wait for
-- each other or for a run's writer (claims that did deadlocked with cancel: 12 times in 8 s).
-- A claim id that was answered before gets the same leases again: the answer may have been lost on its way.
create or replace function claim_steps(p_session bigint, p_claim_id text, p_max integer, p_now timestamptz)
returns table (run_id uuid, step_idx integer, fence integer, attempt integer)
language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  v_session runner_session;
  v_at timestamptz;
  v_pools integer[];
  v_pool integer;
  v_last uuid;
  v_left integer := p_max;
begin
  select * into v_session from runner_session s where s.id = p_session for no key update;
  if not found or v_session.dead or v_session.lease_until <= p_now then
    raise exception 'runner session % is over', p_session using errcode = 'RC001';
  end if;
  if v_session.last_claim_id = p_claim_id then
    return query select s.run_id, s.idx, s.fence, s.attempt from step_run s
      where s.session_id = p_session and s.leased_at = v_session.last_claim_at and s.status = 'QUEUED';
    return;
  end if;
  if p_max <= 0 then
    return;
  end if;
  -- Two claims of one session must differ in time: it is how the leases of a claim are found again.
  v_at := greatest(p_now, v_session.last_claim_at + interval '1 microsecond');

  -- The pools that the session serves and that have something to do, the one with the oldest run first.
  select array_agg(p.id order by head.run_id) into v_pools
  from queue_pool p
  cross join lateral (
    select s.run_id from step_run s where s.ready_pool = p.id order by s.ready_pool, s.run_id, s.idx limit 1
  ) head
  where p.queue = any (v_session.queues) and p.labels <@ v_session.labels
    and (v_session.project_id is null or v_session.project_id = p.project_id);
  if v_pools is null then
    return;
  end if;

  -- Half of the claim goes to the oldest runs in their order, the other half to the runs after those: so no run
  -- gets more than half while others wait. What is left over then goes to whoever has steps.
  foreach v_pool in array v_pools loop
    for run_id, step_idx, fence, attempt in
      select * from lease_ready_steps(p_session, v_pool, null, (p_max + 1) / 2, v_at)
    loop
      v_left := v_left - 1;
      v_last := greatest(v_last, run_id);
      return next;
    end loop;
    exit when v_last is not null;
  end loop;
  foreach v_pool in array v_pools loop
    exit when v_left <= 0 or v_last is null;
    for run_id, step_idx, fence, attempt in
      select * from lease_ready_steps(p_session, v_pool, v_last, v_left, v_at)
    loop
      v_left := v_left - 1;
      return next;
    end loop;
  end loop;
  foreach v_pool in array v_pools loop
    exit when v_left <= 0 or v_last is null;
    for run_id, step_idx, fence, attempt in
      select * from lease_ready_steps(p_session, v_pool, null, v_left, v_at)
    loop
      v_left := v_left - 1;
      return next;
    end loop;
  end loop;
  if v_left < p_max then
    update runner_session s set last_claim_id = p_claim_id, last_claim_at = v_at where s.id = p_session;
  end if;
end $$;
