-- Locks runs in ascending order of their ids and answers them whole; runs that do not exist are left out. The
-- second statement sees what was committed while the first waited for its locks. Times travel as milliseconds
-- since 1970, and a step as an array: that costs a third of an object to build and to parse.
create or replace function lock_runs(p_runs uuid[])
returns table (run json, steps json, stages json)
language plpgsql
set enable_seqscan = off set plan_cache_mode = force_generic_plan
as $$
begin
  perform 1 from workflow_run r where r.id = any (p_runs) order by r.id for no key update;

  return query
  select r.run,
    (select json_agg(json_build_array(s.idx, s.status, s.status_reason, s.pending, s.fence, s.attempt, s.lost,
        s.session_id::text, extract(epoch from s.started_at) * 1000, extract(epoch from s.finished_at) * 1000,
        extract(epoch from s.due_at) * 1000, s.exit_code, s.cancel_proof, s.ready_pool is not null, s.on_death,
        s.free_starts, s.progress) order by s.idx)
      from step_run s where s.run_id = i.id),
    (select json_agg(json_build_array(g.idx, g.status, g.status_reason, extract(epoch from g.started_at) * 1000,
        extract(epoch from g.finished_at) * 1000) order by g.idx)
      from stage_run g where g.run_id = i.id)
  from unnest(p_runs) i(id)
  cross join lateral (
    select json_build_object('id', r.id, 'projectId', r.project_id, 'versionId', r.workflow_version_id,
      'status', r.status, 'reason', r.status_reason, 'ending', r.ending, 'pause', r.pause, 'progress', r.progress,
      'lastSeq', r.last_seq, 'revision', r.revision, 'sealing', r.sealing, 'deleted', r.deleted_at is not null,
      'maxParallelSteps', r.max_parallel_steps, 'stepRetries', r.step_retries, 'timeoutMs', r.timeout_ms,
      'parentRunId', r.parent_run_id, 'parentStep', r.parent_step_idx, 'parentAttempt', r.parent_attempt,
      'expiresAt', extract(epoch from r.expires_at) * 1000,
      'finalizedAt', extract(epoch from r.finalized_at) * 1000, 'queuedAt', extract(epoch from r.queued_at) * 1000,
      'startedAt', extract(epoch from r.started_at) * 1000,
      'finishedAt', extract(epoch from r.finished_at) * 1000) as run
    from workflow_run r where r.id = i.id offset 0
  ) r
  order by i.id;
end $$;
