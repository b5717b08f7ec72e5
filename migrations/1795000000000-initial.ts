import type { MigrationInterface, QueryRunner } from "typeorm";

/**
 * The first schema. Rows that are appended once and read by range (events, attempts, log chunks) are
 * range-partitioned by the run's time-ordered id, so that retention drops whole partitions; they carry no
 * foreign keys, which would halve the completion rate.
 */
export class Initial1795000000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    for (const statement of [TYPES, PEOPLE, WORKFLOWS, RUNS, RUNNERS, APPENDED, PARTITIONS, SEED]) {
      await queryRunner.query(statement);
    }
  }

  async down(): Promise<void> {
    throw new Error("the first migration has no way back: drop the database instead");
  }
}

const TYPES = `
create type account_type as enum ('USER', 'SERVICE', 'RUNNER', 'SYSTEM');
create type project_role as enum ('PROJECT_USER', 'PROJECT_SUPERUSER', 'PROJECT_ADMIN');
create type workflow_run_status as enum ('PENDING', 'QUEUED', 'RUNNING', 'WAITING', 'PAUSED', 'CANCELING',
  'SUCCEEDED', 'FAILED', 'TIMED_OUT', 'CANCELED', 'SKIPPED');
create type stage_run_status as enum ('PENDING', 'RUNNING', 'WAITING', 'SUCCEEDED', 'FAILED', 'CANCELED', 'SKIPPED');
create type step_run_status as enum ('PENDING', 'QUEUED', 'WAITING', 'RUNNING', 'CANCELING',
  'SUCCEEDED', 'FAILED', 'TIMED_OUT', 'CANCELED', 'SKIPPED');
create type run_trigger_type as enum ('MANUAL', 'API', 'SCHEDULE', 'WEBHOOK', 'RETRY', 'CHAIN', 'PARENT');
create type cancel_proof as enum ('CONFIRMED', 'LEASE_EXPIRED');
create type run_event_type as enum ('RunStatusChanged', 'RunFinished', 'StageStatusChanged', 'StepStatusChanged');
`;

const PEOPLE = `
create table installation (
  id boolean primary key default true check (id),
  restore_counter integer not null default 0,
  created_at timestamptz not null default now()
);
create table account (
  id uuid primary key,
  type account_type not null,
  username text not null unique,
  name text not null,
  avatar_url text,
  system_admin boolean not null default false,
  created_at timestamptz not null
);
create table project (
  id uuid primary key,
  slug text not null unique,
  name text not null,
  created_at timestamptz not null
);
create table project_member (
  project_id uuid not null references project on delete cascade,
  account_id uuid not null references account on delete cascade,
  role project_role not null,
  primary key (project_id, account_id)
);
create table api_token (
  id uuid primary key,
  account_id uuid not null references account on delete cascade,
  project_id uuid references project on delete cascade,
  hash bytea not null unique,
  description text not null,
  created_at timestamptz not null,
  expires_at timestamptz,
  revoked_at timestamptz
);
create table audit_entry (
  id uuid primary key,
  project_id uuid,
  actor_id uuid,
  action text not null,
  target text not null,
  details jsonb not null,
  at timestamptz not null,
  xid xid8 not null default pg_current_xact_id()
);
create index audit_entry_by_project on audit_entry (project_id, id desc);
`;

const WORKFLOWS = `
create table workflow (
  id uuid primary key,
  project_id uuid not null references project on delete cascade,
  name text not null,
  latest_version integer not null default 0,
  last_run_number integer not null default 0,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  unique (project_id, name)
);
create table workflow_version (
  id uuid primary key,
  workflow_id uuid not null references workflow on delete cascade,
  version integer not null,
  definition jsonb not null,
  source text not null,
  source_hash bytea not null,
  created_by uuid not null references account,
  created_at timestamptz not null,
  unique (workflow_id, version)
);
create table queue_pool (
  id integer primary key generated always as identity,
  project_id uuid not null references project on delete cascade,
  queue text not null,
  labels text[] not null,
  unique (project_id, queue, labels)
);
create table workflow_step (
  version_id uuid not null references workflow_version on delete cascade,
  idx integer not null,
  stage_idx integer not null,
  ref text not null,
  name text,
  type text not null,
  needs integer[] not null,
  behind_barrier boolean not null,
  pool_id integer not null references queue_pool,
  queue_when_ready boolean not null,
  primary key (version_id, idx)
);
create table workflow_edge (
  version_id uuid not null references workflow_version on delete cascade,
  need_idx integer not null,
  dependent_idx integer not null,
  primary key (version_id, need_idx, dependent_idx)
);
`;

