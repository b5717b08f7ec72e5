import { Arg, Ctx, Mutation, Resolver } from "type-graphql";
import { cancelWorkflowRun } from "../../actions/cancel-workflow-run.ts";
import { deleteWorkflowRun } from "../../actions/delete-workflow-run.ts";
import { finalizeWorkflowRun } from "../../actions/finalize-workflow-run.ts";
import { annotateWorkflowRun, setWorkflowRunLabels } from "../../actions/label-workflow-run.ts";
import { pauseWorkflowRun, resumeWorkflowRun } from "../../actions/pause-workflow-run.ts";
import { startWorkflowRun } from "../../actions/start-workflow-run.ts";
import { commandOptions } from "../command-input.ts";
import type { RequestContext } from "../context.ts";
import {
  AnnotateWorkflowRunInput,
  CancelWorkflowRunInput,
  DeleteWorkflowRunInput,
  FinalizeWorkflowRunInput,
  PauseWorkflowRunInput,
  ResumeWorkflowRunInput,
  SetWorkflowRunLabelsInput,
  StartWorkflowRunInput,
} from "../inputs/run-commands.ts";
import { readOverrides } from "../inputs/run-options.ts";
import { keyIn } from "../inputs/selectors.ts";
import { readTextChanges } from "../read-json.ts";
import { type RunPayload, runPayload } from "../types/command-payloads.ts";
import { WorkflowRun } from "../types/workflow-run.ts";
import { carryOut } from "../user-errors.ts";

const StartPayload = runPayload("StartWorkflowRunPayload", "What became of a start.");
const CancelPayload = runPayload("CancelWorkflowRunPayload", "What became of a cancel.");
const PausePayload = runPayload("PauseWorkflowRunPayload", "What became of a pause.");
const ResumePayload = runPayload("ResumeWorkflowRunPayload", "What became of a resume.");
const FinalizePayload = runPayload("FinalizeWorkflowRunPayload", "What became of a finalization.");
const DeletePayload = runPayload(
  "DeleteWorkflowRunPayload",
  "What became of a deletion. `workflowRun` is null: the run is gone.",
);
const LabelsPayload = runPayload("SetWorkflowRunLabelsPayload", "What became of a change of labels.");
const AnnotatePayload = runPayload("AnnotateWorkflowRunPayload", "What became of an annotation.");

const REFUSALS = "NotFound, InvalidState, RevisionConflict, IdempotencyConflict, ValidationFailed, Busy";

@Resolver()
export class RunMutations {
  @Mutation(() => StartPayload, {
    nullable: true,
    description: `Starts a run that was made with \`start: MANUAL\`. Legal in PENDING. Refusals: ${REFUSALS}.`,
  })
  async startWorkflowRun(
    @Arg("input", () => StartWorkflowRunInput, { description: "Which run, and what to change about it." })
    input: StartWorkflowRunInput,
    @Ctx() context: RequestContext,
  ): Promise<RunPayload> {
    return await onRun(StartPayload, input, context, async (request) => {
      await startWorkflowRun(context.engine, context.viewer, { ...request, overrides: readOverrides(input) });
    });
  }

  @Mutation(() => CancelPayload, {
    nullable: true,
    description: `Asks for the end of a run that has not ended. Steps without a process end at once, the others when their processes are confirmed dead: the run is CANCELED, or CANCELING until then. Asking again changes nothing; FORCE overrides GRACEFUL. Refusals: ${REFUSALS}.`,
  })
  async cancelWorkflowRun(
    @Arg("input", () => CancelWorkflowRunInput, { description: "Which run to end, and how." })
    input: CancelWorkflowRunInput,
    @Ctx() context: RequestContext,
  ): Promise<RunPayload> {
    const { mode, reason = null } = input;
    return await onRun(CancelPayload, input, context, async (request) => {
      await cancelWorkflowRun(context.engine, context.viewer, { ...request, mode, reason });
    });
  }

  @Mutation(() => PausePayload, {
    nullable: true,
    description: `Holds a run: none of its steps is claimed until it is resumed. Approvals and completions are accepted meanwhile, and its timeout goes on. Legal in QUEUED, RUNNING and WAITING. Refusals: ${REFUSALS}.`,
  })
  async pauseWorkflowRun(
    @Arg("input", () => PauseWorkflowRunInput, { description: "Which run to hold, and how." })
    input: PauseWorkflowRunInput,
    @Ctx() context: RequestContext,
  ): Promise<RunPayload> {
    const { mode, reason = null } = input;
    return await onRun(PausePayload, input, context, async (request) => {
      await pauseWorkflowRun(context.engine, context.viewer, { ...request, mode, reason });
    });
  }

