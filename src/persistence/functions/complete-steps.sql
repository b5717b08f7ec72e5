-- The fast path of reports: starts and successes that decide nothing for their run or stage, applied to many
-- runs at once. One row of input per step. A run is left alone, and none of its reports is in the answer, when
--   - a report does not fit its step (another fence or session, an ended step): the slow path tells late from
--     repeated;
--   - the run or one of its stages is not RUNNING, or would stop being so;
--   - a step ends on which its tests decide;
--   - the run limits how many of its steps execute at once: the slot has to be given to somebody;
--   - a dependent becomes free that does not simply go to the queue: a delay, a condition, a failed stage before.
-- The first statement takes the locks, the second works with the snapshot after them: a single statement that
-- waits for the lock would count with what it saw before.
-- Answers one row per applied step, and one without a step for each run that moved.
--
-- Rows are looked up by key, one by one, and the settings leave no other plan: a plan is kept as long as its
-- connection, and with those made while the tables were small, all that happens to a run of five steps visited
-- 1.3 million rows of step_run once there were 100,000, where 220 do. "offset 0" keeps a look-up as it is written.
create or replace function complete_steps(
  p_runs uuid[], p_steps integer[], p_fences integer[], p_sessions bigint[], p_done boolean[],
  p_exit_codes integer[], p_outputs jsonb[], p_log_lengths integer[], p_log_crcs text[], p_now timestamptz)
