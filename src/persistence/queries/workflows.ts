import type { InputDefinition } from "../../domain/definition.ts";
import { BEFORE_ALL, type NamedPosition } from "./named-position.ts";
import type { Queryable, Statement } from "./queryable.ts";

export interface WorkflowRecord {
  readonly id: string;
  readonly projectId: string;
  readonly name: string;
  readonly latestVersion: number;
  readonly latestVersionId: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** It makes no more runs. */
  readonly archivedAt: Date | null;
  /** Nothing of its project does. */
  readonly projectArchivedAt: Date | null;
  readonly revision: number;
}

export interface WorkflowVersionRecord {
  readonly id: string;
  readonly workflowId: string;
  readonly projectId: string;
  readonly version: number;
  readonly source: string;
  readonly createdBy: string;
  readonly createdAt: Date;
}

const COLUMNS = `w.id, w.project_id as "projectId", w.name, w.latest_version as "latestVersion",
  v.id as "latestVersionId", w.created_at as "createdAt", w.updated_at as "updatedAt",
  w.archived_at as "archivedAt", p.archived_at as "projectArchivedAt", w.revision
  from workflow w join project p on p.id = w.project_id
    join workflow_version v on v.workflow_id = w.id and v.version = w.latest_version`;
const FIND: Statement = { name: "find-workflows", text: `select ${COLUMNS} where w.id = any ($1)` };
const BY_NAME: Statement = {
  name: "find-workflow-by-name",
  text: `select ${COLUMNS} where w.project_id = $1 and w.name = $2`,
};
const LIST: Statement = {
  name: "list-workflows",
  text: `select ${COLUMNS} where w.project_id = any ($1) and (w.name, w.id) > ($2, $3)
    and ($5 or w.archived_at is null) order by w.name, w.id limit $4`,
};
const COUNT: Statement = {
  name: "count-workflows",
  text: `select count(*)::integer as count from (
      select from workflow where project_id = any ($1) and ($3 or archived_at is null) limit $2) matching`,
};
const VERSION_COLUMNS = `v.id, v.workflow_id as "workflowId", w.project_id as "projectId", v.version, v.source,
  v.created_by as "createdBy", v.created_at as "createdAt"
  from workflow_version v join workflow w on w.id = v.workflow_id`;
const VERSIONS: Statement = {
  name: "find-versions",
  text: `select ${VERSION_COLUMNS} where v.id = any ($1)`,
};
const VERSIONS_OF: Statement = {
  name: "list-versions-of-workflow",
  text: `select ${VERSION_COLUMNS} where v.workflow_id = $1 and v.version < $2 order by v.version desc limit $3`,
};
const INTERFACES: Statement = {
  name: "find-version-interfaces",
  text: `select id, definition -> 'description' as description, definition -> 'inputs' as inputs
    from workflow_version where id = any ($1)`,
};

export async function findWorkflows(source: Queryable, ids: readonly string[]): Promise<WorkflowRecord[]> {
  return await source.query<WorkflowRecord>(FIND, [ids]);
}

export async function findWorkflow(source: Queryable, id: string): Promise<WorkflowRecord | null> {
  return (await findWorkflows(source, [id]))[0] ?? null;
}

export async function findWorkflowByName(
  source: Queryable,
  projectId: string,
  name: string,
): Promise<WorkflowRecord | null> {
  const [row] = await source.query<WorkflowRecord>(BY_NAME, [projectId, name]);
  return row ?? null;
}

/** Workflows by name, those after a name and key; the first page starts after the empty name. */
export async function listWorkflows(
  source: Queryable,
  projectIds: readonly string[],
  after: NamedPosition | null,
  limit: number,
  includeArchived: boolean,
): Promise<WorkflowRecord[]> {
  const { name, id } = after ?? BEFORE_ALL;
  return await source.query<WorkflowRecord>(LIST, [projectIds, name, id, limit, includeArchived]);
}

export async function countWorkflows(
  source: Queryable,
  projectIds: readonly string[],
  cap: number,
  includeArchived: boolean,
): Promise<number> {
  const [row] = await source.query<{ count: number }>(COUNT, [projectIds, cap, includeArchived]);
  return row!.count;
}

export async function findVersions(
  source: Queryable,
  ids: readonly string[],
): Promise<WorkflowVersionRecord[]> {
  return await source.query<WorkflowVersionRecord>(VERSIONS, [ids]);
}

const ABOVE_ALL_VERSIONS = 2 ** 31 - 1;

/** A workflow's versions from the newest on, or from the one before a version. */
export async function listVersions(
  source: Queryable,
  workflowId: string,
  before: number | null,
  limit: number,
): Promise<WorkflowVersionRecord[]> {
  const values = [workflowId, before ?? ABOVE_ALL_VERSIONS, limit];
  return await source.query<WorkflowVersionRecord>(VERSIONS_OF, values);
}

/** What those who trigger a workflow need to know of a version of it. */
export interface VersionInterface {
  readonly id: string;
  readonly description: string | null;
  readonly inputs: readonly InputDefinition[];
}

export async function findVersionInterfaces(
  source: Queryable,
  ids: readonly string[],
): Promise<VersionInterface[]> {
  return await source.query<VersionInterface>(INTERFACES, [ids]);
}
