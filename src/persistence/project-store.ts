import type { ProjectRole } from "../domain/access.ts";
import type { Clock } from "../domain/clock.ts";
import type { Transaction } from "./database.ts";
import { newKey } from "./keys.ts";
import type { Statement } from "./queries/queryable.ts";

export interface ProjectRow {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly archivedAt: Date | null;
  readonly revision: number;
}

const ADD: Statement = {
  name: "add-project",
  text: "insert into project (id, slug, name, created_at) values ($1, $2, $3, $4)",
};
const LOCK: Statement = {
  name: "lock-project",
  text: `select id, slug, name, archived_at as "archivedAt", revision from project where id = $1 for no key update`,
};
const ARCHIVED: Statement = {
  name: "project-archived-at",
  text: `select archived_at as "archivedAt" from project where id = $1`,
};
const UPDATE: Statement = {
  name: "update-project",
  text: "update project set slug = $2, name = $3, revision = revision + 1 where id = $1",
};
const ARCHIVE: Statement = {
  name: "archive-project",
  text: "update project set archived_at = $2, revision = revision + 1 where id = $1",
};
const ROLE: Statement = {
  name: "role-of-member",
  text: "select role from project_member where project_id = $1 and account_id = $2",
};
const SET_MEMBER: Statement = {
  name: "set-project-member",
  text: `insert into project_member (project_id, account_id, role) values ($1, $2, $3)
    on conflict (project_id, account_id) do update set role = excluded.role`,
};
const REMOVE_MEMBER: Statement = {
  name: "remove-project-member",
  text: "delete from project_member where project_id = $1 and account_id = $2",
};
const OTHER_ADMIN: Statement = {
  name: "has-other-project-admin",
  text: `select exists (select from project_member m join account a on a.id = m.account_id
    where m.project_id = $1 and m.account_id <> $2 and m.role = 'PROJECT_ADMIN' and a.disabled_at is null) as found`,
};

export async function addProject(
  transaction: Transaction,
  slug: string,
  name: string,
  clock: Clock,
): Promise<string> {
  const id = newKey(clock);
  await transaction.query(ADD, [id, slug, name, clock.now()]);
  return id;
}

/** The project, locked: changes of it and of its members queue up here. */
export async function lockProject(transaction: Transaction, id: string): Promise<ProjectRow | null> {
  const [row] = await transaction.query<ProjectRow>(LOCK, [id]);
  return row ?? null;
}

/** Undefined when there is no such project. */
export async function projectArchivedAt(
  transaction: Transaction,
  id: string,
): Promise<Date | null | undefined> {
  const [row] = await transaction.query<{ archivedAt: Date | null }>(ARCHIVED, [id]);
  return row?.archivedAt;
}

export async function updateProject(
  transaction: Transaction,
  { id, slug, name }: Pick<ProjectRow, "id" | "slug" | "name">,
): Promise<void> {
  await transaction.query(UPDATE, [id, slug, name]);
}

/** Null takes it out of the archive. */
export async function setProjectArchived(
  transaction: Transaction,
  id: string,
  archivedAt: Date | null,
): Promise<void> {
  await transaction.query(ARCHIVE, [id, archivedAt]);
}

export async function roleOfMember(
  transaction: Transaction,
  projectId: string,
  accountId: string,
): Promise<ProjectRole | null> {
  const [row] = await transaction.query<{ role: ProjectRole }>(ROLE, [projectId, accountId]);
  return row?.role ?? null;
}

export async function setMember(
  transaction: Transaction,
  projectId: string,
  accountId: string,
  role: ProjectRole,
): Promise<void> {
  await transaction.query(SET_MEMBER, [projectId, accountId, role]);
}

export async function removeMember(
  transaction: Transaction,
  projectId: string,
  accountId: string,
): Promise<void> {
  await transaction.query(REMOVE_MEMBER, [projectId, accountId]);
}

/** Whether somebody else who can sign in administers the project. */
export async function hasOtherAdmin(
  transaction: Transaction,
  projectId: string,
  accountId: string,
): Promise<boolean> {
  const [row] = await transaction.query<{ found: boolean }>(OTHER_ADMIN, [projectId, accountId]);
  return row!.found;
}
