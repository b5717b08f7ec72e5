import type { MigrationInterface, QueryRunner } from "typeorm";

/**
 * Logs of test executions beside the log of their step, logs that move from the database to files and that end
 * after a while, files that people add to a run, and a list of files that nobody may own any more.
 */
export class Logs1798000000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    for (const statement of [PARTS, STORED, ORPHANS, FILES, EVENTS]) await queryRunner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error("logs that were moved to files would be lost: restore a backup");
  }
}

/** The default is for processes of the version before, which know the log of the step alone. */
const PARTS = `
alter table log_stream add part integer not null default 0;
alter table log_stream drop constraint log_stream_pkey, add primary key (run_id, step_idx, fence, part);
alter table log_chunk add part integer not null default 0;
alter table log_chunk drop constraint log_chunk_pkey, add primary key (run_id, step_idx, fence, part, byte_offset);
`;

/** The indexes do not change while a log grows: its updates stay on their page. */
const STORED = `
alter table log_stream
  add final_length integer,
  add truncated boolean not null default false,
  add settled boolean not null default false,
  add dropped boolean not null default false,
  add blob_key text,
  add blob_bytes integer[],
  add blob_lines integer[];
create index log_stream_unsettled on log_stream (run_id) where not settled;
create index log_stream_kept on log_stream (run_id) where not dropped;
`;

const ORPHANS = `
create table orphan_blob (
  key text primary key,
  due timestamptz not null
);
create index orphan_blob_due on orphan_blob (due);
`;

const FILES = `
create table log_file (
  id uuid primary key,
  run_id uuid not null,
  step_idx integer,
  name text not null,
  size_bytes bigint not null,
  total_bytes bigint,
  blob_keys text[] not null,
  created_at timestamptz not null,
  created_by uuid not null,
  completed_at timestamptz
);
create index log_file_run on log_file (run_id, created_at, id);
create unique index log_file_unfinished on log_file (run_id, name, created_by) where completed_at is null;
`;

const EVENTS = `
alter type run_event_type add value 'LogFileAdded';
`;
