import type { EnvVar } from "../domain/definition.ts";
import type { Queryable, Statement } from "./queries/queryable.ts";

/** What a run adds to its workflow's definition when a task is made of it. */
export interface TaskRun {
  readonly id: string;
  readonly projectId: string;
  readonly workflowId: string;
  readonly versionId: string;
  readonly number: number;
  readonly workflowName: string;
  readonly branch: string | null;
  readonly commit: string | null;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly envVars: readonly EnvVar[];
  readonly debug: boolean;
  readonly sourceRunId: string | null;
}

const RUNS: Statement = {
  name: "task-runs",
  text: `select r.id, r.project_id as "projectId", r.workflow_id as "workflowId",
      r.workflow_version_id as "versionId", r.number, r.workflow_name as "workflowName", r.branch,
      r.commit, i.inputs, i.env_vars as "envVars", i.debug, r.source_run_id as "sourceRunId"
    from workflow_run r
    cross join lateral (select i.inputs, i.env_vars, i.debug from workflow_run_input i where i.run_id = r.id offset 0) i
    where r.id = any ($1)`,
};
const OUTPUTS: Statement = {
  name: "step-outputs",
  text: `select w.ref, coalesce(x.output, a.output) as output
    from step_run s
    join workflow_run r on r.id = s.run_id
    join workflow_step w on w.version_id = r.workflow_version_id and w.idx = s.idx
    left join step_attempt a on a.run_id = s.run_id and a.step_idx = s.idx and a.number = s.attempt
    left join step_result x on x.run_id = s.run_id and x.idx = s.idx
    where s.run_id = $1 and s.status = 'SUCCEEDED'`,
};
/** A commit of a run's source, as its author described it. */
export interface SourceCommit {
  readonly sha: string;
  readonly message: string;
  readonly author: string;
  readonly at: string;
}

/** The first pin wins, and every host is told the same commit. */
const PIN: Statement = {
  name: "pin-source",
  text: `update workflow_run set commit = coalesce(commit, $2), branch = coalesce(branch, $3),
      message = coalesce(message, $4), updated_at = $5
    where id = $1 returning commit`,
};
/** Retries and children count as well: each of them executed the branch at its commit. */
const PREVIOUS_COMMIT: Statement = {
  name: "previous-commit",
  text: `select p.commit
    from workflow_run r
    join workflow_run p on p.project_id = r.project_id and p.branch = r.branch and p.workflow_id = r.workflow_id
      and (p.created_at, p.id) < (r.created_at, r.id) and p.commit is not null and p.deleted_at is null
    where r.id = $1
    order by p.created_at desc, p.id desc
    limit 1`,
};
/** Only what is told first counts, and only of the commit that the run executes. */
const STORE_COMMITS: Statement = {
  name: "store-commits",
  text: `update workflow_run_input i set commits = $3
    from workflow_run r
    where i.run_id = $1 and i.commits is null and r.id = i.run_id and starts_with($2, r.commit)`,
};

export async function taskRuns(source: Queryable, runIds: readonly string[]): Promise<Map<string, TaskRun>> {
  const rows = await source.query<TaskRun>(RUNS, [runIds]);
  return new Map(rows.map((row) => [row.id, row]));
}

/** Outputs of the run's succeeded steps, by step ref. */
export async function stepOutputs(
  source: Queryable,
  runId: string,
): Promise<Record<string, Readonly<Record<string, unknown>>>> {
  const rows = await source.query<{ ref: string; output: Record<string, unknown> | null }>(OUTPUTS, [runId]);
  return Object.fromEntries(rows.map(({ ref, output }) => [ref, output ?? {}]));
}

export async function pinSource(
  source: Queryable,
  runId: string,
  pin: { readonly commit: string; readonly branch: string | null; readonly message: string | null },
  now: Date,
): Promise<string> {
  const [row] = await source.query<{ commit: string }>(PIN, [
    runId,
    pin.commit,
    pin.branch,
    pin.message,
    now,
  ]);
  return row!.commit;
}

/** The commit of the newest earlier run of the same workflow and branch. */
export async function previousCommit(source: Queryable, runId: string): Promise<string | null> {
  const [row] = await source.query<{ commit: string }>(PREVIOUS_COMMIT, [runId]);
  return row?.commit ?? null;
}

export async function storeCommits(
  source: Queryable,
  runId: string,
  commit: string,
  commits: readonly SourceCommit[],
): Promise<void> {
  await source.query(STORE_COMMITS, [runId, commit, JSON.stringify(commits)]);
}
