-- Made by `npm run database` from a migrated database. Monthly partitions are left out.

create type account_type as enum ('USER', 'SERVICE', 'RUNNER', 'SYSTEM');

create type cancel_proof as enum ('CONFIRMED', 'LEASE_EXPIRED');

create type project_role as enum ('PROJECT_USER', 'PROJECT_SUPERUSER', 'PROJECT_ADMIN');

create type run_event_type as enum ('RunStatusChanged', 'RunFinished', 'StageStatusChanged', 'StepStatusChanged');

create type run_trigger_type as enum ('MANUAL', 'API', 'SCHEDULE', 'WEBHOOK', 'RETRY', 'CHAIN', 'PARENT');

create type stage_run_status as enum ('PENDING', 'RUNNING', 'WAITING', 'SUCCEEDED', 'FAILED', 'CANCELED', 'SKIPPED');

create type step_run_status as enum ('PENDING', 'QUEUED', 'WAITING', 'RUNNING', 'CANCELING', 'SUCCEEDED', 'FAILED', 'TIMED_OUT', 'CANCELED', 'SKIPPED');

create type workflow_run_status as enum ('PENDING', 'QUEUED', 'RUNNING', 'WAITING', 'PAUSED', 'CANCELING', 'SUCCEEDED', 'FAILED', 'TIMED_OUT', 'CANCELED', 'SKIPPED');

create table account (
  id uuid not null,
  type account_type not null,
  username text not null,
  name text not null,
  avatar_url text,
  system_admin boolean default false not null,
  created_at timestamp with time zone not null,
  constraint account_pkey PRIMARY KEY (id),
  constraint account_username_key UNIQUE (username)
);

create table api_token (
  id uuid not null,
  account_id uuid not null,
  project_id uuid,
  hash bytea not null,
  description text not null,
  created_at timestamp with time zone not null,
  expires_at timestamp with time zone,
  revoked_at timestamp with time zone,
  constraint api_token_account_id_fkey FOREIGN KEY (account_id) REFERENCES account(id) ON DELETE CASCADE,
  constraint api_token_hash_key UNIQUE (hash),
  constraint api_token_pkey PRIMARY KEY (id),
  constraint api_token_project_id_fkey FOREIGN KEY (project_id) REFERENCES project(id) ON DELETE CASCADE
);

create table audit_entry (
  id uuid not null,
  project_id uuid,
  actor_id uuid,
  action text not null,
  target text not null,
  details jsonb not null,
  at timestamp with time zone not null,
  xid xid8 default pg_current_xact_id() not null,
  constraint audit_entry_pkey PRIMARY KEY (id)
);

create table installation (
  id boolean default true not null,
  restore_counter integer default 0 not null,
  created_at timestamp with time zone default now() not null,
  constraint installation_id_check CHECK (id),
  constraint installation_pkey PRIMARY KEY (id)
);

create table log_chunk (
  run_id uuid not null,
  step_idx integer not null,
  fence integer not null,
  byte_offset integer not null,
  line_offset integer not null,
  line_count integer not null,
  data bytea not null,
  constraint log_chunk_pkey PRIMARY KEY (run_id, step_idx, fence, byte_offset)
) partition by RANGE (run_id);

create table log_stream (
  run_id uuid not null,
  step_idx integer not null,
  fence integer not null,
  length integer not null,
  line_count integer not null,
  crc32 bigint not null,
  sealed boolean not null,
  constraint log_stream_pkey PRIMARY KEY (run_id, step_idx, fence)
) with (fillfactor=70);

create table project (
  id uuid not null,
  slug text not null,
  name text not null,
  created_at timestamp with time zone not null,
  constraint project_pkey PRIMARY KEY (id),
  constraint project_slug_key UNIQUE (slug)
);

create table project_member (
  project_id uuid not null,
  account_id uuid not null,
  role project_role not null,
  constraint project_member_account_id_fkey FOREIGN KEY (account_id) REFERENCES account(id) ON DELETE CASCADE,
  constraint project_member_pkey PRIMARY KEY (project_id, account_id),
  constraint project_member_project_id_fkey FOREIGN KEY (project_id) REFERENCES project(id) ON DELETE CASCADE
);

create table queue_pool (
  id integer generated always as identity not null,
  project_id uuid not null,
  queue text not null,
  labels text[] not null,
  constraint queue_pool_pkey PRIMARY KEY (id),
  constraint queue_pool_project_id_fkey FOREIGN KEY (project_id) REFERENCES project(id) ON DELETE CASCADE,
  constraint queue_pool_project_id_queue_labels_key UNIQUE (project_id, queue, labels)
);

