import type { MigrationInterface, QueryRunner } from "typeorm";

/**
 * Tests: what a test step found and how it went, over all runs of a workflow. Steps are told apart that their tests
 * decide on: the set-based completion of steps leaves their end to the domain.
 */
export class Tests1799000000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    for (const statement of [TYPES, STEPS, CASES, RUNS, PARTITIONS]) await queryRunner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error("results and reviews of tests have no place in the schema before: restore a backup");
  }
}

const TYPES = `
alter type run_event_type add value 'TestsDiscovered';
alter type run_event_type add value 'TestStatusChanged';
alter type run_event_type add value 'TestReviewed';
create type test_run_status as enum
  ('QUEUED', 'RUNNING', 'PASSED', 'FAILED', 'ERRORED', 'SKIPPED', 'TIMED_OUT', 'CANCELED');
create type test_review_status as enum ('APPROVED', 'REJECTED', 'WAIVED');
create type test_regression as enum ('NEW', 'KNOWN', 'FIXED', 'FLAKY');
`;

const STEPS = `
alter table step_run add gated boolean not null default false;
create table test_step (
  run_id uuid not null,
  step_idx integer not null,
  test_suite text,
  release_ids text[] not null default '{}',
  configuration jsonb not null default '{}',
  asked_fence integer not null default -1,
  discovered_fence integer not null default -1,
  start_over boolean not null default false,
  test_count integer not null default 0,
  primary key (run_id, step_idx)
) with (fillfactor = 70);
`;

const CASES = `
create table test_case (
  id bigint primary key generated always as identity,
  workflow_id uuid not null references workflow on delete cascade,
  key text not null,
  first_seen_at timestamptz not null,
  waived_by uuid,
  waived_at timestamptz,
  waived_until timestamptz,
  waive_comment text,
  unique (workflow_id, key)
);
create index test_case_waived on test_case (workflow_id, id) where waived_at is not null;
`;

/**
 * What is open of a step is small and looked for often; what ended stays out of that index. The index by key begins with
 * the key: without statistics run and step alone look as selective as all three columns, and it would be read whole for
 * what the primary key finds at once.
 */
const RUNS = `
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
  attempt integer not null default 0,
  failures integer not null default 0,
  started_at timestamptz,
  finished_at timestamptz,
  duration_ms double precision,
  message text,
  regression test_regression,
  review_status test_review_status,
  reviewed_by uuid,
  reviewed_at timestamptz,
  review_comment text,
  review_expires_at timestamptz,
  fence integer,
  seen_fence integer,
  gone boolean not null default false,
  abort_requested boolean not null default false,
  updated_at timestamptz not null,
  primary key (run_id, step_idx, idx)
) partition by range (run_id);
create unique index test_run_by_key on test_run (key, run_id, step_idx);
create index test_run_by_case on test_run (case_id, run_id);
create index test_run_failed on test_run (run_id, step_idx, idx) where status in ('FAILED', 'ERRORED', 'TIMED_OUT');
create index test_run_open on test_run (run_id, step_idx, status, idx) where status in ('QUEUED', 'RUNNING');

create table test_attempt (
  run_id uuid not null,
  step_idx integer not null,
  idx integer not null,
  number integer not null,
  status test_run_status not null,
  started_at timestamptz,
  finished_at timestamptz not null,
  duration_ms double precision,
  exit_code integer,
  message text,
  details text,
  step_attempt integer not null,
  fence integer not null,
  log_part integer,
  log_length integer,
  log_crc32 text,
  primary key (run_id, step_idx, idx, number)
) partition by range (run_id);

create table test_review (
  id bigint primary key generated always as identity,
  run_id uuid not null,
  step_idx integer not null,
  idx integer not null,
  attempt integer not null,
  status test_review_status not null,
  comment text,
  expires_at timestamptz,
  actor_id uuid not null,
  at timestamptz not null
);
create index test_review_by_test on test_review (run_id, step_idx, idx, id);
`;

const PARTITIONS = `
create table test_run_other partition of test_run default;
create table test_attempt_other partition of test_attempt default;
select ensure_run_partitions(now(), 2);
`;
