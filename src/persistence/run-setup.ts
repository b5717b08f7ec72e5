import type { EnvVar } from "../domain/definition.ts";
import type { StatusReasonCode, StepRunStatus } from "../domain/statuses.ts";
import type { Queryable, Statement } from "./queries/queryable.ts";

/** What a run was made with, and what another one like it is made with. */
export interface RunSetup {
  readonly workflowId: string;
  readonly versionId: string;
  readonly rootRunId: string | null;
  readonly sourceRunId: string | null;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly payload: unknown;
  readonly envVars: readonly EnvVar[];
  readonly branch: string | null;
  readonly commit: string | null;
  readonly message: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly maxParallelSteps: number | null;
  readonly stepRetries: number | null;
  readonly debug: boolean;
}

const READ: Statement = {
  name: "read-run-setup",
  text: `select r.workflow_id as "workflowId", r.workflow_version_id as "versionId", r.root_run_id as "rootRunId",
      r.source_run_id as "sourceRunId", i.inputs, i.payload, i.env_vars as "envVars", r.branch, r.commit, r.message,
      r.labels, r.annotations, r.timeout_ms::float8 as "timeoutMs", r.max_parallel_steps as "maxParallelSteps",
      r.step_retries as "stepRetries", i.debug
    from workflow_run r join workflow_run_input i on i.run_id = r.id where r.id = $1`,
};
/** A run that is started by hand has its whole time from then on. */
const STORE_RUN: Statement = {
  name: "store-run-setup",
  text: `update workflow_run set labels = $2, annotations = $3, message = $4, timeout_ms = $5::bigint, step_retries = $6,
      expires_at = $7::timestamptz + $5::bigint * interval '1 millisecond', updated_at = $7
    where id = $1`,
};
const STORE_INPUT: Statement = {
  name: "store-run-input",
  text: "update workflow_run_input set inputs = $2, env_vars = $3, debug = $4 where run_id = $1",
};
const STEPS: Statement = {
  name: "original-steps",
  text: `select w.ref, s.status, s.status_reason ->> 'code' as "reasonCode"
    from step_run s
    join workflow_run r on r.id = s.run_id
    join workflow_step w on w.version_id = r.workflow_version_id and w.idx = s.idx
    where s.run_id = $1 order by s.idx`,
};
/** Outputs are big and many: they do not leave the database on their way to the run that takes them over. */
const COPY_OUTPUTS: Statement = {
  name: "copy-reused-outputs",
  text: `update step_result n set output = coalesce(x.output, a.output)
    from step_run s
    left join step_result x on x.run_id = s.run_id and x.idx = s.idx
    left join step_attempt a on a.run_id = s.run_id and a.step_idx = s.idx and a.number = s.attempt
    where n.run_id = $1 and n.reused_run_id = $2 and s.run_id = $2 and s.idx = n.reused_idx`,
};

export async function readRunSetup(source: Queryable, runId: string): Promise<RunSetup> {
  const [row] = await source.query<RunSetup>(READ, [runId]);
  return row!;
}

/** The run's row is locked by the caller. */
export async function storeRunSetup(
  source: Queryable,
  runId: string,
  setup: RunSetup,
  now: Date,
): Promise<void> {
  await source.query(STORE_RUN, [
    runId,
    JSON.stringify(setup.labels),
    JSON.stringify(setup.annotations),
    setup.message,
    setup.timeoutMs,
    setup.stepRetries,
    now,
  ]);
  await source.query(STORE_INPUT, [
    runId,
    JSON.stringify(setup.inputs),
    JSON.stringify(setup.envVars),
    setup.debug,
  ]);
}

/** A step of a run that is retried. */
export interface OriginalStepRow {
  readonly ref: string;
  readonly status: StepRunStatus;
  readonly reasonCode: StatusReasonCode | null;
}

export async function originalSteps(source: Queryable, runId: string): Promise<OriginalStepRow[]> {
  return await source.query<OriginalStepRow>(STEPS, [runId]);
}

/** Gives a new run what the steps gave to others whose results it takes over. */
export async function copyReusedOutputs(source: Queryable, runId: string, from: string): Promise<void> {
  await source.query(COPY_OUTPUTS, [runId, from]);
}
