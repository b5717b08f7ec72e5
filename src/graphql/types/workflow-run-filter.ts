import { Field, InputType } from "type-graphql";
import type { Result, StepRunStatus, WorkflowRunPhase, WorkflowRunStatus } from "../../domain/statuses.ts";
import type { RunTriggerType } from "../../domain/triggers.ts";
import type { LabelCondition, LabelOperator, RunFilter } from "../../persistence/queries/run-filter.ts";
import {
  LabelOperatorEnum,
  ResultEnum,
  RunTriggerTypeEnum,
  StepRunStatusEnum,
  WorkflowRunPhaseEnum,
  WorkflowRunStatusEnum,
} from "../enums.ts";
import { badInput } from "../errors.ts";
import { ID } from "../scalars.ts";
import {
  checkLength,
  DurationRangeInput,
  MAX_LIST,
  readAccount,
  readKey,
  readKeys,
  readSpan,
  TimeRangeInput,
} from "./ranges.ts";

const MIN_COMMIT_PREFIX = 7;
const MAX_LABELS = 20;
const MAX_SEARCH = 200;
/** A filter inside a filter, so many times; and so many conditions in all of them together. */
const MAX_DEPTH = 5;
const MAX_CONDITIONS = 50;

@InputType("LabelCondition", { description: "What one label has to be." })
export class LabelConditionInput {
  @Field(() => String, { description: "The label's key." })
  key!: string;

  @Field(() => LabelOperatorEnum, { defaultValue: "EQ", description: "How `values` are compared." })
  op!: LabelOperator;

  @Field(() => [String], {
    nullable: true,
    description: "One value for EQ, up to 250 for IN and NOT_IN, none for EXISTS and NOT_EXISTS.",
  })
  values?: string[] | null;
}

@InputType("WorkflowRunFilter", {
  description: `Which runs: all conditions that are given must hold. A list that is null asks for nothing, an empty list matches nothing. A run that lacks what a condition is about does not match it: an unfinished run has no duration. Filters nest up to ${MAX_DEPTH} deep, with at most ${MAX_CONDITIONS} conditions in all.`,
})
export class WorkflowRunFilterInput {
  @Field(() => [WorkflowRunFilterInput], { nullable: true, description: "All of these must match." })
  and?: WorkflowRunFilterInput[] | null;

  @Field(() => [WorkflowRunFilterInput], { nullable: true, description: "At least one of these must match." })
  or?: WorkflowRunFilterInput[] | null;

  @Field(() => WorkflowRunFilterInput, {
    nullable: true,
    description:
      "Exactly the runs that this does not match, also those that lack what it is about: not `durationMs` at least 1000 includes the unfinished ones.",
  })
  not?: WorkflowRunFilterInput | null;

  @Field(() => [ID], {
    nullable: true,
    description: "Only these runs; unknown ids match nothing. At most 250.",
  })
  ids?: string[] | null;

  @Field(() => [ID], {
    nullable: true,
    description: "Only runs of these workflows; unknown ids match nothing. At most 250.",
  })
  workflowIds?: string[] | null;

  @Field(() => [WorkflowRunStatusEnum], {
    nullable: true,
    description: "Only runs in one of these statuses.",
  })
  status?: WorkflowRunStatus[] | null;

  @Field(() => [WorkflowRunPhaseEnum], { nullable: true, description: "Only runs in one of these phases." })
  phase?: WorkflowRunPhase[] | null;

  @Field(() => [ResultEnum], { nullable: true, description: "Only runs with one of these results." })
  result?: Result[] | null;

  @Field(() => [RunTriggerTypeEnum], {
    nullable: true,
    description: "Only runs made by one of these causes.",
  })
  trigger?: RunTriggerType[] | null;

  @Field(() => String, {
    nullable: true,
    description: "Only runs whose `trigger.ref` is this, such as the id of a schedule.",
  })
  triggerRef?: string | null;

  @Field(() => [LabelConditionInput], {
    nullable: true,
    description: "Only runs for whose labels all of these hold. At most 20.",
  })
  labels?: LabelConditionInput[] | null;

  @Field(() => String, {
    nullable: true,
    description: "Only runs made by this account: its id or its username. An unknown one matches nothing.",
  })
  createdBy?: string | null;

  @Field(() => String, { nullable: true, description: "Only runs on this git branch." })
  branch?: string | null;

  @Field(() => String, {
    nullable: true,
    description: "Only runs on the git commit that starts with this: 7 hex digits or more.",
  })
  commit?: string | null;

  @Field(() => ID, { nullable: true, description: "Only runs that continue from this one." })
  sourceRunId?: string | null;

  @Field(() => ID, { nullable: true, description: "Only retries, direct or not, that began with this run." })
  rootRunId?: string | null;

  @Field(() => ID, { nullable: true, description: "Only direct retries of this run." })
  retryOfId?: string | null;

  @Field(() => ID, { nullable: true, description: "Only runs that a step of this run has made." })
  parentRunId?: string | null;

  @Field(() => TimeRangeInput, { nullable: true, description: "Only runs made in this span." })
  created?: TimeRangeInput | null;

  @Field(() => TimeRangeInput, { nullable: true, description: "Only runs that started in this span." })
  started?: TimeRangeInput | null;

  @Field(() => TimeRangeInput, { nullable: true, description: "Only runs that ended in this span." })
  finished?: TimeRangeInput | null;

