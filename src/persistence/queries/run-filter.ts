import {
  type Result,
  resultOf,
  type StepRunStatus,
  TERMINAL_STATUSES,
  WORKFLOW_RUN_STATUSES,
  type WorkflowRunPhase,
  type WorkflowRunStatus,
} from "../../domain/statuses.ts";
import type { RunTriggerType } from "../../domain/triggers.ts";
import { allOf, likeText, oneOf, type Span, type Values, when, within } from "./values.ts";

export const LABEL_OPERATORS = ["EQ", "IN", "NOT_IN", "EXISTS", "NOT_EXISTS"] as const;
export type LabelOperator = (typeof LABEL_OPERATORS)[number];

export interface LabelCondition {
  readonly key: string;
  readonly op: LabelOperator;
  readonly values: readonly string[];
}

/** An account by its key, or by its username. */
export type AccountCondition = { readonly id: string } | { readonly username: string };

/** Which runs: every condition that is given must hold. Null = no condition, an empty list = none match. */
export interface RunFilter {
  /** All of these must match; an empty list asks for nothing. */
  readonly and?: readonly RunFilter[] | null;
  /** One of these must match. */
  readonly or?: readonly RunFilter[] | null;
  /** Exactly the runs that this one does not match. */
  readonly not?: RunFilter | null;
  readonly ids?: readonly string[] | null;
  readonly workflowIds?: readonly string[] | null;
  readonly status?: readonly WorkflowRunStatus[] | null;
  readonly phase?: readonly WorkflowRunPhase[] | null;
  readonly result?: readonly Result[] | null;
  readonly trigger?: readonly RunTriggerType[] | null;
  readonly triggerRef?: string | null;
  /** All of them must hold. */
  readonly labels?: readonly LabelCondition[] | null;
  readonly createdBy?: AccountCondition | null;
  readonly branch?: string | null;
  /** Prefix of the commit's hash. */
  readonly commit?: string | null;
  readonly sourceRunId?: readonly string[] | null;
  readonly rootRunId?: readonly string[] | null;
  readonly retryOfId?: readonly string[] | null;
  readonly parentRunId?: readonly string[] | null;
  readonly created?: Span | null;
  readonly started?: Span | null;
  readonly finished?: Span | null;
  readonly durationMs?: { readonly gte: number | null; readonly lt: number | null } | null;
  /** Part of the workflow's name, in any case. */
  readonly search?: string | null;
  readonly awaitingApproval?: boolean | null;
  readonly hasFailedTests?: boolean | null;
  /** It has a step with this ref that is in one of these statuses. */
  readonly step?: {
    readonly ref: string | null;
    readonly status: readonly StepRunStatus[] | null;
  } | null;
}

/**
 * The filter as a condition on `workflow_run`, which the statement calls `r`. Conditions that all must hold stand
 * side by side, so that each can be looked up in its index.
 */
export function compileFilter(filter: RunFilter, values: Values, r: string): string {
  return allOf([
    when(filter.and, (all) => allOf(all.map((inner) => `(${compileFilter(inner, values, r)})`))),
    when(filter.or, (any) =>
      any.length === 0
        ? "false"
        : `(${any.map((inner) => `(${compileFilter(inner, values, r)})`).join(" or ")})`,
    ),
    // A comparison with something that is missing is neither true nor false: `not` takes it for false.
    when(filter.not, (inner) => `(${compileFilter(inner, values, r)}) is not true`),
    ...ownConditions(filter, values, r),
    ...originConditions(filter, values, r),
    ...momentConditions(filter, values, r),
    ...stepConditions(filter, values, r),
  ]);
}

function ownConditions(filter: RunFilter, values: Values, r: string): (string | null)[] {
  const among = (column: string, type: string) => (list: readonly unknown[]) =>
    oneOf(`${r}.${column}`, type, list, values);
  return [
    when(filter.ids, among("id", "uuid")),
    when(filter.workflowIds, among("workflow_id", "uuid")),
    when(filter.status, among("status", "workflow_run_status")),
    when(filter.result, (results) =>
      among(
        "status",
        "workflow_run_status",
      )(WORKFLOW_RUN_STATUSES.filter((status) => results.includes(resultOf(status)))),
    ),
    when(filter.phase, (phases) => phaseCondition(phases, r)),
    when(filter.search, (text) => `${r}.workflow_name ilike ${values.add(`%${likeText(text)}%`)}`),
    ...(filter.labels ?? []).map((label) => labelCondition(label, values, r)),
  ];
}