  @Mutation(() => ResumePayload, {
    nullable: true,
    description: `Lets a paused run go on. Legal in PAUSED. Refusals: ${REFUSALS}.`,
  })
  async resumeWorkflowRun(
    @Arg("input", () => ResumeWorkflowRunInput, { description: "Which run." })
    input: ResumeWorkflowRunInput,
    @Ctx() context: RequestContext,
  ): Promise<RunPayload> {
    return await onRun(ResumePayload, input, context, async (request) => {
      await resumeWorkflowRun(context.engine, context.viewer, request);
    });
  }

  @Mutation(() => FinalizePayload, {
    nullable: true,
    description: `Seals a run that has ended: it is never reopened and takes no more logs. Sealing it again changes nothing. Refusals: ${REFUSALS}.`,
  })
  async finalizeWorkflowRun(
    @Arg("input", () => FinalizeWorkflowRunInput, { description: "Which run." })
    input: FinalizeWorkflowRunInput,
    @Ctx() context: RequestContext,
  ): Promise<RunPayload> {
    return await onRun(FinalizePayload, input, context, async (request) => {
      await finalizeWorkflowRun(context.engine, context.viewer, { ...request, force: input.force });
    });
  }

  @Mutation(() => DeletePayload, {
    nullable: true,
    description: `Deletes a run that has ended, with its events, logs and everything else that belongs to it. It is hidden at once; streams that follow it end with RunDeleted. Refusals: ${REFUSALS}.`,
  })
  async deleteWorkflowRun(
    @Arg("input", () => DeleteWorkflowRunInput, { description: "Which run." })
    input: DeleteWorkflowRunInput,
    @Ctx() context: RequestContext,
  ): Promise<RunPayload> {
    return await onRun(DeletePayload, input, context, async (request) => {
      await deleteWorkflowRun(context.engine, context.viewer, { ...request, force: input.force });
    });
  }

  @Mutation(() => LabelsPayload, {
    nullable: true,
    description: `Changes the labels that a run is found by. Legal in every state. Refusals: ${REFUSALS}.`,
  })
  async setWorkflowRunLabels(
    @Arg("input", () => SetWorkflowRunLabelsInput, { description: "Which run, and its labels." })
    input: SetWorkflowRunLabelsInput,
    @Ctx() context: RequestContext,
  ): Promise<RunPayload> {
    return await onRun(LabelsPayload, input, context, async (request) => {
      const changes = readTextChanges("input.labels", input.labels);
      const { replace } = input;
      await setWorkflowRunLabels(context.engine, context.viewer, { ...request, changes, replace });
    });
  }

  @Mutation(() => AnnotatePayload, {
    nullable: true,
    description: `Leaves notes on a run, or takes them away. Legal in every state. Refusals: ${REFUSALS}.`,
  })
  async annotateWorkflowRun(
    @Arg("input", () => AnnotateWorkflowRunInput, { description: "Which run, and what to note." })
    input: AnnotateWorkflowRunInput,
    @Ctx() context: RequestContext,
  ): Promise<RunPayload> {
    return await onRun(AnnotatePayload, input, context, async (request) => {
      const changes = readTextChanges("input.annotations", input.annotations);
      const { replace } = input;
      await annotateWorkflowRun(context.engine, context.viewer, { ...request, changes, replace });
    });
  }
}

type RunInput = Parameters<typeof commandOptions>[0] & { readonly workflowRunId: string };
type RunRequest = { readonly runId: string; readonly command: ReturnType<typeof commandOptions> };

/** The way of every command to one run: its key, its options, what it does, and the run as it is then. */
async function onRun(
  payload: new () => RunPayload,
  input: RunInput,
  context: RequestContext,
  act: (request: RunRequest) => Promise<void>,
): Promise<RunPayload> {
  return await carryOut(
    payload,
    input.clientMutationId,
    async () => {
      const runId = keyIn("WorkflowRun", input.workflowRunId, "input.workflowRunId");
      await act({ runId, command: commandOptions(input) });
      return { workflowRun: await readRun(context, runId) };
    },
    { workflowRun: null },
  );
}

/** Null when it is gone, or never was: a dry run leaves none. */
export async function readRun({ loaders }: RequestContext, id: string): Promise<WorkflowRun | null> {
  const record = await loaders.run.load(id);
  return record === null ? null : WorkflowRun.from(record);
}
