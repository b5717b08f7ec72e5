-- Made by `npm run database` from a migrated database. Monthly partitions are left out.

create type account_type as enum ('USER', 'SERVICE', 'RUNNER', 'SYSTEM');

create type approval_status as enum ('PENDING', 'APPROVED', 'REJECTED', 'TIMED_OUT', 'CANCELED');

create type approval_verdict as enum ('APPROVE', 'REJECT');

create type bulk_action as enum ('CANCEL', 'RETRY', 'REPLAY', 'DELETE', 'LABEL');

create type bulk_status as enum ('RUNNING', 'COMPLETED', 'ABORTED');

create type cancel_proof as enum ('CONFIRMED', 'LEASE_EXPIRED');

create type missed_runs as enum ('SKIP', 'RUN_ONCE', 'RUN_ALL');

create type project_role as enum ('PROJECT_USER', 'PROJECT_SUPERUSER', 'PROJECT_ADMIN');

create type run_event_type as enum ('RunStatusChanged', 'RunFinished', 'StageStatusChanged', 'StepStatusChanged', 'RunReopened', 'RunLabelsChanged', 'RunDeleted', 'ApprovalRequested', 'ApprovalDecided', 'LogFileAdded', 'TestsDiscovered', 'TestStatusChanged', 'TestReviewed', 'StepProgressed', 'StepTraced', 'ArtifactAdded');

create type run_signal_kind as enum ('START_CHILD', 'CANCEL_CHILD', 'CHILD_FINISHED');

create type run_trigger_type as enum ('MANUAL', 'API', 'SCHEDULE', 'WEBHOOK', 'RETRY', 'CHAIN', 'PARENT');

create type stage_run_status as enum ('PENDING', 'RUNNING', 'WAITING', 'SUCCEEDED', 'FAILED', 'CANCELED', 'SKIPPED');

create type step_on_death as enum ('CANCEL', 'REQUEUE', 'RESET', 'SKIP', 'SUCCEED');

create type step_run_status as enum ('PENDING', 'QUEUED', 'WAITING', 'RUNNING', 'CANCELING', 'SUCCEEDED', 'FAILED', 'TIMED_OUT', 'CANCELED', 'SKIPPED');

create type test_regression as enum ('NEW', 'KNOWN', 'FIXED', 'FLAKY');

create type test_review_status as enum ('APPROVED', 'REJECTED', 'WAIVED');

create type test_run_status as enum ('QUEUED', 'RUNNING', 'PASSED', 'FAILED', 'ERRORED', 'SKIPPED', 'TIMED_OUT', 'CANCELED');

create type workflow_run_status as enum ('PENDING', 'QUEUED', 'RUNNING', 'WAITING', 'PAUSED', 'CANCELING', 'SUCCEEDED', 'FAILED', 'TIMED_OUT', 'CANCELED', 'SKIPPED');