function originConditions(filter: RunFilter, values: Values, r: string): (string | null)[] {
  const among = (column: string, type: string) => (list: readonly unknown[]) =>
    oneOf(`${r}.${column}`, type, list, values);
  const equals = (column: string) => (text: string) => `${r}.${column} = ${values.add(text)}::text`;
  return [
    when(filter.trigger, among("trigger_type", "run_trigger_type")),
    when(filter.triggerRef, equals("trigger_ref")),
    when(filter.createdBy, (account) => accountCondition(`${r}.created_by`, account, values)),
    when(filter.branch, equals("branch")),
    when(filter.commit, (prefix) => `starts_with(${r}.commit, ${values.add(prefix)}::text)`),
    when(filter.sourceRunId, among("source_run_id", "uuid")),
    when(filter.rootRunId, among("root_run_id", "uuid")),
    when(filter.retryOfId, among("retry_of_id", "uuid")),
    when(filter.parentRunId, among("parent_run_id", "uuid")),
  ];
}

function momentConditions(filter: RunFilter, values: Values, r: string): (string | null)[] {
  const duration = `extract(epoch from greatest(${r}.finished_at - ${r}.started_at, interval '0')) * 1000`;
  // `greatest` ignores what is missing: without both moments there is no duration.
  const known = `${r}.finished_at is not null and ${r}.started_at is not null`;
  return [
    within(`${r}.created_at`, filter.created, values),
    within(`${r}.started_at`, filter.started, values),
    within(`${r}.finished_at`, filter.finished, values),
    when(filter.durationMs, ({ gte, lt }) =>
      allOf([
        known,
        when(gte, (least) => `${duration} >= ${values.add(least)}::float8`),
        when(lt, (most) => `${duration} < ${values.add(most)}::float8`),
      ]),
    ),
  ];
}

function stepConditions(filter: RunFilter, values: Values, r: string): (string | null)[] {
  return [
    when(filter.awaitingApproval, (wanted) => {
      const awaits = `exists (select from approval a where a.run_id = ${r}.id and a.status = 'PENDING')`;
      return wanted ? awaits : `not ${awaits}`;
    }),
    when(filter.hasFailedTests, (wanted) => {
      const failed = `exists (select from test_run t where t.run_id = ${r}.id and not t.gone
        and t.status in ('FAILED', 'ERRORED', 'TIMED_OUT'))`;
      return wanted ? failed : `not ${failed}`;
    }),
    when(filter.step, ({ ref, status }) => {
      const conditions = allOf([
        when(ref, (text) => `w.ref = ${values.add(text)}::text`),
        when(status, (statuses) => `s.status = any (${values.add(statuses)}::step_run_status[])`),
      ]);
      return `exists (select from step_run s join workflow_step w on w.version_id = ${r}.workflow_version_id
        and w.idx = s.idx where s.run_id = ${r}.id and ${conditions})`;
    }),
  ];
}

const NOT_STARTED = "'PENDING', 'QUEUED'";
const ENDED = TERMINAL_STATUSES.map((status) => `'${status}'`).join(", ");

/** The same as `phaseOf`, of many runs. */
const PHASES: Readonly<Record<WorkflowRunPhase, (r: string) => string>> = {
  PENDING: (r) => `${r}.status in (${NOT_STARTED})`,
  FINALIZED: (r) => `${r}.status not in (${NOT_STARTED}) and ${r}.finalized_at is not null`,
  COMPLETED: (r) => `${r}.status in (${ENDED}) and ${r}.finalized_at is null`,
  RUNNING: (r) => `${r}.status not in (${NOT_STARTED}, ${ENDED}) and ${r}.finalized_at is null`,
};

function phaseCondition(phases: readonly WorkflowRunPhase[], r: string): string {
  if (phases.length === 0) return "false";
  return `(${[...new Set(phases)].map((phase) => `(${PHASES[phase](r)})`).join(" or ")})`;
}

function labelCondition({ key, op, values: wanted }: LabelCondition, values: Values, r: string): string {
  // Only containment finds its rows in the index of labels.
  if (op === "EQ") return `${r}.labels @> ${values.add(JSON.stringify({ [key]: wanted[0] }))}::jsonb`;
  const value = `${r}.labels ->> ${values.add(key)}::text`;
  if (op === "EXISTS") return `${value} is not null`;
  if (op === "NOT_EXISTS") return `${value} is null`;
  const matches = `coalesce(${value} = any (${values.add(wanted)}::text[]), false)`;
  return op === "NOT_IN" ? `not ${matches}` : matches;
}

export function accountCondition(column: string, account: AccountCondition, values: Values): string {
  if ("id" in account) return `${column} = ${values.add(account.id)}::uuid`;
  return `${column} = (select id from account where username = ${values.add(account.username)}::text)`;
}

/** Runs of these projects that the filter matches and that nobody deleted. Null = of all projects. */
export function matchingRuns(
  projectIds: readonly string[] | null,
  filter: RunFilter,
  values: Values,
  r: string,
): string {
  return allOf([
    `${r}.deleted_at is null`,
    when(projectIds, (ids) => oneOf(`${r}.project_id`, "uuid", ids, values)),
    compileFilter(filter, values, r),
  ]);
}
