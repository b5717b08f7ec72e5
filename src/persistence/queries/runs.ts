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
  readonly maxParallelSteps: number | null;
  readonly stepRetries: number | null;
  readonly timeoutMs: number;
  readonly retryOfId: string | null;
  readonly rootRunId: string | null;
  readonly sourceRunId: string | null;
  readonly parentRunId: string | null;
  readonly parentStep: number | null;
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
  r.number, r.status, r.status_reason as "statusReason", r.progress,
  r.max_parallel_steps as "maxParallelSteps", r.step_retries as "stepRetries", r.timeout_ms::float8 as "timeoutMs",
  r.retry_of_id as "retryOfId", r.root_run_id as "rootRunId", r.source_run_id as "sourceRunId",
  r.parent_run_id as "parentRunId", r.parent_step_idx as "parentStep", r.last_seq as "lastSeq", r.revision, r.labels,
  r.message, r.branch, r.commit, r.trigger_type as "triggerType", r.trigger_ref as "triggerRef",
  r.created_by as "createdBy", r.created_at as "createdAt", r.updated_at as "updatedAt",
  r.queued_at as "queuedAt", r.started_at as "startedAt", r.finished_at as "finishedAt",
  r.finalized_at as "finalizedAt", r.expires_at as "expiresAt"`;
export const RUN_TABLES = "workflow_run r join workflow_version v on v.id = r.workflow_version_id";

const FIND: Statement = {
  name: "find-runs",
  text: `select ${RUN_COLUMNS} from ${RUN_TABLES} where r.id = any ($1) and r.deleted_at is null`,
};
const OWNER: Statement = {
  name: "run-owner",
  text: `select project_id as "projectId", workflow_id as "workflowId" from workflow_run where id = $1 and deleted_at is null`,
};

export async function findRuns(source: Queryable, ids: readonly string[]): Promise<RunRecord[]> {
  return await source.query<RunRecord>(FIND, [ids]);
}

/** Whose a run is; null when there is none, or none any more. */
export async function runOwner(
  source: Queryable,
  runId: string,
): Promise<{ readonly projectId: string; readonly workflowId: string } | null> {
  const [row] = await source.query<{ projectId: string; workflowId: string }>(OWNER, [runId]);
  return row ?? null;
}

export async function runProject(source: Queryable, id: string): Promise<string | null> {
  return (await runOwner(source, id))?.projectId ?? null;
}

/** A commit as the runner that checked out told it. */
export interface StoredCommit {
  readonly sha: string;
  readonly message: string | null;
  readonly author: string | null;
  readonly at: string | null;
}

/** What is too wide for the rows of lists. */
export interface RunInputRecord {
  readonly runId: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly payload: unknown;
  readonly envVars: readonly { readonly key: string; readonly value: string }[];
  readonly annotations: Readonly<Record<string, string>>;
  readonly debug: boolean;
  readonly commits: readonly StoredCommit[] | null;
}

const INPUTS: Statement = {
  name: "find-run-inputs",
  text: `select i.run_id as "runId", i.inputs, i.payload, i.env_vars as "envVars", r.annotations, i.debug, i.commits
    from workflow_run_input i join workflow_run r on r.id = i.run_id where i.run_id = any ($1)`,
};

export async function findRunInputs(source: Queryable, runIds: readonly string[]): Promise<RunInputRecord[]> {
  return await source.query<RunInputRecord>(INPUTS, [runIds]);
}
