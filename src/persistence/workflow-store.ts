import { createHash } from "node:crypto";
import type { Clock } from "../domain/clock.ts";
import type { WorkflowDefinition } from "../domain/definition.ts";
import type { StepNode, WorkflowGraph } from "../domain/graph.ts";
import type { Transaction } from "./database.ts";
import { newKey } from "./keys.ts";
import type { Statement } from "./queries/queryable.ts";

export interface WorkflowRow {
  readonly id: string;
  readonly projectId: string;
  readonly name: string;
  /** 0 when it was only just made. */
  readonly latestVersion: number;
  readonly archivedAt: Date | null;
  readonly revision: number;
}

export interface VersionRow {
  readonly id: string;
  readonly workflowId: string;
  readonly version: number;
  readonly sourceHash: Buffer;
}

const WORKFLOW_COLUMNS = `id, project_id as "projectId", name, latest_version as "latestVersion",
  archived_at as "archivedAt", revision`;
const OPEN_WORKFLOW: Statement = {
  name: "open-workflow",
  text: `insert into workflow (id, project_id, name, created_at, updated_at) values ($1, $2, $3, $4, $4)
    on conflict (project_id, name) do update set updated_at = workflow.updated_at
    returning ${WORKFLOW_COLUMNS}`,
};
const LOCK: Statement = {
  name: "lock-workflow",
  text: `select ${WORKFLOW_COLUMNS} from workflow where id = $1 for no key update`,
};
const RENAME: Statement = {
  name: "rename-workflow",
  text: "update workflow set name = $2, revision = revision + 1, updated_at = $3 where id = $1",
};
const ARCHIVE: Statement = {
  name: "archive-workflow",
  text: "update workflow set archived_at = $2, revision = revision + 1, updated_at = $3 where id = $1",
};
const LATEST: Statement = {
  name: "latest-version",
  text: `select v.id, v.workflow_id as "workflowId", v.version, v.source_hash as "sourceHash"
    from workflow w join workflow_version v on v.workflow_id = w.id and v.version = w.latest_version
    where w.id = $1`,
};
const ADD_VERSION: Statement = {
  name: "add-version",
  text: `with version as (
      insert into workflow_version (id, workflow_id, version, definition, source, source_hash, created_by, created_at)
      values ($1, $2, $3, $4, $5, $6, $7, $8)
    )
    update workflow set latest_version = $3, updated_at = $8, revision = revision + (latest_version > 0)::integer
      where id = $2`,
};
const ADD_POOLS: Statement = {
  name: "add-pools",
  text: `insert into queue_pool (project_id, queue, labels)
    select $1, p.queue, array(select jsonb_array_elements_text(p.labels))
    from jsonb_to_recordset($2) as p(queue text, labels jsonb) on conflict do nothing`,
};
const ADD_STEPS: Statement = {
  name: "add-version-steps",
  text: `insert into workflow_step (version_id, idx, stage_idx, ref, name, type, needs, behind_barrier, pool_id,
      queue_when_ready)
    select $1, s.idx, s.stage, s.ref, s.name, s.type, array(select jsonb_array_elements_text(s.needs)::integer),
      s.barrier, p.id,
      s.plain
    from jsonb_to_recordset($2) as s(idx integer, stage integer, ref text, name text, type text, needs jsonb,
      barrier boolean, queue text, labels jsonb, plain boolean)
    join queue_pool p on p.project_id = $3 and p.queue = s.queue
      and p.labels = array(select jsonb_array_elements_text(s.labels))`,
};
const ADD_EDGES: Statement = {
  name: "add-version-edges",
  text: `insert into workflow_edge (version_id, need_idx, dependent_idx)
    select $1, * from unnest($2::integer[], $3::integer[])`,
};

/** Finds or makes the workflow of that name, and locks it: deployments of one workflow queue up here. */
export async function openWorkflow(
  transaction: Transaction,
  projectId: string,
  name: string,
  clock: Clock,
): Promise<{ workflow: WorkflowRow; latest: VersionRow | null }> {
  const [workflow] = await transaction.query<WorkflowRow>(OPEN_WORKFLOW, [
    newKey(clock),
    projectId,
    name,
    clock.now(),
  ]);
  const latest = await latestVersion(transaction, workflow!.id);
  return { workflow: workflow!, latest };
}

export async function latestVersion(
  transaction: Transaction,
  workflowId: string,
): Promise<VersionRow | null> {
  const [row] = await transaction.query<VersionRow>(LATEST, [workflowId]);
  return row ?? null;
}

/** A workflow that exists, locked: nothing else changes it and no run is made of it meanwhile. */
export async function lockWorkflow(transaction: Transaction, id: string): Promise<WorkflowRow | null> {
  const [row] = await transaction.query<WorkflowRow>(LOCK, [id]);
  return row ?? null;
}

export async function renameWorkflow(
  transaction: Transaction,
  id: string,
  name: string,
  now: Date,
): Promise<void> {
  await transaction.query(RENAME, [id, name, now]);
}

/** Null takes it out of the archive. */
export async function setWorkflowArchived(
  transaction: Transaction,
  id: string,
  archivedAt: Date | null,
  now: Date,
): Promise<void> {
  await transaction.query(ARCHIVE, [id, archivedAt, now]);
}

export function hashSource(source: string): Buffer {
  return createHash("sha256").update(source).digest();
}

export interface NewVersion {
  readonly workflow: WorkflowRow;
  readonly definition: WorkflowDefinition;
  readonly graph: WorkflowGraph;
  readonly source: string;
  readonly createdBy: string;
}

/** Stores the next version with its steps and edges, and makes it the latest. @returns its key and number */
export async function addVersion(
  transaction: Transaction,
  { workflow, definition, graph, source, createdBy }: NewVersion,
  clock: Clock,
): Promise<{ id: string; version: number }> {
  const id = newKey(clock);
  const version = workflow.latestVersion + 1;
  await transaction.query(ADD_VERSION, [
    id,
    workflow.id,
    version,
    JSON.stringify(definition),
    source,
    hashSource(source),
    createdBy,
    clock.now(),
  ]);
  const steps = graph.steps.map(stepRow);
  await transaction.query(ADD_POOLS, [workflow.projectId, JSON.stringify(distinctPools(steps))]);
  await transaction.query(ADD_STEPS, [id, JSON.stringify(steps), workflow.projectId]);
  const edges = graph.steps.flatMap(({ index, needs }) => needs.map((need) => ({ need, index })));
  await transaction.query(ADD_EDGES, [id, edges.map(({ need }) => need), edges.map(({ index }) => index)]);
  return { id, version };
}

function stepRow({
  index,
  stage,
  ref,
  name,
  type,
  needs,
  behindBarrier,
  queue,
  labels,
  when,
  waitsFor,
}: StepNode) {
  const plain = waitsFor === "RUNNER" && when === "on_success";
  const pool = { queue, labels: [...new Set(labels)].sort() };
  return { idx: index, stage, ref, name, type, needs, barrier: behindBarrier, ...pool, plain };
}

function distinctPools(steps: readonly { queue: string; labels: readonly string[] }[]) {
  return [
    ...new Map(
      steps.map(({ queue, labels }) => [JSON.stringify([queue, labels]), { queue, labels }]),
    ).values(),
  ];
}
