import type { Queryable, Statement } from "./queryable.ts";

export interface WorkflowRecord {
  readonly id: string;
  readonly projectId: string;
  readonly name: string;
  readonly latestVersion: number;
  readonly latestVersionId: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
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
  v.id as "latestVersionId", w.created_at as "createdAt", w.updated_at as "updatedAt"
  from workflow w join workflow_version v on v.workflow_id = w.id and v.version = w.latest_version`;
const FIND: Statement = { name: "find-workflows", text: `select ${COLUMNS} where w.id = any ($1)` };
const BY_NAME: Statement = {
  name: "find-workflow-by-name",
  text: `select ${COLUMNS} where w.project_id = $1 and w.name = $2`,
};
const LIST: Statement = {
  name: "list-workflows",
  text: `select ${COLUMNS} where w.project_id = any ($1) and (w.name, w.id) > ($2, $3) order by w.name, w.id limit $4`,
};
const COUNT: Statement = {
  name: "count-workflows",
  text: "select count(*)::integer as count from (select from workflow where project_id = any ($1) limit $2) matching",
};
const VERSIONS: Statement = {
  name: "find-versions",
  text: `select v.id, v.workflow_id as "workflowId", w.project_id as "projectId", v.version, v.source,
      v.created_by as "createdBy", v.created_at as "createdAt"
    from workflow_version v join workflow w on w.id = v.workflow_id where v.id = any ($1)`,
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

const LOWEST_KEY = "00000000-0000-0000-0000-000000000000";

/** Workflows by name, those after a name and key; the first page starts after the empty name. */
export async function listWorkflows(
  source: Queryable,
  projectIds: readonly string[],
  after: { readonly name: string; readonly id: string } | null,
  limit: number,
): Promise<WorkflowRecord[]> {
  return await source.query<WorkflowRecord>(LIST, [
    projectIds,
    after?.name ?? "",
    after?.id ?? LOWEST_KEY,
    limit,
  ]);
}

export async function countWorkflows(
  source: Queryable,
  projectIds: readonly string[],
  cap: number,
): Promise<number> {
  const [row] = await source.query<{ count: number }>(COUNT, [projectIds, cap]);
  return row!.count;
}

export async function findVersions(
  source: Queryable,
  ids: readonly string[],
): Promise<WorkflowVersionRecord[]> {
  return await source.query<WorkflowVersionRecord>(VERSIONS, [ids]);
}