returns table (run_id uuid, step_idx integer, fence integer, last_seq integer, freed integer)
language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
begin
  perform 1 from workflow_run r where r.id = any (p_runs) order by r.id for no key update;

  return query
  with reported as materialized (
    select i.*, r.version_id, r.last_seq, s.stage_idx, s.before, s.started_at, s.attempt, n.runner_id, n.account_id
    from unnest(p_runs, p_steps, p_fences, p_sessions, p_done, p_exit_codes, p_outputs, p_log_lengths,
      p_log_crcs) as i(run_id, idx, fence, session_id, done, exit_code, output, log_length, log_crc)
    left join lateral (
      select r.workflow_version_id as version_id, r.last_seq from workflow_run r
      where r.id = i.run_id and r.status = 'RUNNING' and r.max_parallel_steps is null offset 0
    ) r on true
    left join lateral (
      select s.stage_idx, s.status as before, s.started_at, s.attempt + (s.status = 'QUEUED')::integer as attempt
      from step_run s
      -- "is not distinct from" keeps the planner from reading all that a session holds (37 ms a call, measured, once
      -- an ANALYZE has seen the queue empty).
      where s.run_id = i.run_id and s.idx = i.idx and s.fence = i.fence
        and s.session_id is not distinct from i.session_id
        and (s.status = 'QUEUED' or (s.status = 'RUNNING' and i.done)) and not (s.gated and i.done) offset 0
    ) s on true
    left join lateral (
      select n.runner_id, n.account_id from runner_session n where n.id = i.session_id offset 0
    ) n on true
  ),
  task as materialized (
    select * from reported t where t.version_id is not null and t.before is not null
  ),
  met as materialized (
    select t.run_id, t.version_id, t.last_seq, e.dependent_idx as idx, count(*)::integer as needs
    from task t
    cross join lateral (
      select e.dependent_idx from workflow_edge e
      where e.version_id = t.version_id and e.need_idx = t.idx offset 0
    ) e
    where t.done group by 1, 2, 3, 4
  ),
  unblocked as materialized (
    select m.run_id, m.last_seq, m.idx, d.stage_idx, m.needs, d.pending = m.needs as freed, d.attempt, w.pool_id,
      w.queue_when_ready and not (w.behind_barrier and exists (
        select from stage_run g where g.run_id = m.run_id and g.idx < d.stage_idx and g.status = 'FAILED'
      )) as plain
    from met m
    cross join lateral (
      select d.stage_idx, d.pending, d.attempt from step_run d
      where d.run_id = m.run_id and d.idx = m.idx and d.status = 'PENDING' offset 0
    ) d
    cross join lateral (
      select w.pool_id, w.queue_when_ready, w.behind_barrier from workflow_step w
      where w.version_id = m.version_id and w.idx = m.idx offset 0
    ) w
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
    select array(
      select t.run_id from reported t where t.version_id is null or t.before is null
      union
      select u.run_id from unblocked u where u.freed and not u.plain
      union
      select m.run_id from moved m
      cross join lateral (
        select g.status, g.active_steps from stage_run g where g.run_id = m.run_id and g.idx = m.stage_idx offset 0
      ) g
      where g.status <> 'RUNNING' or g.active_steps - m.closed + m.freed <= 0
      union
      select m.run_id from (select m.run_id, sum(m.freed) - sum(m.closed) as more from moved m group by 1) m
      cross join lateral (select r.active_steps from workflow_run r where r.id = m.run_id offset 0) r
      where r.active_steps + m.more <= 0
    ) as runs
  ),
  fast as materialized (
    select * from task t where t.run_id <> all ((select d.runs from deferred d)::uuid[])
  ),
  counting as materialized (
    select * from unblocked u where u.run_id <> all ((select d.runs from deferred d)::uuid[])
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
    from counting u where s.run_id = u.run_id and s.idx = u.idx
  ),
  stages as (
    update stage_run g set open_steps = g.open_steps - m.closed, active_steps = g.active_steps - m.closed + m.freed
    from moved m
    where g.run_id = m.run_id and g.idx = m.stage_idx
      and m.run_id <> all ((select d.runs from deferred d)::uuid[])
  ),
  happened as materialized (
    select f.run_id, f.last_seq, f.idx, 'RUNNING' as status, f.attempt, f.account_id, 1 as phase
    from fast f where f.before = 'QUEUED'
    union all
    select f.run_id, f.last_seq, f.idx, 'SUCCEEDED', f.attempt, f.account_id, 2 from fast f where f.done
    union all
    select u.run_id, u.last_seq, u.idx, 'QUEUED', u.attempt, null, 3 from counting u where u.freed
  ),
  change as materialized (
    select h.run_id, count(*)::integer as events, count(*) filter (where h.phase = 2)::integer as closed,
      count(*) filter (where h.phase = 3)::integer as freed,
      coalesce(array_agg(h.idx) filter (where h.phase = 2), '{}') as done
    from happened h group by 1
  ),
  run as (
    update workflow_run r set
      last_seq = r.last_seq + c.events,
      open_steps = r.open_steps - c.closed,
      active_steps = r.active_steps - c.closed + c.freed,
      progress = greatest(r.progress, (100 * (r.step_count - r.open_steps + c.closed) + coalesce((
        select sum(s.progress) from step_run s
        where s.run_id = r.id and s.progress > 0 and s.finished_at is null and s.idx <> all (c.done)
      ), 0)) / r.step_count),
      updated_at = p_now
    from change c where r.id = c.run_id
    returning r.id, r.last_seq, c.freed
  ),
  attempts as (
    insert into step_attempt (run_id, step_idx, number, fence, status, runner_id, started_at, finished_at,
      exit_code, output, log_length, log_crc32)
    select f.run_id, f.idx, f.attempt, f.fence, 'SUCCEEDED', f.runner_id, coalesce(f.started_at, p_now), p_now,
      f.exit_code, coalesce(f.output, '{}'), f.log_length, f.log_crc
    from fast f where f.done
  ),
  events as (
    insert into run_event (run_id, seq, type, at, actor_id, payload)
    select h.run_id, h.last_seq + row_number() over (partition by h.run_id order by h.phase, h.idx),
      'StepStatusChanged', p_now, h.account_id,
      jsonb_build_object('step', h.idx, 'status', h.status, 'attempt', h.attempt, 'reason', null)
    from happened h
  )
  select f.run_id, f.idx, f.fence, null::integer, null::integer from fast f
  union all
  select run.id, null, null, run.last_seq, run.freed from run;
end $$;
