import { Field, InputType } from "type-graphql";
import { keyOf } from "../../domain/ids.ts";
import type { WorkflowRunStatus } from "../../domain/statuses.ts";
import type { RunTriggerType } from "../../domain/triggers.ts";
import type {
  LabelCondition,
  LabelOperator,
  RunDirection,
  RunFilter,
} from "../../persistence/queries/run-list.ts";
import {
  LabelOperatorEnum,
  OrderDirectionEnum,
  RunTriggerTypeEnum,
  WorkflowRunOrderFieldEnum,
  WorkflowRunStatusEnum,
} from "../enums.ts";
import { badInput } from "../errors.ts";
import { DateTime, ID } from "../scalars.ts";

/** More would make one query a scan of its own. */
const MAX_LIST = 250;
const MIN_COMMIT_PREFIX = 7;
const MAX_LABELS = 20;

@InputType("TimeRange", { description: "A span of time; both bounds may be left out." })
export class TimeRangeInput {
  @Field(() => DateTime, { nullable: true, description: "From this moment on." })
  gte?: Date | null;

  @Field(() => DateTime, { nullable: true, description: "Before this moment." })
  lt?: Date | null;
}

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
  description:
    "Which runs: all conditions that are given must hold. A list that is null asks for nothing, an empty list matches nothing.",
})
export class WorkflowRunFilterInput {
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

  @Field(() => [RunTriggerTypeEnum], {
    nullable: true,
    description: "Only runs made by one of these causes.",
  })
  trigger?: RunTriggerType[] | null;

  @Field(() => String, { nullable: true, description: "Only runs on this git branch." })
  branch?: string | null;

  @Field(() => String, {
    nullable: true,
    description: "Only runs on the git commit that starts with this: 7 hex digits or more.",
  })
  commit?: string | null;

  @Field(() => TimeRangeInput, { nullable: true, description: "Only runs made in this span." })
  created?: TimeRangeInput | null;

  @Field(() => [LabelConditionInput], {
    nullable: true,
    description: "Only runs for whose labels all of these hold. At most 20.",
  })
  labels?: LabelConditionInput[] | null;
}

@InputType("WorkflowRunOrder", { description: "How runs are ordered." })
export class WorkflowRunOrderInput {
  @Field(() => WorkflowRunOrderFieldEnum, { defaultValue: "CREATED_AT", description: "By what." })
  field!: "CREATED_AT";

  @Field(() => OrderDirectionEnum, { defaultValue: "DESC", description: "Which end comes first." })
  direction!: RunDirection;
}

export function readRunFilter(input: WorkflowRunFilterInput): RunFilter {
  const { commit, labels } = input;
  if (labels != null && labels.length > MAX_LABELS)
    throw badInput(`\`filter.labels\` takes at most ${MAX_LABELS} conditions`);
  if (commit != null && !/^[0-9a-f]{7,64}$/.test(commit)) {
    throw badInput(`\`filter.commit\` must be at least ${MIN_COMMIT_PREFIX} lower-case hex digits`);
  }
  return {
    ids: keys("WorkflowRun", input.ids, "ids"),
    workflowIds: keys("Workflow", input.workflowIds, "workflowIds"),
    status: checkLength("status", input.status ?? null),
    trigger: checkLength("trigger", input.trigger ?? null),
    branch: input.branch ?? null,
    commit: commit ?? null,
    createdFrom: input.created?.gte ?? null,
    createdBefore: input.created?.lt ?? null,
    labels: labels?.map(readLabelCondition) ?? null,
  };
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

function keys(
  type: "WorkflowRun" | "Workflow",
  ids: readonly string[] | null | undefined,
  name: string,
): string[] | null {
  if (ids == null) return null;
  return checkLength(name, ids)
    .map((id) => keyOf(type, id))
    .filter((key) => key !== null);
}

function checkLength<List extends readonly unknown[] | null>(name: string, list: List): List {
  if (list !== null && list.length > MAX_LIST)
    throw badInput(`\`filter.${name}\` takes at most ${MAX_LIST} entries`);
  return list;
}

export function isTextMap(value: unknown): value is Record<string, string> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((entry) => typeof entry === "string");
}