create table run_event (
  run_id uuid not null,
  seq integer not null,
  xid xid8 default pg_current_xact_id() not null,
  type run_event_type not null,
  at timestamp with time zone not null,
  actor_id uuid,
  payload jsonb not null,
  constraint run_event_pkey PRIMARY KEY (run_id, seq)
) partition by RANGE (run_id);

create table runner (
  id uuid not null,
  account_id uuid not null,
  project_id uuid,
  name text not null,
  hostname text not null,
  version text not null,
  queues text[] not null,
  labels text[] not null,
  capacity integer not null,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  constraint runner_account_id_fkey FOREIGN KEY (account_id) REFERENCES account(id) ON DELETE CASCADE,
  constraint runner_account_id_name_key UNIQUE (account_id, name),
  constraint runner_pkey PRIMARY KEY (id),
  constraint runner_project_id_fkey FOREIGN KEY (project_id) REFERENCES project(id) ON DELETE CASCADE
);

create table runner_session (
  id bigint generated always as identity not null,
  runner_id uuid not null,
  account_id uuid not null,
  lease_until timestamp with time zone not null,
  dead boolean default false not null,
  last_claim_id text,
  last_claim_at timestamp with time zone,
  created_at timestamp with time zone not null,
  constraint runner_session_pkey PRIMARY KEY (id),
  constraint runner_session_runner_id_fkey FOREIGN KEY (runner_id) REFERENCES runner(id) ON DELETE CASCADE
) with (fillfactor=50);

create table stage_run (
  run_id uuid not null,
  idx integer not null,
  status stage_run_status not null,
  status_reason jsonb,
  open_steps integer not null,
  active_steps integer not null,
  started_at timestamp with time zone,
  finished_at timestamp with time zone,
  constraint stage_run_pkey PRIMARY KEY (run_id, idx)
) with (fillfactor=70);

create table step_attempt (
  run_id uuid not null,
  step_idx integer not null,
  number integer not null,
  fence integer not null,
  status step_run_status not null,
  status_reason jsonb,
  runner_id uuid,
  started_at timestamp with time zone not null,
  finished_at timestamp with time zone not null,
  exit_code integer,
  output jsonb,
  error text,
  log_length integer,
  log_crc32 text,
  constraint step_attempt_pkey PRIMARY KEY (run_id, step_idx, number)
) partition by RANGE (run_id);

create table step_run (
  run_id uuid not null,
  idx integer not null,
  stage_idx integer not null,
  status step_run_status not null,
  status_reason jsonb,
  pending integer not null,
  ready_pool integer,
  fence integer not null,
  attempt integer not null,
  lost smallint not null,
  session_id bigint,
  leased_at timestamp with time zone,
  started_at timestamp with time zone,
  finished_at timestamp with time zone,
  due_at timestamp with time zone,
  exit_code integer,
  cancel_proof cancel_proof,
  constraint step_run_pkey PRIMARY KEY (run_id, idx)
) with (fillfactor=70);

create table workflow (
  id uuid not null,
  project_id uuid not null,
  name text not null,
  latest_version integer default 0 not null,
  last_run_number integer default 0 not null,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  constraint workflow_pkey PRIMARY KEY (id),
  constraint workflow_project_id_fkey FOREIGN KEY (project_id) REFERENCES project(id) ON DELETE CASCADE,
  constraint workflow_project_id_name_key UNIQUE (project_id, name)
);

create table workflow_edge (
  version_id uuid not null,
  need_idx integer not null,
  dependent_idx integer not null,
  constraint workflow_edge_pkey PRIMARY KEY (version_id, need_idx, dependent_idx),
  constraint workflow_edge_version_id_fkey FOREIGN KEY (version_id) REFERENCES workflow_version(id) ON DELETE CASCADE
);

