-- The artifacts that each step of a run has now, by the step at which they stand: those of its newest attempt, or,
-- of a step that was taken over from another run, those of the attempt whose success was taken over.
-- p_step = null: of all steps.
create or replace function kept_artifacts(p_run uuid, p_step integer)
returns table (at_step integer, at_status step_run_status, id uuid)
language sql stable
as $$
  with recursive place as (
    select s.idx as at_step, s.status as at_status, s.run_id, s.idx, false as reused
    from step_run s where s.run_id = p_run and (p_step is null or s.idx = p_step)
    union all
    select p.at_step, p.at_status, x.reused_run_id, x.reused_idx, true
    from place p
    join step_result x on x.run_id = p.run_id and x.idx = p.idx and x.reused_run_id is not null
  )
  select p.at_step, p.at_status, a.id
  from place p
  join step_run s on s.run_id = p.run_id and s.idx = p.idx
  cross join lateral (
    select case when not p.reused then s.attempt else (
      select max(e.number) from step_attempt e
      where e.run_id = p.run_id and e.step_idx = p.idx and e.status = 'SUCCEEDED') end as number
  ) newest
  join artifact a on a.run_id = p.run_id and a.step_idx = p.idx and a.attempt = newest.number
  where not exists (
    select from step_result x where x.run_id = p.run_id and x.idx = p.idx and x.reused_run_id is not null
  )
$$;
