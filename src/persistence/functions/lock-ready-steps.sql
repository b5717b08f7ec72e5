-- Locks steps that are about to be taken out of the queue, and answers the fence of each: one that a claim has
-- leased in the meantime has another fence than before. From here on no claim can lease any of them.
create or replace function lock_ready_steps(p_runs uuid[], p_steps integer[])
returns table (run_id uuid, step_idx integer, fence integer)
language plpgsql
set enable_seqscan = off set plan_cache_mode = force_generic_plan
as $$
begin
  return query
  select i.run_id, i.idx, s.fence
  from (select * from unnest(p_runs, p_steps) i(run_id, idx) order by 1, 2) i
  cross join lateral (
    select s.fence from step_run s where s.run_id = i.run_id and s.idx = i.idx for no key update
  ) s;
end $$;
