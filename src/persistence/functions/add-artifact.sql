-- Stores a file that a session sent for a step that it holds, with its event, under the run's lock. Answers the
-- artifact's id, which is an earlier one's when the attempt has just this file already, and the run's last event; no
-- row when the step is not the session's any more, and a conflict when the attempt has another file of that name.
create or replace function add_artifact(
  p_id uuid, p_run uuid, p_step integer, p_fence integer, p_session bigint, p_path text, p_size bigint,
  p_sha256 bytea, p_executable boolean, p_blob_key text, p_account uuid, p_now timestamptz)
returns table (id uuid, added boolean, conflict boolean, last_seq integer)
language plpgsql
as $$
#variable_conflict use_column
declare
  v_attempt integer;
  v_present artifact;
  v_seq integer;
begin
  perform 1 from workflow_run r where r.id = p_run and r.deleted_at is null for no key update;
  if not found then
    return;
  end if;
  -- A step that was leased and whose start is still on its way has its attempt's number from then on.
  select s.attempt + (s.status = 'QUEUED')::integer into v_attempt from step_run s
  where s.run_id = p_run and s.idx = p_step and s.fence = p_fence and s.session_id = p_session;
  if not found then
    return;
  end if;
  select * into v_present from artifact a
  where a.run_id = p_run and a.step_idx = p_step and a.attempt = v_attempt and a.path = p_path;
  if found then
    return query select v_present.id, false, v_present.sha256 <> p_sha256, null::integer;
    return;
  end if;
  insert into artifact (id, run_id, step_idx, attempt, fence, path, size, sha256, executable, blob_key, created_at)
  values (p_id, p_run, p_step, v_attempt, p_fence, p_path, p_size, p_sha256, p_executable, p_blob_key, p_now);
  update workflow_run r set last_seq = r.last_seq + 1, updated_at = p_now where r.id = p_run
  returning r.last_seq into v_seq;
  insert into run_event (run_id, seq, type, at, actor_id, payload)
  values (p_run, v_seq, 'ArtifactAdded', p_now, p_account, jsonb_build_object('step', p_step, 'attempt', v_attempt,
    'artifactId', p_id, 'path', p_path, 'sizeBytes', p_size));
  -- From here on the blob has its row.
  delete from orphan_blob o where o.key = p_blob_key;
  return query select p_id, true, false, v_seq;
end $$;
