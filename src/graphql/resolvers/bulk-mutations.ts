import { Arg, Ctx, Mutation, Resolver } from "type-graphql";
import type { BulkTask } from "../../actions/bulk-item.ts";
import { BULK_AT_ONCE, type BulkSelection, bulkRuns } from "../../actions/bulk-runs.ts";
import { checkReason } from "../../actions/command-run.ts";
import { checkLabelChanges } from "../../actions/label-workflow-run.ts";
import { type MutationName, roleIn } from "../../domain/access.ts";
import { isBulkSuccess } from "../../domain/bulk.ts";
import { keyOf } from "../../domain/ids.ts";
import { invalidValue, notFound } from "../../domain/refusals.ts";
import { isTerminal, WORKFLOW_RUN_STATUSES } from "../../domain/statuses.ts";
import { commandOptions } from "../command-input.ts";
import type { RequestContext } from "../context.ts";
import {
  type BulkInput,
  CancelWorkflowRunsInput,
  DeleteWorkflowRunsInput,
  ReplayWorkflowRunsInput,
  RetryWorkflowRunsInput,
  SetWorkflowRunsLabelsInput,
} from "../inputs/bulk-commands.ts";
import { keyIn } from "../inputs/selectors.ts";
import { readTextChanges } from "../read-json.ts";
import { readableProjects } from "../scope.ts";
import { BulkItem, BulkOperation, bulkPayload } from "../types/bulk-operation.ts";
import { readRunFilter } from "../types/workflow-run-filter.ts";
import { carryOut } from "../user-errors.ts";

const CancelPayload = bulkPayload(
  "CancelWorkflowRunsPayload",
  "canceledCount",
  "What became of the cancels.",
);
const ReplayPayload = bulkPayload(
  "ReplayWorkflowRunsPayload",
  "replayedCount",
  "What became of the replays.",
);
const RetryPayload = bulkPayload("RetryWorkflowRunsPayload", "retriedCount", "What became of the retries.");
const DeletePayload = bulkPayload(
  "DeleteWorkflowRunsPayload",
  "deletedCount",
  "What became of the deletions.",
);
const LabelPayload = bulkPayload(
  "SetWorkflowRunsLabelsPayload",
  "labeledCount",
  "What became of the labels.",
);
type Payload = InstanceType<typeof CancelPayload>;

const TELLS =
  "Each run has its own outcome; up to 100 runs are done when this answers, more go on as a BulkOperation. Refusals: NotFound (the workflow), ValidationFailed, LimitExceeded, IdempotencyConflict, Busy.";
const NOTHING = { items: [], total: 0, operation: null, successCount: 0, failedCount: 0 };

@Resolver()
export class BulkMutations {
  @Mutation(() => CancelPayload, {
    nullable: true,
    description: `Asks for the end of many runs; see \`cancelWorkflowRun\`. ${TELLS}`,
  })
  async cancelWorkflowRuns(
    @Arg("input", () => CancelWorkflowRunsInput, { description: "Which runs, and how." })
    input: CancelWorkflowRunsInput,
    @Ctx() context: RequestContext,
  ): Promise<Payload> {
    const { mode, reason = null } = input;
    return await onRuns(CancelPayload, "cancelWorkflowRuns", input, context, () => {
      checkReason(reason);
      return { action: "CANCEL", mode, reason };
    });
  }

  @Mutation(() => ReplayPayload, {
    nullable: true,
    description: `Does many runs that have ended again, each as a new run; see \`retryWorkflowRun\`. ${TELLS}`,
  })
  async replayWorkflowRuns(
    @Arg("input", () => ReplayWorkflowRunsInput, { description: "Which runs, and how much of each." })
    input: ReplayWorkflowRunsInput,
    @Ctx() context: RequestContext,
  ): Promise<Payload> {
    const { mode, version } = input;
    return await onRuns(ReplayPayload, "replayWorkflowRuns", input, context, () => {
      if (mode === "FROM_STEPS") throw invalidValue("input.mode", "FROM_STEPS is not for many runs");
      return { action: "REPLAY", mode, version };
    });
  }

