-- Locks logs in the order of their keys, making them on their first bytes. Logs of leases that never were are
-- missing in the answer. Rows are looked up by key, one by one: see complete_steps.
create or replace function lock_log_parts(
  p_runs uuid[], p_steps integer[], p_fences integer[], p_parts integer[], p_session bigint)
returns table (run_id uuid, step_idx integer, fence integer, part integer, length integer, line_count integer,
  crc32 float8, sealed boolean, truncated boolean, mine boolean, final_length integer)
language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
begin
  insert into log_stream (run_id, step_idx, fence, part, length, line_count, crc32, sealed)
  select i.run_id, i.idx, i.fence, i.part, 0, 0, 0, false
  from unnest(p_runs, p_steps, p_fences, p_parts) i(run_id, idx, fence, part)
  where log_is_open(i.run_id, i.idx, i.fence, p_session)
  order by 1, 2, 3, 4 on conflict do nothing;

  return query
  select l.run_id, l.step_idx, l.fence, l.part, l.length, l.line_count, l.crc32::float8, l.sealed, l.truncated,
    log_is_open(l.run_id, l.step_idx, l.fence, p_session),
    -- How long a step's log will be stands with its attempt, of the other parts with the log itself.
    case when l.part > 0 then l.final_length else (select a.log_length from step_attempt a
      where a.run_id = l.run_id and a.step_idx = l.step_idx and a.fence = l.fence) end
  from (select * from unnest(p_runs, p_steps, p_fences, p_parts) i(run_id, idx, fence, part) order by 1, 2, 3, 4) i
  cross join lateral (
    select l.* from log_stream l
    where l.run_id = i.run_id and l.step_idx = i.idx and l.fence = i.fence and l.part = i.part for no key update
  ) l;
end $$;
