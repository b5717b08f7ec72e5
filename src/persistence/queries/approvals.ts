import type { ApprovalStatus, ApprovalVerdict } from "../../domain/approvals.ts";
import type { Queryable, Statement } from "./queryable.ts";
import { allOf, oneOf, Values, when } from "./values.ts";

export interface ApprovalRecord {
  readonly runId: string;
  readonly step: number;
  readonly attempt: number;
  readonly projectId: string;
  readonly status: ApprovalStatus;
  readonly quorum: number;
  readonly approvers: readonly string[] | null;
  readonly selfApproval: boolean;
  readonly prompt: string | null;
  readonly requestedAt: Date;
  readonly dueAt: Date | null;
  readonly closedAt: Date | null;
}

export interface DecisionRecord {
  readonly runId: string;
  readonly step: number;
  readonly attempt: number;
  readonly actorId: string;
  readonly verdict: ApprovalVerdict;
  readonly comment: string | null;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly at: Date;
}

const COLUMNS = `a.run_id as "runId", a.step_idx as step, a.attempt, a.project_id as "projectId", a.status, a.quorum,
  a.approvers, a.self_approval as "selfApproval", a.prompt, a.requested_at as "requestedAt", a.due_at as "dueAt",
  a.closed_at as "closedAt"`;
const TABLES = "approval a join workflow_run r on r.id = a.run_id and r.deleted_at is null";

const OF_RUNS: Statement = {
  name: "approvals-of-runs",
  text: `select ${COLUMNS} from ${TABLES} where a.run_id = any ($1) order by a.requested_at, a.step_idx, a.attempt`,
};
const DECISIONS: Statement = {
  name: "decisions-of-runs",
  text: `select run_id as "runId", step_idx as step, attempt, actor_id as "actorId", verdict, comment, fields, at
    from approval_decision where run_id = any ($1) order by at, actor_id`,
};

/** Every request for approval of these runs, oldest first. */
export async function approvalsOfRuns(
  source: Queryable,
  runIds: readonly string[],
): Promise<ApprovalRecord[]> {
  return await source.query<ApprovalRecord>(OF_RUNS, [runIds]);
}

export async function decisionsOfRuns(
  source: Queryable,
  runIds: readonly string[],
): Promise<DecisionRecord[]> {
  return await source.query<DecisionRecord>(DECISIONS, [runIds]);
}

/** Somebody whose decision is waited for: by their role in these projects, or because they are named. */
export interface Decider {
  readonly accountId: string;
  readonly byRole: readonly string[];
}

export interface ApprovalFilter {
  readonly status: readonly ApprovalStatus[] | null;
  readonly workflowIds: readonly string[] | null;
  /** Only those that wait for this one's decision. */
  readonly decider: Decider | null;
}

export interface ApprovalPosition {
  readonly requestedAt: Date;
  readonly runId: string;
  readonly step: number;
  readonly attempt: number;
}

export interface ApprovalPage {
  readonly projectIds: readonly string[];
  readonly filter: ApprovalFilter;
  readonly backward: boolean;
  readonly from: ApprovalPosition | null;
  readonly limit: number;
  readonly offset: number;
}

function conditionsOf(projectIds: readonly string[], filter: ApprovalFilter, values: Values): string {
  return allOf([
    oneOf("a.project_id", "uuid", projectIds, values),
    when(filter.status, (list) => oneOf("a.status", "approval_status", list, values)),
    when(filter.workflowIds, (ids) => oneOf("r.workflow_id", "uuid", ids, values)),
    when(filter.decider, (decider) => mayDecide(decider, values)),
  ]);
}

function mayDecide({ accountId, byRole }: Decider, values: Values): string {
  const account = `${values.add(accountId)}::uuid`;
  return `a.status = 'PENDING' and (a.self_approval or r.created_by <> ${account})
    and case when a.approvers is null then a.project_id = any (${values.add(byRole)}::uuid[])
      else (select username from account where id = ${account}) = any (a.approvers) end
    and not exists (select from approval_decision d where d.run_id = a.run_id and d.step_idx = a.step_idx
      and d.attempt = a.attempt and d.actor_id = ${account})`;
}

/** Requests for approval, the newest first. */
export async function listApprovals(source: Queryable, page: ApprovalPage): Promise<ApprovalRecord[]> {
  const values = new Values();
  const [sign, reading] = page.backward ? [">", "asc"] : ["<", "desc"];
  const beyond = when(
    page.from,
    ({ requestedAt, runId, step, attempt }) =>
      `(a.requested_at, a.run_id, a.step_idx, a.attempt) ${sign} (${values.add(requestedAt)}::timestamptz,
        ${values.add(runId)}::uuid, ${values.add(step)}::integer, ${values.add(attempt)}::integer)`,
  );
  const text = `select ${COLUMNS} from ${TABLES}
    where ${allOf([conditionsOf(page.projectIds, page.filter, values), beyond])}
    order by a.requested_at ${reading}, a.run_id ${reading}, a.step_idx ${reading}, a.attempt ${reading}
    limit ${values.add(page.limit)} offset ${values.add(page.offset)}`;
  return await source.query<ApprovalRecord>({ text }, values.list);
}

/** How many there are, counted up to `cap` and no further. */
export async function countApprovals(
  source: Queryable,
  projectIds: readonly string[],
  filter: ApprovalFilter,
  cap: number,
): Promise<number> {
  const values = new Values();
  const text = `select count(*)::integer as count from (
    select from ${TABLES} where ${conditionsOf(projectIds, filter, values)} limit ${values.add(cap)}) matching`;
  const [row] = await source.query<{ count: number }>({ text }, values.list);
  return row!.count;
}
