import type { MigrationInterface, QueryRunner } from "typeorm";

/**
 * What people and other systems do to runs: pause, retry, replay, approve, delete, in bulk, on a schedule, by
 * webhook. Links between runs carry no foreign keys: a run may be deleted while others still name it.
 */
export class Actions1796000000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    for (const statement of [TYPES, RUNS, APPROVALS, SIGNALS, COMMANDS, BULK, TRIGGERS, PEOPLE]) {
      await queryRunner.query(statement);
    }
  }

  async down(): Promise<void> {
    throw new Error(
      "runs that were paused, reused or deleted have no place in the schema before: restore a backup",
    );
  }
}

const TYPES = `
alter type run_event_type add value 'RunReopened';
alter type run_event_type add value 'RunLabelsChanged';
alter type run_event_type add value 'RunDeleted';
alter type run_event_type add value 'ApprovalRequested';
alter type run_event_type add value 'ApprovalDecided';
create type step_on_death as enum ('CANCEL', 'REQUEUE', 'RESET', 'SKIP', 'SUCCEED');
create type approval_status as enum ('PENDING', 'APPROVED', 'REJECTED', 'TIMED_OUT', 'CANCELED');
create type approval_verdict as enum ('APPROVE', 'REJECT');
create type run_signal_kind as enum ('START_CHILD', 'CANCEL_CHILD', 'CHILD_FINISHED');
create type bulk_action as enum ('CANCEL', 'RETRY', 'REPLAY', 'DELETE', 'LABEL');
create type bulk_status as enum ('RUNNING', 'COMPLETED', 'ABORTED');
create type missed_runs as enum ('SKIP', 'RUN_ONCE', 'RUN_ALL');
`;

const RUNS = `
alter table workflow_run
  add pause jsonb,
  add max_parallel_steps integer,
  add step_retries integer,
  add timeout_ms bigint,
  add sealing boolean not null default false,
  add annotations jsonb not null default '{}',
  add retry_of_id uuid,
  add root_run_id uuid,
  add source_run_id uuid,
  add parent_run_id uuid,
  add parent_step_idx integer,
  add parent_attempt integer,
  add deleted_at timestamptz;
update workflow_run set timeout_ms = extract(epoch from expires_at - created_at) * 1000;
alter table workflow_run alter timeout_ms set not null;
create index workflow_run_by_branch on workflow_run (project_id, branch, created_at desc, id desc)
  where branch is not null;
create index workflow_run_by_creator on workflow_run (project_id, created_by, created_at desc, id desc);
create index workflow_run_by_labels on workflow_run using gin (labels jsonb_path_ops);
create index workflow_run_by_retry on workflow_run (retry_of_id) where retry_of_id is not null;
create index workflow_run_by_root on workflow_run (root_run_id) where root_run_id is not null;
create index workflow_run_by_source on workflow_run (source_run_id) where source_run_id is not null;
create unique index workflow_run_by_parent on workflow_run (parent_run_id, parent_step_idx, parent_attempt)
  where parent_run_id is not null;
create index workflow_run_open_child on workflow_run (project_id)
  where parent_run_id is not null and finished_at is null;
create index workflow_run_to_purge on workflow_run (deleted_at) where deleted_at is not null;

alter table workflow_run_input
  add debug boolean not null default false,
  add commits jsonb;

alter table step_run
  add on_death step_on_death,
  add free_starts integer not null default 0;
update step_run set free_starts = lost where lost > 0;

alter table step_attempt add reported boolean not null default true;

create table step_result (
  run_id uuid not null,
  idx integer not null,
  output jsonb,
  completion jsonb,
  reused_run_id uuid,
  reused_idx integer,
  primary key (run_id, idx)
);
create table run_tombstone (
  run_id uuid primary key,
  project_id uuid not null references project on delete cascade,
  seq integer not null,
  xid xid8 not null default pg_current_xact_id(),
  actor_id uuid,
  at timestamptz not null
);
`;