create table account (
  id uuid not null,
  type account_type not null,
  username text not null,
  name text not null,
  avatar_url text,
  system_admin boolean default false not null,
  created_at timestamp with time zone not null,
  disabled_at timestamp with time zone,
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

create table approval (
  run_id uuid not null,
  step_idx integer not null,
  attempt integer not null,
  project_id uuid not null,
  status approval_status not null,
  quorum integer not null,
  approvers text[],
  self_approval boolean not null,
  prompt text,
  requested_at timestamp with time zone not null,
  due_at timestamp with time zone,
  closed_at timestamp with time zone,
  constraint approval_pkey PRIMARY KEY (run_id, step_idx, attempt),
  constraint approval_project_id_fkey FOREIGN KEY (project_id) REFERENCES project(id) ON DELETE CASCADE
);

create table approval_decision (
  run_id uuid not null,
  step_idx integer not null,
  attempt integer not null,
  actor_id uuid not null,
  verdict approval_verdict not null,
  comment text,
  fields jsonb not null,
  at timestamp with time zone not null,
  constraint approval_decision_pkey PRIMARY KEY (run_id, step_idx, attempt, actor_id)
);

create table artifact (
  id uuid not null,
  run_id uuid not null,
  step_idx integer not null,
  attempt integer not null,
  fence integer not null,
  path text not null,
  size bigint not null,
  sha256 bytea not null,
  executable boolean not null,
  blob_key text not null,
  created_at timestamp with time zone not null,
  constraint artifact_pkey PRIMARY KEY (id),
  constraint artifact_run_id_step_idx_attempt_path_key UNIQUE (run_id, step_idx, attempt, path)
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

create table bulk_operation (
  id uuid not null,
  project_id uuid,
  action bulk_action not null,
  arguments jsonb not null,
  status bulk_status not null,
  total integer not null,
  succeeded integer default 0 not null,
  failed integer default 0 not null,
  created_by uuid not null,
  only_project_id uuid,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  leased_until timestamp with time zone,
  finished_at timestamp with time zone,
  constraint bulk_operation_created_by_fkey FOREIGN KEY (created_by) REFERENCES account(id),
  constraint bulk_operation_pkey PRIMARY KEY (id),
  constraint bulk_operation_project_id_fkey FOREIGN KEY (project_id) REFERENCES project(id) ON DELETE CASCADE
);

create table bulk_operation_item (
  operation_id uuid not null,
  "position" integer not null,
  run_id uuid not null,
  outcome text,
  message text,
  new_run_id uuid,
  done_at timestamp with time zone,
  constraint bulk_operation_item_operation_id_fkey FOREIGN KEY (operation_id) REFERENCES bulk_operation(id) ON DELETE CASCADE,
  constraint bulk_operation_item_pkey PRIMARY KEY (operation_id, "position")
);

create table idempotency_key (
  project_id uuid not null,
  actor_id uuid not null,
  mutation text not null,
  key text not null,
  hash bytea not null,
  result jsonb,
  created_at timestamp with time zone not null,
  constraint idempotency_key_pkey PRIMARY KEY (actor_id, mutation, key, project_id)
);

create table installation (
  id boolean default true not null,
  restore_counter integer default 0 not null,
  created_at timestamp with time zone default now() not null,
  signing_key bytea not null,
  change_floor xid8 default '0'::xid8 not null,
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
  part integer default 0 not null,
  constraint log_chunk_pkey PRIMARY KEY (run_id, step_idx, fence, part, byte_offset)
) partition by RANGE (run_id);

create table log_file (
  id uuid not null,
  run_id uuid not null,
  step_idx integer,
  name text not null,
  size_bytes bigint not null,
  total_bytes bigint,
  blob_keys text[] not null,
  created_at timestamp with time zone not null,
  created_by uuid not null,
  completed_at timestamp with time zone,
  constraint log_file_pkey PRIMARY KEY (id)
);

create table log_stream (
  run_id uuid not null,
  step_idx integer not null,
  fence integer not null,
  length integer not null,
  line_count integer not null,
  crc32 bigint not null,
  sealed boolean not null,
  part integer default 0 not null,
  final_length integer,
  truncated boolean default false not null,
  settled boolean default false not null,
  dropped boolean default false not null,
  blob_key text,
  blob_bytes integer[],
  blob_lines integer[],
  constraint log_stream_pkey PRIMARY KEY (run_id, step_idx, fence, part)
) with (fillfactor=70);

create table orphan_blob (
  key text not null,
  due timestamp with time zone not null,
  constraint orphan_blob_pkey PRIMARY KEY (key)
);

create table project (
  id uuid not null,
  slug text not null,
  name text not null,
  created_at timestamp with time zone not null,
  archived_at timestamp with time zone,
  revision integer default 1 not null,
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

create table run_change (
  xid xid8 default pg_current_xact_id() not null,
  run_id uuid not null,
  step_idx integer default '-1'::integer not null,
  attempt integer default 0 not null,
  project_id uuid not null,
  created boolean not null,
  at timestamp with time zone default now() not null,
  constraint run_change_pkey PRIMARY KEY (xid, run_id, step_idx, attempt)
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

create table run_signal (
  id bigint generated always as identity not null,
  target_run_id uuid not null,
  kind run_signal_kind not null,
  payload jsonb not null,
  next_try_at timestamp with time zone,
  created_at timestamp with time zone not null,
  constraint run_signal_pkey PRIMARY KEY (id)
);

create table run_tombstone (
  run_id uuid not null,
  project_id uuid not null,
  seq integer not null,
  xid xid8 default pg_current_xact_id() not null,
  actor_id uuid,
  at timestamp with time zone not null,
  constraint run_tombstone_pkey PRIMARY KEY (run_id),
  constraint run_tombstone_project_id_fkey FOREIGN KEY (project_id) REFERENCES project(id) ON DELETE CASCADE
);

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
  project_id uuid,
  queues text[] not null,
  labels text[] not null,
  lease_until timestamp with time zone not null,
  dead boolean default false not null,
  last_claim_id text,
  last_claim_at timestamp with time zone,
  created_at timestamp with time zone not null,
  constraint runner_session_pkey PRIMARY KEY (id),
  constraint runner_session_runner_id_fkey FOREIGN KEY (runner_id) REFERENCES runner(id) ON DELETE CASCADE
) with (fillfactor=50);

create table schedule (
  id uuid not null,
  project_id uuid not null,
  workflow_id uuid not null,
  name text not null,
  cron text not null,
  time_zone text not null,
  missed_runs missed_runs not null,
  enabled boolean not null,
  options jsonb not null,
  next_at timestamp with time zone,
  last_fired_at timestamp with time zone,
  last_run_id uuid,
  last_error text,
  revision integer default 1 not null,
  created_by uuid not null,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  constraint schedule_created_by_fkey FOREIGN KEY (created_by) REFERENCES account(id),
  constraint schedule_pkey PRIMARY KEY (id),
  constraint schedule_project_id_fkey FOREIGN KEY (project_id) REFERENCES project(id) ON DELETE CASCADE,
  constraint schedule_workflow_id_fkey FOREIGN KEY (workflow_id) REFERENCES workflow(id) ON DELETE CASCADE,
  constraint schedule_workflow_id_name_key UNIQUE (workflow_id, name)
);

create table secret (
  id uuid not null,
  project_id uuid not null,
  workflow_id uuid,
  name text not null,
  value bytea not null,
  revision integer default 1 not null,
  created_by uuid not null,
  created_at timestamp with time zone not null,
  updated_by uuid not null,
  updated_at timestamp with time zone not null,
  constraint secret_created_by_fkey FOREIGN KEY (created_by) REFERENCES account(id),
  constraint secret_pkey PRIMARY KEY (id),
  constraint secret_project_id_fkey FOREIGN KEY (project_id) REFERENCES project(id) ON DELETE CASCADE,
  constraint secret_updated_by_fkey FOREIGN KEY (updated_by) REFERENCES account(id),
  constraint secret_workflow_id_fkey FOREIGN KEY (workflow_id) REFERENCES workflow(id) ON DELETE CASCADE
);

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
  reported boolean default true not null,
  constraint step_attempt_pkey PRIMARY KEY (run_id, step_idx, number)
) partition by RANGE (run_id);

create table step_result (
  run_id uuid not null,
  idx integer not null,
  output jsonb,
  completion jsonb,
  reused_run_id uuid,
  reused_idx integer,
  constraint step_result_pkey PRIMARY KEY (run_id, idx)
);

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
  on_death step_on_death,
  free_starts integer default 0 not null,
  gated boolean default false not null,
  progress smallint default 0 not null,
  progressed_at timestamp with time zone,
  trace_count integer default 0 not null,
  constraint step_run_pkey PRIMARY KEY (run_id, idx)
) with (fillfactor=70);

create table test_attempt (
  run_id uuid not null,
  step_idx integer not null,
  idx integer not null,
  number integer not null,
  status test_run_status not null,
  started_at timestamp with time zone,
  finished_at timestamp with time zone not null,
  duration_ms double precision,
  exit_code integer,
  message text,
  details text,
  step_attempt integer not null,
  fence integer not null,
  log_part integer,
  log_length integer,
  log_crc32 text,
  constraint test_attempt_pkey PRIMARY KEY (run_id, step_idx, idx, number)
) partition by RANGE (run_id);

create table test_case (
  id bigint generated always as identity not null,
  workflow_id uuid not null,
  key text not null,
  first_seen_at timestamp with time zone not null,
  waived_by uuid,
  waived_at timestamp with time zone,
  waived_until timestamp with time zone,
  waive_comment text,
  constraint test_case_pkey PRIMARY KEY (id),
  constraint test_case_workflow_id_fkey FOREIGN KEY (workflow_id) REFERENCES workflow(id) ON DELETE CASCADE,
  constraint test_case_workflow_id_key_key UNIQUE (workflow_id, key)
);

create table test_review (
  id bigint generated always as identity not null,
  run_id uuid not null,
  step_idx integer not null,
  idx integer not null,
  attempt integer not null,
  status test_review_status not null,
  comment text,
  expires_at timestamp with time zone,
  actor_id uuid not null,
  at timestamp with time zone not null,
  constraint test_review_pkey PRIMARY KEY (id)
);

create table test_run (
  run_id uuid not null,
  step_idx integer not null,
  idx integer not null,
  case_id bigint not null,
  key text not null,
  name text not null,
  suite text,
  file text,
  status test_run_status not null,
  status_reason jsonb,
  attempt integer default 0 not null,
  failures integer default 0 not null,
  started_at timestamp with time zone,
  finished_at timestamp with time zone,
  duration_ms double precision,
  message text,
  regression test_regression,
  review_status test_review_status,
  reviewed_by uuid,
  reviewed_at timestamp with time zone,
  review_comment text,
  review_expires_at timestamp with time zone,
  fence integer,
  seen_fence integer,
  gone boolean default false not null,
  abort_requested boolean default false not null,
  updated_at timestamp with time zone not null,
  constraint test_run_pkey PRIMARY KEY (run_id, step_idx, idx)
) partition by RANGE (run_id);

create table test_step (
  run_id uuid not null,
  step_idx integer not null,
  test_suite text,
  release_ids text[] default '{}'::text[] not null,
  configuration jsonb default '{}'::jsonb not null,
  asked_fence integer default '-1'::integer not null,
  discovered_fence integer default '-1'::integer not null,
  start_over boolean default false not null,
  test_count integer default 0 not null,
  idle_attempt integer default 0 not null,
  idle_ends integer default 0 not null,
  constraint test_step_pkey PRIMARY KEY (run_id, step_idx)
) with (fillfactor=70);

create table webhook (
  id uuid not null,
  project_id uuid not null,
  workflow_id uuid not null,
  name text not null,
  secret bytea not null,
  mapping jsonb not null,
  enabled boolean not null,
  last_delivery_at timestamp with time zone,
  revision integer default 1 not null,
  created_by uuid not null,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  constraint webhook_created_by_fkey FOREIGN KEY (created_by) REFERENCES account(id),
  constraint webhook_pkey PRIMARY KEY (id),
  constraint webhook_project_id_fkey FOREIGN KEY (project_id) REFERENCES project(id) ON DELETE CASCADE,
  constraint webhook_workflow_id_fkey FOREIGN KEY (workflow_id) REFERENCES workflow(id) ON DELETE CASCADE,
  constraint webhook_workflow_id_name_key UNIQUE (workflow_id, name)
);

create table webhook_delivery (
  webhook_id uuid not null,
  key text not null,
  run_id uuid,
  at timestamp with time zone not null,
  constraint webhook_delivery_pkey PRIMARY KEY (webhook_id, key),
  constraint webhook_delivery_webhook_id_fkey FOREIGN KEY (webhook_id) REFERENCES webhook(id) ON DELETE CASCADE
);

create table workflow (
  id uuid not null,
  project_id uuid not null,
  name text not null,
  latest_version integer default 0 not null,
  last_run_number integer default 0 not null,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  archived_at timestamp with time zone,
  revision integer default 1 not null,
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
  pause jsonb,
  max_parallel_steps integer,
  step_retries integer,
  timeout_ms bigint not null,
  sealing boolean default false not null,
  annotations jsonb default '{}'::jsonb not null,
  retry_of_id uuid,
  root_run_id uuid,
  source_run_id uuid,
  parent_run_id uuid,
  parent_step_idx integer,
  parent_attempt integer,
  deleted_at timestamp with time zone,
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
  debug boolean default false not null,
  commits jsonb,
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

CREATE INDEX approval_by_project ON public.approval USING btree (project_id, requested_at DESC, run_id DESC, step_idx DESC);

CREATE INDEX approval_pending ON public.approval USING btree (project_id, requested_at DESC, run_id DESC, step_idx DESC) WHERE (status = 'PENDING'::approval_status);

CREATE INDEX artifact_by_age ON public.artifact USING btree (created_at);

CREATE INDEX audit_entry_by_project ON public.audit_entry USING btree (project_id, id DESC);

CREATE INDEX bulk_operation_by_creator ON public.bulk_operation USING btree (created_by, created_at DESC, id DESC);

CREATE INDEX bulk_operation_item_open ON public.bulk_operation_item USING btree (operation_id, "position") WHERE (outcome IS NULL);

CREATE INDEX bulk_operation_running ON public.bulk_operation USING btree (id) WHERE (status = 'RUNNING'::bulk_status);

CREATE INDEX idempotency_key_by_age ON public.idempotency_key USING btree (created_at);

CREATE INDEX log_file_run ON public.log_file USING btree (run_id, created_at, id);

CREATE UNIQUE INDEX log_file_unfinished ON public.log_file USING btree (run_id, name, created_by) WHERE (completed_at IS NULL);

CREATE INDEX log_stream_kept ON public.log_stream USING btree (run_id) WHERE (NOT dropped);

CREATE INDEX log_stream_unsettled ON public.log_stream USING btree (run_id) WHERE (NOT settled);

CREATE INDEX orphan_blob_due ON public.orphan_blob USING btree (due);

CREATE INDEX run_event_traces ON ONLY public.run_event USING btree (run_id, (((payload ->> 'step'::text))::integer), seq) WHERE (payload ? 'content'::text);

CREATE INDEX runner_session_alive ON public.runner_session USING btree (lease_until) WHERE (NOT dead);

CREATE INDEX runner_session_dead ON public.runner_session USING btree (lease_until) WHERE dead;

CREATE INDEX schedule_due ON public.schedule USING btree (next_at) WHERE (enabled AND (next_at IS NOT NULL));

CREATE UNIQUE INDEX secret_by_name ON public.secret USING btree (project_id, workflow_id, name) NULLS NOT DISTINCT;

CREATE INDEX step_run_due ON public.step_run USING btree (due_at) WHERE (due_at IS NOT NULL);

CREATE INDEX step_run_held ON public.step_run USING btree (session_id) WHERE (session_id IS NOT NULL);

CREATE INDEX step_run_progress ON public.step_run USING btree (run_id) WHERE ((progress > 0) AND (finished_at IS NULL));

CREATE INDEX step_run_ready ON public.step_run USING btree (ready_pool, run_id, idx) WHERE (ready_pool IS NOT NULL);

CREATE INDEX test_case_waived ON public.test_case USING btree (workflow_id, id) WHERE (waived_at IS NOT NULL);

CREATE INDEX test_review_by_test ON public.test_review USING btree (run_id, step_idx, idx, id);

CREATE INDEX test_run_by_case ON ONLY public.test_run USING btree (case_id, run_id);

CREATE UNIQUE INDEX test_run_by_key ON ONLY public.test_run USING btree (key, run_id, step_idx);

CREATE INDEX test_run_failed ON ONLY public.test_run USING btree (run_id, step_idx, idx) WHERE (status = ANY (ARRAY['FAILED'::test_run_status, 'ERRORED'::test_run_status, 'TIMED_OUT'::test_run_status]));

CREATE INDEX test_run_open ON ONLY public.test_run USING btree (run_id, step_idx, status, idx) WHERE (status = ANY (ARRAY['QUEUED'::test_run_status, 'RUNNING'::test_run_status]));

CREATE INDEX webhook_delivery_by_age ON public.webhook_delivery USING btree (at);

CREATE INDEX workflow_run_by_branch ON public.workflow_run USING btree (project_id, branch, created_at DESC, id DESC) WHERE (branch IS NOT NULL);

CREATE INDEX workflow_run_by_creator ON public.workflow_run USING btree (project_id, created_by, created_at DESC, id DESC);

CREATE INDEX workflow_run_by_labels ON public.workflow_run USING gin (labels jsonb_path_ops);

CREATE UNIQUE INDEX workflow_run_by_parent ON public.workflow_run USING btree (parent_run_id, parent_step_idx, parent_attempt) WHERE (parent_run_id IS NOT NULL);

CREATE INDEX workflow_run_by_project ON public.workflow_run USING btree (project_id, created_at DESC, id DESC);

CREATE INDEX workflow_run_by_retry ON public.workflow_run USING btree (retry_of_id) WHERE (retry_of_id IS NOT NULL);

CREATE INDEX workflow_run_by_root ON public.workflow_run USING btree (root_run_id) WHERE (root_run_id IS NOT NULL);

CREATE INDEX workflow_run_by_source ON public.workflow_run USING btree (source_run_id) WHERE (source_run_id IS NOT NULL);

CREATE INDEX workflow_run_by_status ON public.workflow_run USING btree (project_id, status, created_at DESC, id DESC);

CREATE INDEX workflow_run_by_workflow ON public.workflow_run USING btree (workflow_id, created_at DESC, id DESC);

CREATE INDEX workflow_run_open_child ON public.workflow_run USING btree (project_id) WHERE ((parent_run_id IS NOT NULL) AND (finished_at IS NULL));

CREATE INDEX workflow_run_to_expire ON public.workflow_run USING btree (expires_at) WHERE (finished_at IS NULL);

CREATE INDEX workflow_run_to_purge ON public.workflow_run USING btree (deleted_at) WHERE (deleted_at IS NOT NULL);

CREATE OR REPLACE FUNCTION public.add_artifact(p_id uuid, p_run uuid, p_step integer, p_fence integer, p_session bigint, p_path text, p_size bigint, p_sha256 bytea, p_executable boolean, p_blob_key text, p_account uuid, p_now timestamp with time zone)
 RETURNS TABLE(id uuid, added boolean, conflict boolean, last_seq integer)
 LANGUAGE plpgsql
AS $function$
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
end $function$
;

CREATE OR REPLACE FUNCTION public.append_log_parts(p_runs uuid[], p_steps integer[], p_fences integer[], p_parts integer[], p_byte_offsets integer[], p_line_offsets integer[], p_line_counts integer[], p_data bytea[], p_moved_runs uuid[], p_moved_steps integer[], p_moved_fences integer[], p_moved_parts integer[], p_lengths integer[], p_lines integer[], p_crcs bigint[], p_sealed boolean[], p_truncated boolean[])
 RETURNS void
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
begin
  insert into log_chunk (run_id, step_idx, fence, part, byte_offset, line_offset, line_count, data)
  select * from unnest(p_runs, p_steps, p_fences, p_parts, p_byte_offsets, p_line_offsets, p_line_counts, p_data);

  update log_stream l set length = d.length, line_count = d.line_count, crc32 = d.crc32, sealed = d.sealed,
    truncated = d.truncated
  from unnest(p_moved_runs, p_moved_steps, p_moved_fences, p_moved_parts, p_lengths, p_lines, p_crcs, p_sealed,
    p_truncated) d(run_id, idx, fence, part, length, line_count, crc32, sealed, truncated)
  where l.run_id = d.run_id and l.step_idx = d.idx and l.fence = d.fence and l.part = d.part;
end $function$
;

CREATE OR REPLACE FUNCTION public.apply_deltas(p_attempts jsonb, p_steps jsonb, p_stages jsonb, p_runs jsonb, p_events jsonb, p_now timestamp with time zone)
 RETURNS TABLE(session_id bigint, status step_run_status, ready_pool integer)
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
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
end $function$
;

CREATE OR REPLACE FUNCTION public.claim_steps(p_session bigint, p_claim_id text, p_max integer, p_now timestamp with time zone)
 RETURNS TABLE(run_id uuid, step_idx integer, fence integer, attempt integer)
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
declare
  v_session runner_session;
  v_at timestamptz;
  v_pools integer[];
  v_pool integer;
  v_last uuid;
  v_left integer := p_max;
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
  if p_max <= 0 then
    return;
  end if;
  -- Two claims of one session must differ in time: it is how the leases of a claim are found again.
  v_at := greatest(p_now, v_session.last_claim_at + interval '1 microsecond');

  -- The pools that the session serves and that have something to do, the one with the oldest run first.
  select array_agg(p.id order by head.run_id) into v_pools
  from queue_pool p
  cross join lateral (
    select s.run_id from step_run s where s.ready_pool = p.id order by s.ready_pool, s.run_id, s.idx limit 1
  ) head
  where p.queue = any (v_session.queues) and p.labels <@ v_session.labels
    and (v_session.project_id is null or v_session.project_id = p.project_id);
  if v_pools is null then
    return;
  end if;

  -- Half of the claim goes to the oldest runs in their order, the other half to the runs after those: so no run
  -- gets more than half while others wait. What is left over then goes to whoever has steps.
  foreach v_pool in array v_pools loop
    for run_id, step_idx, fence, attempt in
      select * from lease_ready_steps(p_session, v_pool, null, (p_max + 1) / 2, v_at)
    loop
      v_left := v_left - 1;
      v_last := greatest(v_last, run_id);
      return next;
    end loop;
    exit when v_last is not null;
  end loop;
  foreach v_pool in array v_pools loop
    exit when v_left <= 0 or v_last is null;
    for run_id, step_idx, fence, attempt in
      select * from lease_ready_steps(p_session, v_pool, v_last, v_left, v_at)
    loop
      v_left := v_left - 1;
      return next;
    end loop;
  end loop;
  foreach v_pool in array v_pools loop
    exit when v_left <= 0 or v_last is null;
    for run_id, step_idx, fence, attempt in
      select * from lease_ready_steps(p_session, v_pool, null, v_left, v_at)
    loop
      v_left := v_left - 1;
      return next;
    end loop;
  end loop;
  if v_left < p_max then
    update runner_session s set last_claim_id = p_claim_id, last_claim_at = v_at where s.id = p_session;
  end if;
end $function$
;

CREATE OR REPLACE FUNCTION public.complete_steps(p_runs uuid[], p_steps integer[], p_fences integer[], p_sessions bigint[], p_done boolean[], p_exit_codes integer[], p_outputs jsonb[], p_log_lengths integer[], p_log_crcs text[], p_now timestamp with time zone)
 RETURNS TABLE(run_id uuid, step_idx integer, fence integer, last_seq integer, freed integer)
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
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
    for v_parent in
      select c.relname from pg_partitioned_table p join pg_class c on c.oid = p.partrelid
      where c.relnamespace = current_schema()::regnamespace order by c.relname
    loop
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

CREATE OR REPLACE FUNCTION public.kept_artifacts(p_run uuid, p_step integer)
 RETURNS TABLE(at_step integer, at_status step_run_status, id uuid)
 LANGUAGE sql
 STABLE
AS $function$
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
$function$
;

CREATE OR REPLACE FUNCTION public.lease_ready_steps(p_session bigint, p_pool integer, p_after uuid, p_limit integer, p_at timestamp with time zone)
 RETURNS TABLE(run_id uuid, step_idx integer, fence integer, attempt integer)
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_sort TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
declare
  v_after uuid := coalesce(p_after, '00000000-0000-0000-0000-000000000000');
begin
  return query
    with ready as materialized (
      select s.run_id, s.idx from step_run s
      where (s.ready_pool, s.run_id) > (p_pool, v_after) and s.ready_pool <= p_pool
      order by s.ready_pool, s.run_id, s.idx limit p_limit for no key update skip locked
    )
    update step_run s set session_id = p_session, fence = s.fence + 1, leased_at = p_at, ready_pool = null
    from ready where s.run_id = ready.run_id and s.idx = ready.idx
    returning s.run_id, s.idx, s.fence, s.attempt;
end $function$
;

CREATE OR REPLACE FUNCTION public.lock_log_parts(p_runs uuid[], p_steps integer[], p_fences integer[], p_parts integer[], p_session bigint)
 RETURNS TABLE(run_id uuid, step_idx integer, fence integer, part integer, length integer, line_count integer, crc32 double precision, sealed boolean, truncated boolean, mine boolean, final_length integer)
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
#variable_conflict use_column
begin
  insert into log_stream (run_id, step_idx, fence, part, length, line_count, crc32, sealed)
  select i.run_id, i.idx, i.fence, i.part, 0, 0, 0, false
  from unnest(p_runs, p_steps, p_fences, p_parts) i(run_id, idx, fence, part)
  where log_is_open(i.run_id, i.idx, i.fence, p_session)
  order by 1, 2, 3, 4 on conflict do nothing;

  return query
  select l.run_id, l.step_idx, l.fence, l.part, l.length, l.line_count, l.crc32::float8, l.sealed, l.truncated,
    log_is_open(l.run_id, l.step_idx, l.fence, p_session),
    -- How long a step's log will be stands with its attempt, of the other parts with the log itself.
    case when l.part > 0 then l.final_length else (select a.log_length from step_attempt a
      where a.run_id = l.run_id and a.step_idx = l.step_idx and a.fence = l.fence) end
  from (select * from unnest(p_runs, p_steps, p_fences, p_parts) i(run_id, idx, fence, part) order by 1, 2, 3, 4) i
  cross join lateral (
    select l.* from log_stream l
    where l.run_id = i.run_id and l.step_idx = i.idx and l.fence = i.fence and l.part = i.part for no key update
  ) l;
end $function$
;

CREATE OR REPLACE FUNCTION public.lock_ready_steps(p_runs uuid[], p_steps integer[])
 RETURNS TABLE(run_id uuid, step_idx integer, fence integer)
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
begin
  return query
  select i.run_id, i.idx, s.fence
  from (select * from unnest(p_runs, p_steps) i(run_id, idx) order by 1, 2) i
  cross join lateral (
    select s.fence from step_run s where s.run_id = i.run_id and s.idx = i.idx for no key update
  ) s;
end $function$
;

CREATE OR REPLACE FUNCTION public.lock_runs(p_runs uuid[])
 RETURNS TABLE(run json, steps json, stages json)
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
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
end $function$
;

CREATE OR REPLACE FUNCTION public.log_is_open(p_run uuid, p_step integer, p_fence integer, p_session bigint)
 RETURNS boolean
 LANGUAGE sql
 STABLE
AS $function$
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
$function$
;

CREATE OR REPLACE FUNCTION public.note_changed_approvals()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  insert into run_change (run_id, step_idx, attempt, project_id, created)
    select run_id, step_idx, attempt, project_id, tg_op = 'INSERT' from changed on conflict do nothing;
  return null;
end $function$
;

CREATE OR REPLACE FUNCTION public.note_changed_runs()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  insert into run_change (run_id, project_id, created)
    select id, project_id, tg_op = 'INSERT' from changed on conflict do nothing;
  return null;
end $function$
;

CREATE OR REPLACE FUNCTION public.note_decided_approvals()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  insert into run_change (run_id, step_idx, attempt, project_id, created)
    select a.run_id, a.step_idx, a.attempt, a.project_id, false
    from approval a join changed d on d.run_id = a.run_id and d.step_idx = a.step_idx and d.attempt = a.attempt
    on conflict do nothing;
  return null;
end $function$
;

CREATE OR REPLACE FUNCTION public.note_renamed_workflow()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  insert into run_change (run_id, project_id, created)
    select id, project_id, false from workflow_run where workflow_id = new.id and deleted_at is null
    on conflict do nothing;
  return null;
end $function$
;

CREATE OR REPLACE FUNCTION public.record_step_trace(p_run uuid, p_step integer, p_kind text, p_content text, p_actor uuid, p_now timestamp with time zone, p_most integer)
 RETURNS integer
 LANGUAGE plpgsql
AS $function$
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
end $function$
;

CREATE OR REPLACE FUNCTION public.report_step_progress(p_run uuid, p_step integer, p_progress smallint, p_message text, p_actor uuid, p_now timestamp with time zone)
 RETURNS integer
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
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

CREATE TRIGGER approval_changed AFTER UPDATE ON public.approval REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_changed_approvals();

CREATE TRIGGER approval_requested AFTER INSERT ON public.approval REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_changed_approvals();

CREATE TRIGGER approval_decided AFTER INSERT ON public.approval_decision REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_decided_approvals();

CREATE TRIGGER workflow_renamed AFTER UPDATE OF name ON public.workflow FOR EACH ROW WHEN ((old.name <> new.name)) EXECUTE FUNCTION note_renamed_workflow();

CREATE TRIGGER workflow_run_changed AFTER UPDATE ON public.workflow_run REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_changed_runs();

CREATE TRIGGER workflow_run_created AFTER INSERT ON public.workflow_run REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_changed_runs();
