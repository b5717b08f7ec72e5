import type { MigrationInterface, QueryRunner } from "typeorm";

/**
 * Which transaction changed which runs: what lists follow (docs/adr/0010). Triggers write it, once per statement,
 * so that no writer can forget to. Rows are never updated and have no foreign keys; the primary key is the only index.
 */
export class RunChanges1803000000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    for (const statement of [TABLE, RUNS, APPROVALS, WORKFLOWS]) await queryRunner.query(statement);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      drop trigger workflow_renamed on workflow;
      drop trigger approval_decided on approval_decision;
      drop trigger approval_changed on approval;
      drop trigger approval_requested on approval;
      drop trigger workflow_run_changed on workflow_run;
      drop trigger workflow_run_created on workflow_run;
      drop function note_renamed_workflow, note_decided_approvals, note_changed_approvals, note_changed_runs;
      alter table installation drop change_floor;
      drop table run_change`);
  }
}

const TABLE = `
create table run_change (
  xid xid8 not null default pg_current_xact_id(),
  run_id uuid not null,
  step_idx integer not null default -1,
  attempt integer not null default 0,
  project_id uuid not null,
  created boolean not null,
  at timestamptz not null default now(),
  primary key (xid, run_id, step_idx, attempt)
);
alter table installation add change_floor xid8 not null default '0';
`;

const RUNS = `
create function note_changed_runs() returns trigger language plpgsql as $$
begin
  insert into run_change (run_id, project_id, created)
    select id, project_id, tg_op = 'INSERT' from changed on conflict do nothing;
  return null;
end $$;
create trigger workflow_run_created after insert on workflow_run referencing new table as changed
  for each statement execute function note_changed_runs();
create trigger workflow_run_changed after update on workflow_run referencing new table as changed
  for each statement execute function note_changed_runs();
`;

/** A decision that does not close its request is a change of it as well. */
const APPROVALS = `
create function note_changed_approvals() returns trigger language plpgsql as $$
begin
  insert into run_change (run_id, step_idx, attempt, project_id, created)
    select run_id, step_idx, attempt, project_id, tg_op = 'INSERT' from changed on conflict do nothing;
  return null;
end $$;
create function note_decided_approvals() returns trigger language plpgsql as $$
begin
  insert into run_change (run_id, step_idx, attempt, project_id, created)
    select a.run_id, a.step_idx, a.attempt, a.project_id, false
    from approval a join changed d on d.run_id = a.run_id and d.step_idx = a.step_idx and d.attempt = a.attempt
    on conflict do nothing;
  return null;
end $$;
create trigger approval_requested after insert on approval referencing new table as changed
  for each statement execute function note_changed_approvals();
create trigger approval_changed after update on approval referencing new table as changed
  for each statement execute function note_changed_approvals();
create trigger approval_decided after insert on approval_decision referencing new table as changed
  for each statement execute function note_decided_approvals();
`;

const WORKFLOWS = `
create function note_renamed_workflow() returns trigger language plpgsql as $$
begin
  insert into run_change (run_id, project_id, created)
    select id, project_id, false from workflow_run where workflow_id = new.id and deleted_at is null
    on conflict do nothing;
  return null;
end $$;
create trigger workflow_renamed after update of name on workflow
  for each row when (old.name <> new.name) execute function note_renamed_workflow();
`;
