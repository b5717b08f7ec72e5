-- Part of claim_steps: leases ready steps of one pool, either those of one run or those of the runs after it.
create or replace function lease_ready_steps(
  p_session bigint, p_pool integer, p_run uuid, p_later_runs boolean, p_limit integer, p_at timestamptz)
returns table (run_id uuid, step_idx integer, fence integer, attempt integer)
language plpgsql as $$
begin
  if p_later_runs then
    return query
      with ready as materialized (
        select s.run_id, s.idx from step_run s
        where s.ready_pool = p_pool and s.run_id > p_run
        order by s.run_id, s.idx limit p_limit for no key update skip locked
      )
      update step_run s set session_id = p_session, fence = s.fence + 1, leased_at = p_at, ready_pool = null
      from ready where s.run_id = ready.run_id and s.idx = ready.idx
      returning s.run_id, s.idx, s.fence, s.attempt;
  else
    return query
      with ready as materialized (
        select s.run_id, s.idx from step_run s
        where s.ready_pool = p_pool and s.run_id = p_run
        order by s.idx limit p_limit for no key update skip locked
      )
      update step_run s set session_id = p_session, fence = s.fence + 1, leased_at = p_at, ready_pool = null
      from ready where s.run_id = ready.run_id and s.idx = ready.idx
      returning s.run_id, s.idx, s.fence, s.attempt;
  end if;
end $$;
