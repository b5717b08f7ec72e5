-- Whether a session may still write to a log: it holds the step, or executed it and the rest of the log is
-- awaited, because its runner said how long the log will be. Readers are told the end of every other log at
-- once, so nothing may be added to it.
create or replace function log_is_open(p_run uuid, p_step integer, p_fence integer, p_session bigint)
returns boolean
language sql stable
as $$
  select exists (
    select from step_run s
    where s.run_id = p_run and s.idx = p_step and s.fence = p_fence and s.session_id = p_session
  ) or exists (
    select from step_attempt a
    where a.run_id = p_run and a.step_idx = p_step and a.fence = p_fence and a.log_length is not null
      and exists (
        select from runner_session n
        where n.id = p_session and n.runner_id = a.runner_id and n.created_at <= a.finished_at and not n.dead
      )
  )
$$;
