import type { MigrationInterface, QueryRunner } from "typeorm";

/** Secrets of projects and workflows; what steps tell while they run: how far they are, and what they do. */
export class Secrets1800000000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    for (const statement of [TYPES, SECRETS, PROGRESS, TRACES]) await queryRunner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error("secrets would be lost: restore a backup");
  }
}

const TYPES = `
alter type run_event_type add value 'StepProgressed';
alter type run_event_type add value 'StepTraced';
`;

const SECRETS = `
create table secret (
  id uuid primary key,
  project_id uuid not null references project on delete cascade,
  workflow_id uuid references workflow on delete cascade,
  name text not null,
  value bytea not null,
  revision integer not null default 1,
  created_by uuid not null references account,
  created_at timestamptz not null,
  updated_by uuid not null references account,
  updated_at timestamptz not null
);
create unique index secret_by_name on secret (project_id, workflow_id, name) nulls not distinct;
`;

/** Only steps that run and have told something are in the index: a run's progress adds them up. */
const PROGRESS = `
alter table step_run
  add progress smallint not null default 0,
  add progressed_at timestamptz,
  add trace_count integer not null default 0;
create index step_run_progress on step_run (run_id) where progress > 0 and finished_at is null;
`;

/** What marks a trace is its content: the type is new, and no index may name it yet. */
const TRACES = `
create index run_event_traces on run_event (run_id, ((payload ->> 'step')::integer), seq) where payload ? 'content';
`;