  @Mutation(() => RetryPayload, {
    nullable: true,
    description: `Does many runs again from where they failed, each as a new run; see \`retryWorkflowRun\`. ${TELLS}`,
  })
  async retryWorkflowRuns(
    @Arg("input", () => RetryWorkflowRunsInput, { description: "Which runs." })
    input: RetryWorkflowRunsInput,
    @Ctx() context: RequestContext,
  ): Promise<Payload> {
    const { version } = input;
    return await onRuns(RetryPayload, "retryWorkflowRuns", input, context, () => {
      return { action: "RETRY", mode: "FROM_FAILED", version };
    });
  }

  @Mutation(() => DeletePayload, {
    nullable: true,
    description: `Deletes many runs; see \`deleteWorkflowRun\`. ${TELLS}`,
  })
  async deleteWorkflowRuns(
    @Arg("input", () => DeleteWorkflowRunsInput, { description: "Which runs." })
    input: DeleteWorkflowRunsInput,
    @Ctx() context: RequestContext,
  ): Promise<Payload> {
    const { force } = input;
    return await onRuns(DeletePayload, "deleteWorkflowRuns", input, context, () => {
      return { action: "DELETE", force };
    });
  }

  @Mutation(() => LabelPayload, {
    nullable: true,
    description: `Changes the labels of many runs; see \`setWorkflowRunLabels\`. ${TELLS}`,
  })
  async setWorkflowRunsLabels(
    @Arg("input", () => SetWorkflowRunsLabelsInput, { description: "Which runs, and their labels." })
    input: SetWorkflowRunsLabelsInput,
    @Ctx() context: RequestContext,
  ): Promise<Payload> {
    const { replace } = input;
    return await onRuns(LabelPayload, "setWorkflowRunsLabels", input, context, () => {
      const labels = readTextChanges("input.labels", input.labels);
      checkLabelChanges(labels);
      return { action: "LABEL", labels, replace };
    });
  }
}

async function onRuns(
  payload: new () => Payload,
  mutation: MutationName,
  input: BulkInput,
  context: RequestContext,
  readTask: () => BulkTask,
): Promise<Payload> {
  return await carryOut(
    payload,
    input.clientMutationId,
    async () => {
      const task = readTask();
      const { selection, unknown } = await readSelection(input, task, context);
      const command = commandOptions(input);
      const { engine, viewer, loaders } = context;
      const answer = await bulkRuns(engine, viewer, { mutation, task, selection, command });
      const operation =
        answer.operationId === null ? null : await loaders.bulkOperation.load(answer.operationId);
      const items = [...answer.items.map(BulkItem.from), ...unknown.map(BulkItem.unknown)];
      const successCount = items.filter(({ outcome }) => outcome !== null && isBulkSuccess(outcome)).length;
      return {
        items,
        total: answer.total + unknown.length,
        operation: operation === null ? null : BulkOperation.from(operation),
        successCount,
        failedCount: items.length - successCount,
      };
    },
    NOTHING,
  );
}

/** Ids that name nothing are told apart here: they are no runs that anything could be stored about. */
async function readSelection(
  { runs: { ids, workflowId, filter } }: BulkInput,
  { action }: BulkTask,
  context: RequestContext,
): Promise<{ selection: BulkSelection; unknown: readonly string[] }> {
  if (ids != null) {
    if (ids.length > BULK_AT_ONCE) throw invalidValue("input.runs.ids", `at most ${BULK_AT_ONCE} runs`);
    const given = [...new Set(ids)].map((id) => ({ id, key: keyOf("WorkflowRun", id) }));
    const runIds = given.flatMap(({ key }) => key ?? []);
    return { selection: { runIds }, unknown: given.flatMap(({ id, key }) => (key === null ? id : [])) };
  }
  if (workflowId != null) {
    const key = keyIn("Workflow", workflowId, "input.runs.workflowId");
    const workflow = await context.loaders.workflow.load(key);
    if (workflow === null || roleIn(context.viewer, workflow.projectId) === null) {
      throw notFound("input.runs.workflowId");
    }
    const status = WORKFLOW_RUN_STATUSES.filter((one) => isTerminal(one) !== (action === "CANCEL"));
    const projectIds = [workflow.projectId];
    return { selection: { projectIds, filter: { workflowIds: [key], status } }, unknown: [] };
  }
  const projects = await readableProjects(context.engine.database, context.viewer);
  const projectIds = projects.map(({ id }) => id);
  return { selection: { projectIds, filter: readRunFilter(filter ?? {}) }, unknown: [] };
}
