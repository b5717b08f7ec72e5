import type { MigrationInterface, QueryRunner } from "typeorm";

/**
 * Files that steps keep. Their bytes lie in the blob store under the row's key; a blob that has no row, or none any
 * more, is named in `orphan_blob` from before it is written until it is gone, so that no crash leaves one behind.
 */
export class Artifacts1801000000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    for (const statement of [EVENTS, ARTIFACTS]) await queryRunner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error("the files of steps have no place in the schema before: restore a backup");
  }
}

const EVENTS = `alter type run_event_type add value 'ArtifactAdded';`;

const ARTIFACTS = `
create table artifact (
  id uuid primary key,
  run_id uuid not null,
  step_idx integer not null,
  attempt integer not null,
  fence integer not null,
  path text not null,
  size bigint not null,
  sha256 bytea not null,
  executable boolean not null,
  blob_key text not null,
  created_at timestamptz not null,
  unique (run_id, step_idx, attempt, path)
);
create index artifact_by_age on artifact (created_at);
`;