const RUNS = `
create table workflow_run (
  id uuid primary key,
  project_id uuid not null references project on delete cascade,
  workflow_id uuid not null references workflow on delete cascade,
  workflow_version_id uuid not null references workflow_version,
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
  created_by uuid not null references account,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  queued_at timestamptz,
  started_at timestamptz,
  finished_at timestamptz,
  finalized_at timestamptz,
  expires_at timestamptz not null,
  unique (workflow_id, number)
) with (fillfactor = 50);
create index workflow_run_by_project on workflow_run (project_id, created_at desc, id desc);
create index workflow_run_by_status on workflow_run (project_id, status, created_at desc, id desc);
create index workflow_run_by_workflow on workflow_run (workflow_id, created_at desc, id desc);
create index workflow_run_to_expire on workflow_run (expires_at) where finished_at is null;

create table workflow_run_input (
  run_id uuid primary key,
  inputs jsonb not null,
  payload jsonb,
  env_vars jsonb not null
);
create table stage_run (
  run_id uuid not null,
  idx integer not null,
  status stage_run_status not null,
  status_reason jsonb,
  open_steps integer not null,
  active_steps integer not null,
  started_at timestamptz,
  finished_at timestamptz,
  primary key (run_id, idx)
) with (fillfactor = 70);
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
  leased_at timestamptz,
  started_at timestamptz,
  finished_at timestamptz,
  due_at timestamptz,
  exit_code integer,
  cancel_proof cancel_proof,
  primary key (run_id, idx)
) with (fillfactor = 70);
create index step_run_ready on step_run (ready_pool, run_id, idx) where ready_pool is not null;
create index step_run_held on step_run (session_id) where session_id is not null;
create index step_run_due on step_run (due_at) where due_at is not null;
`;

const RUNNERS = `
create table runner (
  id uuid primary key,
  account_id uuid not null references account on delete cascade,
  project_id uuid references project on delete cascade,
  name text not null,
  hostname text not null,
  version text not null,
  queues text[] not null,
  labels text[] not null,
  capacity integer not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  unique (account_id, name)
);
create table runner_session (
  id bigint primary key generated always as identity,
  runner_id uuid not null references runner on delete cascade,
  account_id uuid not null,
  project_id uuid,
  queues text[] not null,
  labels text[] not null,
  lease_until timestamptz not null,
  dead boolean not null default false,
  last_claim_id text,
  last_claim_at timestamptz,
  created_at timestamptz not null
) with (fillfactor = 50);
create index runner_session_alive on runner_session (lease_until) where not dead;
create index runner_session_dead on runner_session (lease_until) where dead;
`;

const APPENDED = `
create table step_attempt (
  run_id uuid not null,
  step_idx integer not null,
  number integer not null,
  fence integer not null,
  status step_run_status not null,
  status_reason jsonb,
  runner_id uuid,
  started_at timestamptz not null,
  finished_at timestamptz not null,
  exit_code integer,
  output jsonb,
  error text,
  log_length integer,
  log_crc32 text,
  primary key (run_id, step_idx, number)
) partition by range (run_id);
create table run_event (
  run_id uuid not null,
  seq integer not null,
  xid xid8 not null default pg_current_xact_id(),
  type run_event_type not null,
  at timestamptz not null,
  actor_id uuid,
  payload jsonb not null,
  primary key (run_id, seq)
) partition by range (run_id);
create table log_stream (
  run_id uuid not null,
  step_idx integer not null,
  fence integer not null,
  length integer not null,
  line_count integer not null,
  crc32 bigint not null,
  sealed boolean not null,
  primary key (run_id, step_idx, fence)
) with (fillfactor = 70);
create table log_chunk (
  run_id uuid not null,
  step_idx integer not null,
  fence integer not null,
  byte_offset integer not null,
  line_offset integer not null,
  line_count integer not null,
  data bytea not null,
  primary key (run_id, step_idx, fence, byte_offset)
) partition by range (run_id);
`;

/** A run id starts with its creation time in milliseconds (UUIDv7): a month is a range of ids. */
const PARTITIONS = `
create function run_id_at(moment timestamptz) returns uuid language sql immutable as $$
  select (lpad(to_hex((extract(epoch from moment) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;
create function ensure_run_partitions(p_from timestamptz, p_months integer) returns integer
language plpgsql as $$
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
end $$;
create table run_event_other partition of run_event default;
create table step_attempt_other partition of step_attempt default;
create table log_chunk_other partition of log_chunk default;
`;

const SEED = `
insert into installation default values;
insert into project (id, slug, name, created_at)
  values ('00000000-0000-7000-8000-000000000001', 'default', 'Default', now());
select ensure_run_partitions(now(), 2);
`;