  @Field(() => DurationRangeInput, {
    nullable: true,
    description: "Only runs that have ended and took so long.",
  })
  durationMs?: DurationRangeInput | null;

  @Field(() => String, {
    nullable: true,
    description: `Only runs with this in their workflow's name, in upper or lower case. At most ${MAX_SEARCH} characters.`,
  })
  search?: string | null;

  @Field(() => Boolean, {
    nullable: true,
    description: "Only runs that wait for an approval, or only those that do not.",
  })
  awaitingApproval?: boolean | null;

  @Field(() => Boolean, {
    nullable: true,
    description: "Only runs with a test that is FAILED, ERRORED or TIMED_OUT now, or only those without.",
  })
  hasFailedTests?: boolean | null;

  @Field(() => String, { nullable: true, description: "Only runs with a step of this ref." })
  stepRef?: string | null;

  @Field(() => [StepRunStatusEnum], {
    nullable: true,
    description: "Only runs with a step in one of these statuses; with `stepRef`, that very step.",
  })
  stepStatus?: StepRunStatus[] | null;
}

/** Counts while a filter is read; the whole tree shares one. */
interface Budget {
  conditions: number;
}

export function readRunFilter(input: WorkflowRunFilterInput): RunFilter {
  return readNested(input, 0, { conditions: 0 });
}

function readNested(input: WorkflowRunFilterInput, depth: number, budget: Budget): RunFilter {
  if (depth > MAX_DEPTH) throw badInput(`\`filter\` nests deeper than ${MAX_DEPTH}`);
  const { and, or, not, ...own } = input;
  budget.conditions += countConditions(own);
  if (budget.conditions > MAX_CONDITIONS)
    throw badInput(`\`filter\` has more than ${MAX_CONDITIONS} conditions`);
  const inner = (filter: WorkflowRunFilterInput) => readNested(filter, depth + 1, budget);
  return {
    and: checkLength("filter.and", and ?? null)?.map(inner) ?? null,
    or: checkLength("filter.or", or ?? null)?.map(inner) ?? null,
    not: not == null ? null : inner(not),
    ...readOwn(own),
  };
}

type OwnConditions = Omit<WorkflowRunFilterInput, "and" | "or" | "not">;

function countConditions({ labels, ...own }: OwnConditions): number {
  return (labels?.length ?? 0) + Object.values(own).filter((condition) => condition != null).length;
}

function readOwn(input: OwnConditions): RunFilter {
  checkTexts(input);
  const { stepRef, stepStatus, durationMs } = input;
  const step = { ref: stepRef ?? null, status: checkLength("filter.stepStatus", stepStatus ?? null) };
  return {
    ids: readKeys("WorkflowRun", input.ids, "filter.ids"),
    workflowIds: readKeys("Workflow", input.workflowIds, "filter.workflowIds"),
    status: checkLength("filter.status", input.status ?? null),
    phase: checkLength("filter.phase", input.phase ?? null),
    result: checkLength("filter.result", input.result ?? null),
    trigger: checkLength("filter.trigger", input.trigger ?? null),
    triggerRef: input.triggerRef ?? null,
    labels: input.labels?.map(readLabelCondition) ?? null,
    createdBy: readAccount(input.createdBy),
    branch: input.branch ?? null,
    commit: input.commit ?? null,
    sourceRunId: readKey("WorkflowRun", input.sourceRunId),
    rootRunId: readKey("WorkflowRun", input.rootRunId),
    retryOfId: readKey("WorkflowRun", input.retryOfId),
    parentRunId: readKey("WorkflowRun", input.parentRunId),
    created: readSpan(input.created),
    started: readSpan(input.started),
    finished: readSpan(input.finished),
    durationMs: durationMs == null ? null : { gte: durationMs.gte ?? null, lt: durationMs.lt ?? null },
    search: input.search ?? null,
    awaitingApproval: input.awaitingApproval ?? null,
    hasFailedTests: input.hasFailedTests ?? null,
    step: step.ref === null && step.status === null ? null : step,
  };
}

function checkTexts({ commit, labels, search }: OwnConditions): void {
  if (labels != null && labels.length > MAX_LABELS)
    throw badInput(`\`filter.labels\` takes at most ${MAX_LABELS} conditions`);
  if (commit != null && !/^[0-9a-f]{7,64}$/.test(commit)) {
    throw badInput(`\`filter.commit\` must be at least ${MIN_COMMIT_PREFIX} lower-case hex digits`);
  }
  if (search != null && search.length > MAX_SEARCH)
    throw badInput(`\`filter.search\` takes at most ${MAX_SEARCH} characters`);
}

/** Comparisons with other numbers of values than these mean something else than their author believes. */
const VALUE_COUNTS = {
  EQ: [1, 1],
  IN: [0, MAX_LIST],
  NOT_IN: [0, MAX_LIST],
  EXISTS: [0, 0],
  NOT_EXISTS: [0, 0],
} as const;

function readLabelCondition({ key, op, values }: LabelConditionInput): LabelCondition {
  const given = values ?? [];
  const [least, most] = VALUE_COUNTS[op];
  if (given.length < least || given.length > most) {
    throw badInput(`\`filter.labels\`: ${op} takes ${least === most ? least : `${least} to ${most}`} values`);
  }
  return { key, op, values: given };
}

export function isTextMap(value: unknown): value is Record<string, string> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((entry) => typeof entry === "string");
}
