import { encodeId } from "../domain/ids.ts";
import { RESULTS, resultOf, WORKFLOW_RUN_STATUSES, type WorkflowRunStatus } from "../domain/statuses.ts";
import type { Queryable } from "../persistence/queries/queryable.ts";
import {
  type CountedGroup,
  countByDay,
  countByLabel,
  countByStatus,
  countByWorkflow,
  type RunSelection,
} from "../persistence/queries/run-counts.ts";
import { badInput } from "./errors.ts";
import { checkTimeZone } from "./time-zone.ts";
import { MAX_LIST } from "./types/ranges.ts";
import { WorkflowRunCounts, WorkflowRunGroup, type WorkflowRunGroupByInput } from "./types/run-summaries.ts";

const MAX_DAYS = 366;

export function readGrouping(input: WorkflowRunGroupByInput | null | undefined): WorkflowRunGroupByInput {
  const groupBy = input ?? { by: "STATUS", timeZone: "UTC" };
  if ((groupBy.by === "LABEL") !== (groupBy.labelKey != null))
    throw badInput("`groupBy.labelKey` goes with LABEL, and LABEL with `groupBy.labelKey`");
  checkTimeZone(groupBy.timeZone, "groupBy.timeZone");
  return groupBy;
}

export async function countRunsBy(
  source: Queryable,
  selection: RunSelection,
  grouping: WorkflowRunGroupByInput,
): Promise<WorkflowRunCounts> {
  const byStatus = await countByStatus(source, selection);
  const total = byStatus.reduce((sum, { count }) => sum + count, 0);
  const groups = await groupsOf(source, selection, grouping, byStatus);
  return Object.assign(new WorkflowRunCounts(), { total, groups });
}

async function groupsOf(
  source: Queryable,
  selection: RunSelection,
  { by, labelKey, timeZone }: WorkflowRunGroupByInput,
  byStatus: readonly CountedGroup[],
): Promise<WorkflowRunGroup[]> {
  if (by === "STATUS") return filled(WORKFLOW_RUN_STATUSES, byStatus);
  if (by === "RESULT") {
    const results = byStatus.map(({ key, count }) => ({ key: resultOf(key as WorkflowRunStatus), count }));
    return filled(RESULTS, results);
  }
  if (by === "LABEL") return (await countByLabel(source, selection, labelKey!, MAX_LIST)).map(toGroup);
  if (by === "WORKFLOW") {
    const workflows = await countByWorkflow(source, selection, MAX_LIST);
    return workflows.map(({ key, name, count }) =>
      toGroup({ key: encodeId("Workflow", key), label: name, count }),
    );
  }
  const days = await countByDay(source, selection, timeZone, MAX_DAYS + 1);
  if (days.length > MAX_DAYS) throw badInput(`more than ${MAX_DAYS} days: bound \`filter.created\``);
  return days.map(toGroup);
}

/** Every key has its group, also without a run. */
function filled(keys: readonly string[], counted: readonly CountedGroup[]): WorkflowRunGroup[] {
  return keys.map((key) => {
    const alike = counted.filter((group) => group.key === key);
    return toGroup({ key, count: alike.reduce((sum, { count }) => sum + count, 0) });
  });
}

function toGroup(group: CountedGroup & { readonly label?: string }): WorkflowRunGroup {
  return Object.assign(new WorkflowRunGroup(), { label: null, ...group });
}
