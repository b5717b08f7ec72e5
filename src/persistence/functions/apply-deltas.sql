-- Stores what was decided for runs that the transaction has locked: rows, attempts and events together. Answers
-- the changed steps, as far as runners have to hear of them.
-- Only look-ups by key are left to the planner: see complete_steps.
create or replace function apply_deltas(
  p_attempts jsonb, p_steps jsonb, p_stages jsonb, p_runs jsonb, p_events jsonb, p_now timestamptz)
returns table (session_id bigint, status step_run_status, ready_pool integer)
language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
begin
  -- Before the steps, which forget who held them.
  insert into step_attempt (run_id, step_idx, number, fence, status, status_reason, runner_id, started_at,
    finished_at, exit_code, output, error, log_length, log_crc32, reported)
  select a.run_id, a.step_idx, a.number, a.fence, a.status, a.status_reason, n.runner_id, a.started_at,
    a.finished_at, a.exit_code, a.output, a.error, a.log_length, a.log_crc32, a.reported
  from jsonb_to_recordset(p_attempts) as a(run_id uuid, step_idx integer, number integer, fence integer,
    status step_run_status, status_reason jsonb, started_at timestamptz, finished_at timestamptz,
    exit_code integer, output jsonb, error text, log_length integer, log_crc32 text, reported boolean)
  cross join lateral (
    select s.session_id from step_run s where s.run_id = a.run_id and s.idx = a.step_idx offset 0
  ) s
  left join lateral (select n.runner_id from runner_session n where n.id = s.session_id offset 0) n on true;

  update stage_run g set status = d.status, status_reason = d.status_reason, open_steps = d.open_steps,
    active_steps = d.active_steps, started_at = d.started_at, finished_at = d.finished_at
  from jsonb_to_recordset(p_stages) as d(run_id uuid, idx integer, status stage_run_status, status_reason jsonb,
    open_steps integer, active_steps integer, started_at timestamptz, finished_at timestamptz)
  where g.run_id = d.run_id and g.idx = d.idx;

  update workflow_run r set status = d.status, status_reason = d.status_reason, ending = d.ending,
    pause = d.pause, sealing = d.sealing, finalized_at = d.finalized_at, expires_at = d.expires_at,
    labels = coalesce(d.labels, r.labels),
    annotations = coalesce(d.annotations, r.annotations), progress = d.progress, open_steps = d.open_steps, active_steps = d.active_steps, last_seq = d.last_seq,
    revision = r.revision + d.revised::integer, queued_at = d.queued_at, started_at = d.started_at,
    finished_at = d.finished_at, updated_at = p_now
  from jsonb_to_recordset(p_runs) as d(id uuid, status workflow_run_status, status_reason jsonb, ending jsonb,
    pause jsonb, sealing boolean, finalized_at timestamptz, expires_at timestamptz, labels jsonb, annotations jsonb, progress smallint, open_steps integer, active_steps integer, last_seq integer, revised boolean,
    queued_at timestamptz, started_at timestamptz, finished_at timestamptz)
  where r.id = d.id;

  insert into run_event (run_id, seq, type, at, actor_id, payload)
  select e.run_id, e.seq, e.type, p_now, e.actor_id, e.payload
  from jsonb_to_recordset(p_events) as e(run_id uuid, seq integer, type run_event_type, actor_id uuid,
    payload jsonb);

  return query
  with delta as materialized (
    select d.*, w.pool_id
    from jsonb_to_recordset(p_steps) as d(run_id uuid, idx integer, status step_run_status, status_reason jsonb,
      pending integer, fence integer, attempt integer, lost smallint, leased boolean, started_at timestamptz,
      finished_at timestamptz, due_at timestamptz, exit_code integer, cancel_proof cancel_proof, ready boolean,
      on_death step_on_death, free_starts integer, progress smallint)
    cross join lateral (
      select r.workflow_version_id as version_id from workflow_run r where r.id = d.run_id offset 0
    ) r
    cross join lateral (
      select w.pool_id from workflow_step w where w.version_id = r.version_id and w.idx = d.idx offset 0
    ) w
  )
  update step_run s set
    status = d.status, status_reason = d.status_reason, pending = d.pending, fence = d.fence,
    attempt = d.attempt, lost = d.lost, session_id = case when d.leased then s.session_id end,
    ready_pool = case when d.ready then d.pool_id end, on_death = d.on_death, free_starts = d.free_starts,
    started_at = d.started_at, finished_at = d.finished_at, due_at = d.due_at, exit_code = d.exit_code,
    cancel_proof = d.cancel_proof,
    -- Processes of an earlier version say nothing of it.
    progress = coalesce(d.progress, s.progress)
  from delta d where s.run_id = d.run_id and s.idx = d.idx
  returning s.session_id, s.status, s.ready_pool;
end $$;