create table workflow_run (
  id uuid not null,
  project_id uuid not null,
  workflow_id uuid not null,
  workflow_version_id uuid not null,
  workflow_name text not null,
  number integer not null,
  status workflow_run_status not null,
  status_reason jsonb,
  ending jsonb,
  progress smallint not null,
  step_count integer not null,
  open_steps integer not null,
  active_steps integer not null,
  last_seq integer not null,
  revision integer not null,
  labels jsonb not null,
  message text,
  branch text,
  commit text,
  trigger_type run_trigger_type not null,
  trigger_ref text,
  created_by uuid not null,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  queued_at timestamp with time zone,
  started_at timestamp with time zone,
  finished_at timestamp with time zone,
  finalized_at timestamp with time zone,
  expires_at timestamp with time zone not null,
  constraint workflow_run_created_by_fkey FOREIGN KEY (created_by) REFERENCES account(id),
  constraint workflow_run_pkey PRIMARY KEY (id),
  constraint workflow_run_project_id_fkey FOREIGN KEY (project_id) REFERENCES project(id) ON DELETE CASCADE,
  constraint workflow_run_workflow_id_fkey FOREIGN KEY (workflow_id) REFERENCES workflow(id) ON DELETE CASCADE,
  constraint workflow_run_workflow_id_number_key UNIQUE (workflow_id, number),
  constraint workflow_run_workflow_version_id_fkey FOREIGN KEY (workflow_version_id) REFERENCES workflow_version(id)
) with (fillfactor=50);

create table workflow_run_input (
  run_id uuid not null,
  inputs jsonb not null,
  payload jsonb,
  env_vars jsonb not null,
  constraint workflow_run_input_pkey PRIMARY KEY (run_id)
);

create table workflow_step (
  version_id uuid not null,
  idx integer not null,
  stage_idx integer not null,
  ref text not null,
  name text,
  type text not null,
  needs integer[] not null,
  behind_barrier boolean not null,
  pool_id integer not null,
  queue_when_ready boolean not null,
  constraint workflow_step_pkey PRIMARY KEY (version_id, idx),
  constraint workflow_step_pool_id_fkey FOREIGN KEY (pool_id) REFERENCES queue_pool(id),
  constraint workflow_step_version_id_fkey FOREIGN KEY (version_id) REFERENCES workflow_version(id) ON DELETE CASCADE
);

create table workflow_version (
  id uuid not null,
  workflow_id uuid not null,
  version integer not null,
  definition jsonb not null,
  source text not null,
  source_hash bytea not null,
  created_by uuid not null,
  created_at timestamp with time zone not null,
  constraint workflow_version_created_by_fkey FOREIGN KEY (created_by) REFERENCES account(id),
  constraint workflow_version_pkey PRIMARY KEY (id),
  constraint workflow_version_workflow_id_fkey FOREIGN KEY (workflow_id) REFERENCES workflow(id) ON DELETE CASCADE,
  constraint workflow_version_workflow_id_version_key UNIQUE (workflow_id, version)
);

CREATE INDEX audit_entry_by_project ON public.audit_entry USING btree (project_id, id DESC);

CREATE INDEX runner_session_alive ON public.runner_session USING btree (lease_until) WHERE (NOT dead);

CREATE INDEX step_run_due ON public.step_run USING btree (due_at) WHERE (due_at IS NOT NULL);

CREATE INDEX step_run_held ON public.step_run USING btree (session_id) WHERE (session_id IS NOT NULL);

CREATE INDEX step_run_ready ON public.step_run USING btree (ready_pool, run_id, idx) WHERE (ready_pool IS NOT NULL);

CREATE INDEX workflow_run_by_project ON public.workflow_run USING btree (project_id, created_at DESC, id DESC);

CREATE INDEX workflow_run_by_status ON public.workflow_run USING btree (project_id, status, created_at DESC, id DESC);

CREATE INDEX workflow_run_by_workflow ON public.workflow_run USING btree (workflow_id, created_at DESC, id DESC);

CREATE INDEX workflow_run_to_expire ON public.workflow_run USING btree (expires_at) WHERE (finished_at IS NULL);

CREATE OR REPLACE FUNCTION public.claim_steps(p_session bigint, p_claim_id text, p_max integer, p_now timestamp with time zone)
 RETURNS TABLE(run_id uuid, step_idx integer, fence integer, attempt integer)
 LANGUAGE plpgsql
AS $function$
declare
  v_session runner_session;
  v_at timestamptz;
  v_pool integer;
  v_head uuid;
  v_left integer := p_max;
  v_taken integer;
