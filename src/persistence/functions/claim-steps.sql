-- Leases up to p_max ready steps to a runner's session. It is the one writer that takes no run lock and writes no
-- event: a leased step stays QUEUED until its runner reports the start. SKIP LOCKED, so claims never wait for
-- each other or for a run's writer (claims that did deadlocked with cancel: 12 times in 8 s).
-- A claim id that was answered before gets the same leases again: the answer may have been lost on its way.
create or replace function claim_steps(p_session bigint, p_claim_id text, p_max integer, p_now timestamptz)
returns table (run_id uuid, step_idx integer, fence integer, attempt integer)
language plpgsql as $$
declare
  v_session runner_session;
  v_at timestamptz;
  v_pool integer;
  v_head uuid;
  v_left integer := p_max;
  v_taken integer;
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
  -- Two claims of one session must differ in time: it is how the leases of a claim are found again.
  v_at := greatest(p_now, v_session.last_claim_at + interval '1 microsecond');

  -- Pools in the order of their oldest waiting run. Of each, at most half to that run while others wait; what
  -- the others leave over is its again.
  for v_pool, v_head in
    select p.id, head.run_id
    from runner r
    join queue_pool p on p.queue = any (r.queues) and p.labels <@ r.labels
      and (r.project_id is null or r.project_id = p.project_id)
    cross join lateral (
      select s.run_id from step_run s where s.ready_pool = p.id order by s.run_id, s.idx limit 1
    ) head
    where r.id = v_session.runner_id
    order by head.run_id
  loop
    exit when v_left <= 0;
    return query select * from lease_ready_steps(p_session, v_pool, v_head, false, (v_left + 1) / 2, v_at);
    get diagnostics v_taken = row_count;
    v_left := v_left - v_taken;
    return query select * from lease_ready_steps(p_session, v_pool, v_head, true, v_left, v_at);
    get diagnostics v_taken = row_count;
    v_left := v_left - v_taken;
    return query select * from lease_ready_steps(p_session, v_pool, v_head, false, v_left, v_at);
    get diagnostics v_taken = row_count;
    v_left := v_left - v_taken;
  end loop;
  if v_left < p_max then
    update runner_session s set last_claim_id = p_claim_id, last_claim_at = v_at where s.id = p_session;
  end if;
end $$;
