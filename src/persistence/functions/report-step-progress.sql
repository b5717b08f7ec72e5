-- Stores how far a running step is, and what that makes of its run, whose lock the transaction holds. A step's progress
-- is told by two events a second at most; what comes between is in the next one, and in the step's row at once.
-- Answers the event's seq, or null without an event.
create or replace function report_step_progress(
  p_run uuid, p_step integer, p_progress smallint, p_message text, p_actor uuid, p_now timestamptz)
returns integer
language plpgsql
set enable_seqscan = off set plan_cache_mode = force_generic_plan
as $$
declare
  v_attempt integer;
  v_told boolean;
  v_seq integer;
begin
  select s.attempt, coalesce(s.progressed_at <= p_now - interval '500 milliseconds', true) into v_attempt, v_told
  from step_run s where s.run_id = p_run and s.idx = p_step;
  update step_run s set progress = p_progress, progressed_at = case when v_told then p_now else s.progressed_at end
  where s.run_id = p_run and s.idx = p_step;
  update workflow_run r set
    last_seq = r.last_seq + v_told::integer,
    updated_at = p_now,
    progress = greatest(r.progress, (100 * (r.step_count - r.open_steps) + (
      select coalesce(sum(s.progress), 0) from step_run s
      where s.run_id = p_run and s.progress > 0 and s.finished_at is null
    )) / r.step_count)
  where r.id = p_run returning r.last_seq into v_seq;
  if not v_told then
    return null;
  end if;
  insert into run_event (run_id, seq, type, at, actor_id, payload)
  values (p_run, v_seq, 'StepProgressed', p_now, p_actor, jsonb_build_object(
    'step', p_step, 'attempt', v_attempt, 'progress', p_progress, 'message', p_message));
  return v_seq;
end $$;