const APPROVALS = `
create table approval (
  run_id uuid not null,
  step_idx integer not null,
  attempt integer not null,
  project_id uuid not null references project on delete cascade,
  status approval_status not null,
  quorum integer not null,
  approvers text[],
  self_approval boolean not null,
  prompt text,
  requested_at timestamptz not null,
  due_at timestamptz,
  closed_at timestamptz,
  primary key (run_id, step_idx, attempt)
);
create index approval_by_project on approval (project_id, requested_at desc, run_id desc, step_idx desc);
create index approval_pending on approval (project_id, requested_at desc, run_id desc, step_idx desc)
  where status = 'PENDING';
create table approval_decision (
  run_id uuid not null,
  step_idx integer not null,
  attempt integer not null,
  actor_id uuid not null,
  verdict approval_verdict not null,
  comment text,
  fields jsonb not null,
  at timestamptz not null,
  primary key (run_id, step_idx, attempt, actor_id)
);
`;

const SIGNALS = `
create table run_signal (
  id bigint generated always as identity primary key,
  target_run_id uuid not null,
  kind run_signal_kind not null,
  payload jsonb not null,
  next_try_at timestamptz,
  created_at timestamptz not null
);
`;

const COMMANDS = `
create table idempotency_key (
  project_id uuid not null,
  actor_id uuid not null,
  mutation text not null,
  key text not null,
  hash bytea not null,
  result jsonb,
  created_at timestamptz not null,
  primary key (actor_id, mutation, key, project_id)
);
create index idempotency_key_by_age on idempotency_key (created_at);
`;

const BULK = `
create table bulk_operation (
  id uuid primary key,
  project_id uuid references project on delete cascade,
  action bulk_action not null,
  arguments jsonb not null,
  status bulk_status not null,
  total integer not null,
  succeeded integer not null default 0,
  failed integer not null default 0,
  created_by uuid not null references account,
  only_project_id uuid,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  leased_until timestamptz,
  finished_at timestamptz
);
create index bulk_operation_by_creator on bulk_operation (created_by, created_at desc, id desc);
create index bulk_operation_running on bulk_operation (id) where status = 'RUNNING';
create table bulk_operation_item (
  operation_id uuid not null references bulk_operation on delete cascade,
  position integer not null,
  run_id uuid not null,
  outcome text,
  message text,
  new_run_id uuid,
  done_at timestamptz,
  primary key (operation_id, position)
);
create index bulk_operation_item_open on bulk_operation_item (operation_id, position) where outcome is null;
`;

const TRIGGERS = `
create table schedule (
  id uuid primary key,
  project_id uuid not null references project on delete cascade,
  workflow_id uuid not null references workflow on delete cascade,
  name text not null,
  cron text not null,
  time_zone text not null,
  missed_runs missed_runs not null,
  enabled boolean not null,
  options jsonb not null,
  next_at timestamptz,
  last_fired_at timestamptz,
  last_run_id uuid,
  last_error text,
  revision integer not null default 1,
  created_by uuid not null references account,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  unique (workflow_id, name)
);
create index schedule_due on schedule (next_at) where enabled and next_at is not null;
create table webhook (
  id uuid primary key,
  project_id uuid not null references project on delete cascade,
  workflow_id uuid not null references workflow on delete cascade,
  name text not null,
  secret bytea not null,
  mapping jsonb not null,
  enabled boolean not null,
  last_delivery_at timestamptz,
  revision integer not null default 1,
  created_by uuid not null references account,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  unique (workflow_id, name)
);
create table webhook_delivery (
  webhook_id uuid not null references webhook on delete cascade,
  key text not null,
  run_id uuid,
  at timestamptz not null,
  primary key (webhook_id, key)
);
create index webhook_delivery_by_age on webhook_delivery (at);
`;

const PEOPLE = `
alter table workflow add archived_at timestamptz, add revision integer not null default 1;
alter table project add archived_at timestamptz, add revision integer not null default 1;
alter table account add disabled_at timestamptz;
`;