begin
  select * into v_session from runner_session s where s.id = p_session for no key update;
  if not found or v_session.dead or v_session.lease_until <= p_now then
    raise exception 'runner session % is over', p_session using errcode = 'RC001';
  end if;
  if v_session.last_claim_id = p_claim_id then
    return query select s.run_id, s.idx, s.fence, s.attempt from step_run s
      where s.session_id = p_session and s.leased_at = v_session.last_claim_at and s.status = 'QUEUED';
    return;
  end if;
  -- Two claims of one session must differ in time: it is how the leases of a claim are found again.
  v_at := greatest(p_now, v_session.last_claim_at + interval '1 microsecond');

  -- Pools in the order of their oldest waiting run. Of each, at most half to that run while others wait; what
  -- the others leave over is its again.
  for v_pool, v_head in
    select p.id, head.run_id
    from runner r
    join queue_pool p on p.queue = any (r.queues) and p.labels <@ r.labels
      and (r.project_id is null or r.project_id = p.project_id)
    cross join lateral (
      select s.run_id from step_run s where s.ready_pool = p.id order by s.run_id, s.idx limit 1
    ) head
    where r.id = v_session.runner_id
    order by head.run_id
  loop
    exit when v_left <= 0;
    return query select * from lease_ready_steps(p_session, v_pool, v_head, false, (v_left + 1) / 2, v_at);
    get diagnostics v_taken = row_count;
    v_left := v_left - v_taken;
    return query select * from lease_ready_steps(p_session, v_pool, v_head, true, v_left, v_at);
    get diagnostics v_taken = row_count;
    v_left := v_left - v_taken;
    return query select * from lease_ready_steps(p_session, v_pool, v_head, false, v_left, v_at);
    get diagnostics v_taken = row_count;
    v_left := v_left - v_taken;
  end loop;
  if v_left < p_max then
    update runner_session s set last_claim_id = p_claim_id, last_claim_at = v_at where s.id = p_session;
  end if;
end $function$
;

CREATE OR REPLACE FUNCTION public.complete_steps(p_runs uuid[], p_steps integer[], p_fences integer[], p_sessions bigint[], p_done boolean[], p_exit_codes integer[], p_outputs jsonb[], p_log_lengths integer[], p_log_crcs text[], p_now timestamp with time zone)
 RETURNS TABLE(run_id uuid, step_idx integer, fence integer, result text, last_seq integer, freed integer)
 LANGUAGE plpgsql
AS $function$
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
end $function$
;

CREATE OR REPLACE FUNCTION public.ensure_run_partitions(p_from timestamp with time zone, p_months integer)
 RETURNS integer
 LANGUAGE plpgsql
AS $function$
declare
  v_created integer := 0;
  v_start timestamptz;
  v_parent text;
  v_name text;
begin
  for v_start in
    select month at time zone 'UTC'
    from generate_series(date_trunc('month', p_from at time zone 'UTC'),
                         date_trunc('month', p_from at time zone 'UTC') + make_interval(months => p_months),
                         interval '1 month') as month
  loop
    foreach v_parent in array array['run_event', 'step_attempt', 'log_chunk'] loop
      v_name := v_parent || to_char(v_start at time zone 'UTC', '_YYYY_MM');
      continue when to_regclass(v_name) is not null;
      execute format('create table %I partition of %I for values from (%L) to (%L)', v_name, v_parent,
        run_id_at(v_start), run_id_at((v_start at time zone 'UTC' + interval '1 month') at time zone 'UTC'));
      v_created := v_created + 1;
    end loop;
  end loop;
  return v_created;
end $function$
;

CREATE OR REPLACE FUNCTION public.lease_ready_steps(p_session bigint, p_pool integer, p_run uuid, p_later_runs boolean, p_limit integer, p_at timestamp with time zone)
 RETURNS TABLE(run_id uuid, step_idx integer, fence integer, attempt integer)
 LANGUAGE plpgsql
AS $function$
begin
  if p_later_runs then
    return query
      with ready as materialized (
        select s.run_id, s.idx from step_run s
        where s.ready_pool = p_pool and s.run_id > p_run
        order by s.run_id, s.idx limit p_limit for no key update skip locked
      )
      update step_run s set session_id = p_session, fence = s.fence + 1, leased_at = p_at, ready_pool = null
      from ready where s.run_id = ready.run_id and s.idx = ready.idx
      returning s.run_id, s.idx, s.fence, s.attempt;
  else
    return query
      with ready as materialized (
        select s.run_id, s.idx from step_run s
        where s.ready_pool = p_pool and s.run_id = p_run
        order by s.idx limit p_limit for no key update skip locked
      )
      update step_run s set session_id = p_session, fence = s.fence + 1, leased_at = p_at, ready_pool = null
      from ready where s.run_id = ready.run_id and s.idx = ready.idx
      returning s.run_id, s.idx, s.fence, s.attempt;
  end if;
end $function$
;

CREATE OR REPLACE FUNCTION public.run_id_at(moment timestamp with time zone)
 RETURNS uuid
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select (lpad(to_hex((extract(epoch from moment) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$function$
;
