-- The fast path of reports: starts and successes that decide nothing for their run or stage, applied to many
-- runs at once. One row of input per step. A run is left alone, and all of its reports come back DEFERRED, when
--   - a report does not fit its step (another fence or session, an ended step): the slow path tells late from
--     repeated;
--   - the run or one of its stages is not RUNNING, or would stop being so;
--   - a dependent becomes free that does not simply go to the queue (a delay, a condition).
-- The first statement takes the locks, the second works with the snapshot after them: a single statement that
-- waits for the lock would count with what it saw before.
create or replace function complete_steps(
  p_runs uuid[], p_steps integer[], p_fences integer[], p_sessions bigint[], p_done boolean[],
  p_exit_codes integer[], p_outputs jsonb[], p_log_lengths integer[], p_log_crcs text[], p_now timestamptz)
returns table (run_id uuid, step_idx integer, fence integer, result text, last_seq integer, freed integer)
language plpgsql as $$
begin
  perform 1 from workflow_run r where r.id = any (p_runs) order by r.id for no key update;

  return query
  with input as materialized (
    select * from unnest(p_runs, p_steps, p_fences, p_sessions, p_done, p_exit_codes, p_outputs, p_log_lengths,
      p_log_crcs) as i(run_id, idx, fence, session_id, done, exit_code, output, log_length, log_crc)
  ),
  task as materialized (
    select i.*, r.workflow_version_id as version_id, s.stage_idx, s.status as before, s.started_at,
      s.attempt + (s.status = 'QUEUED')::integer as attempt
    from input i
    join workflow_run r on r.id = i.run_id and r.status = 'RUNNING'
    join step_run s on s.run_id = i.run_id and s.idx = i.idx and s.fence = i.fence and s.session_id = i.session_id
    where s.status = 'QUEUED' or (s.status = 'RUNNING' and i.done)
  ),
  met as materialized (
    select t.run_id, t.version_id, e.dependent_idx as idx, count(*)::integer as needs
    from task t join workflow_edge e on e.version_id = t.version_id and e.need_idx = t.idx
    where t.done group by 1, 2, 3
  ),
  unblocked as materialized (
    select d.run_id, d.idx, d.stage_idx, m.needs, d.pending = m.needs as freed, d.attempt, w.pool_id, w.queue_when_ready
    from met m
    join step_run d on d.run_id = m.run_id and d.idx = m.idx and d.status = 'PENDING'
    join workflow_step w on w.version_id = m.version_id and w.idx = m.idx
  ),
  -- How the counters of each touched stage move: closed steps leave, freed ones become active.
  moved as materialized (
    select z.run_id, z.stage_idx, sum(z.closed)::integer as closed, sum(z.freed)::integer as freed
    from (
      select t.run_id, t.stage_idx, t.done::integer as closed, 0 as freed from task t
      union all
      select u.run_id, u.stage_idx, 0, 1 from unblocked u where u.freed
    ) z group by 1, 2
  ),
  deferred as materialized (
    select i.run_id from input i
    where not exists (select from task t where t.run_id = i.run_id and t.idx = i.idx and t.fence = i.fence)
    union
    select u.run_id from unblocked u where u.freed and not u.queue_when_ready
    union
    select m.run_id from moved m join stage_run g on g.run_id = m.run_id and g.idx = m.stage_idx
    where g.status <> 'RUNNING' or g.active_steps - m.closed + m.freed <= 0
    union
    select r.id from (select m.run_id, sum(m.closed) closed, sum(m.freed) freed from moved m group by 1) m
    join workflow_run r on r.id = m.run_id and r.active_steps - m.closed + m.freed <= 0
  ),
  fast as materialized (
    select t.* from task t where not exists (select from deferred d where d.run_id = t.run_id)
  ),
  closed_or_started as (
    update step_run s set
      status = case when f.done then 'SUCCEEDED'::step_run_status else 'RUNNING' end,
      status_reason = null,
      attempt = f.attempt,
      started_at = coalesce(s.started_at, p_now),
      finished_at = case when f.done then p_now end,
      session_id = case when f.done then null else s.session_id end,
      exit_code = f.exit_code
    from fast f where s.run_id = f.run_id and s.idx = f.idx
  ),
  counted as (
    update step_run s set
      pending = s.pending - u.needs,
      status = case when u.freed then 'QUEUED'::step_run_status else s.status end,
      ready_pool = case when u.freed then u.pool_id end
    from unblocked u
    where s.run_id = u.run_id and s.idx = u.idx
      and not exists (select from deferred d where d.run_id = u.run_id)
  ),
  stages as (
    update stage_run g set open_steps = g.open_steps - m.closed, active_steps = g.active_steps - m.closed + m.freed
    from moved m where g.run_id = m.run_id and g.idx = m.stage_idx
      and not exists (select from deferred d where d.run_id = m.run_id)
  ),
  happened as materialized (
    select f.run_id, f.idx, 'RUNNING' as status, f.attempt, f.session_id, 1 as phase
    from fast f where f.before = 'QUEUED'
    union all
    select f.run_id, f.idx, 'SUCCEEDED', f.attempt, f.session_id, 2 from fast f where f.done
    union all
    select u.run_id, u.idx, 'QUEUED', u.attempt, null, 3 from unblocked u
    where u.freed and not exists (select from deferred d where d.run_id = u.run_id)
  ),
  change as materialized (
    select h.run_id, count(*)::integer as events, count(*) filter (where h.status = 'SUCCEEDED')::integer as closed,
      count(*) filter (where h.phase = 3)::integer as freed
    from happened h group by 1
  ),
  run as (
    update workflow_run r set
      last_seq = r.last_seq + c.events,
      open_steps = r.open_steps - c.closed,
      active_steps = r.active_steps - c.closed + c.freed,
      progress = greatest(r.progress, 100 * (r.step_count - r.open_steps + c.closed) / r.step_count),
      updated_at = p_now
    from change c where r.id = c.run_id
    returning r.id, r.last_seq, r.last_seq - c.events as base, c.freed
  ),
  attempts as (
    insert into step_attempt (run_id, step_idx, number, fence, status, runner_id, started_at, finished_at,
      exit_code, output, log_length, log_crc32)
    select f.run_id, f.idx, f.attempt, f.fence, 'SUCCEEDED', s.runner_id, coalesce(f.started_at, p_now), p_now,
      f.exit_code, coalesce(f.output, '{}'), f.log_length, f.log_crc
    from fast f left join runner_session s on s.id = f.session_id where f.done
  ),
  events as (
    insert into run_event (run_id, seq, type, at, actor_id, payload)
    select h.run_id, run.base + row_number() over (partition by h.run_id order by h.phase, h.idx),
      'StepStatusChanged', p_now, s.account_id,
      jsonb_build_object('step', h.idx, 'status', h.status, 'attempt', h.attempt, 'reason', null)
    from happened h join run on run.id = h.run_id left join runner_session s on s.id = h.session_id
  )
  select i.run_id, i.idx, i.fence,
    case when exists (select from fast f where f.run_id = i.run_id and f.idx = i.idx and f.fence = i.fence) then 'APPLIED' else 'DEFERRED' end,
    run.last_seq, run.freed
  from input i left join run on run.id = i.run_id;
end $$;
