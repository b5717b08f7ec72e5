-- Adds to what a step tells of its work, as an event of its run, whose lock the transaction holds. Answers its seq, or
-- null when the step has told as much as it may.
create or replace function record_step_trace(
  p_run uuid, p_step integer, p_kind text, p_content text, p_actor uuid, p_now timestamptz, p_most integer)
returns integer
language plpgsql
as $$
declare
  v_attempt integer;
  v_seq integer;
begin
  update step_run s set trace_count = s.trace_count + 1
  where s.run_id = p_run and s.idx = p_step and s.trace_count < p_most returning s.attempt into v_attempt;
  if not found then
    return null;
  end if;
  update workflow_run r set last_seq = r.last_seq + 1, updated_at = p_now
  where r.id = p_run returning r.last_seq into v_seq;
  insert into run_event (run_id, seq, type, at, actor_id, payload)
  values (p_run, v_seq, 'StepTraced', p_now, p_actor, jsonb_build_object(
    'step', p_step, 'attempt', v_attempt, 'kind', p_kind, 'content', p_content));
  return v_seq;
end $$;
