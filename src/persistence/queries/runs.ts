import type { WorkflowRunStatus } from "../../domain/statuses.ts";
import type { RunTriggerType } from "../../domain/triggers.ts";
import type { Queryable, Statement } from "./queryable.ts";
import type { StoredReason } from "./stored-reason.ts";

/** A run as readers see it, without its wide inputs. */
export interface RunRecord {
  readonly id: string;
  readonly projectId: string;
  readonly workflowId: string;
  readonly workflowVersionId: string;
  readonly workflowVersion: number;
  readonly workflowName: string;
  readonly number: number;
  readonly status: WorkflowRunStatus;
  readonly statusReason: StoredReason | null;
  readonly progress: number;
  readonly lastSeq: number;
  readonly revision: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly message: string | null;
  readonly branch: string | null;
  readonly commit: string | null;
  readonly triggerType: RunTriggerType;
  readonly triggerRef: string | null;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly queuedAt: Date | null;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  readonly finalizedAt: Date | null;
  readonly expiresAt: Date;
}

export const RUN_COLUMNS = `r.id, r.project_id as "projectId", r.workflow_id as "workflowId",
  r.workflow_version_id as "workflowVersionId", v.version as "workflowVersion", r.workflow_name as "workflowName",
  r.number, r.status, r.status_reason as "statusReason", r.progress, r.last_seq as "lastSeq", r.revision, r.labels,
  r.message, r.branch, r.commit, r.trigger_type as "triggerType", r.trigger_ref as "triggerRef",
  r.created_by as "createdBy", r.created_at as "createdAt", r.updated_at as "updatedAt",
  r.queued_at as "queuedAt", r.started_at as "startedAt", r.finished_at as "finishedAt",
  r.finalized_at as "finalizedAt", r.expires_at as "expiresAt"`;
export const RUN_TABLES = "workflow_run r join workflow_version v on v.id = r.workflow_version_id";

const FIND: Statement = {
  name: "find-runs",
  text: `select ${RUN_COLUMNS} from ${RUN_TABLES} where r.id = any ($1)`,
};
const PROJECT: Statement = {
  name: "run-project",
  text: `select project_id as "projectId" from workflow_run where id = $1`,
};

export async function findRuns(source: Queryable, ids: readonly string[]): Promise<RunRecord[]> {
  return await source.query<RunRecord>(FIND, [ids]);
}

export async function runProject(source: Queryable, id: string): Promise<string | null> {
  const [row] = await source.query<{ projectId: string }>(PROJECT, [id]);
  return row?.projectId ?? null;
}

export interface RunInputRecord {
  readonly runId: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly payload: unknown;
  readonly envVars: readonly { readonly key: string; readonly value: string }[];
}

const INPUTS: Statement = {
  name: "find-run-inputs",
  text: `select run_id as "runId", inputs, payload, env_vars as "envVars" from workflow_run_input where run_id = any ($1)`,
};

export async function findRunInputs(source: Queryable, runIds: readonly string[]): Promise<RunInputRecord[]> {
  return await source.query<RunInputRecord>(INPUTS, [runIds]);
}
