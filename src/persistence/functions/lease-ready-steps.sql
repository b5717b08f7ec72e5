-- Part of claim_steps: leases ready steps of one pool in the order of their runs, from the run after p_after on.
-- There is one good plan, to walk step_run_ready and to look each row up by its key, and the settings leave no
-- other, whatever the statistics say of a queue that was empty when they were taken: see complete_steps.
create or replace function lease_ready_steps(
  p_session bigint, p_pool integer, p_after uuid, p_limit integer, p_at timestamptz)
returns table (run_id uuid, step_idx integer, fence integer, attempt integer)
language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_bitmapscan = off
set enable_sort = off set plan_cache_mode = force_generic_plan
as $$
declare
  v_after uuid := coalesce(p_after, '00000000-0000-0000-0000-000000000000');
begin
  return query
    with ready as materialized (
      select s.run_id, s.idx from step_run s
      where (s.ready_pool, s.run_id) > (p_pool, v_after) and s.ready_pool <= p_pool
      order by s.ready_pool, s.run_id, s.idx limit p_limit for no key update skip locked
    )
    update step_run s set session_id = p_session, fence = s.fence + 1, leased_at = p_at, ready_pool = null
    from ready where s.run_id = ready.run_id and s.idx = ready.idx
    returning s.run_id, s.idx, s.fence, s.attempt;
end $$;
