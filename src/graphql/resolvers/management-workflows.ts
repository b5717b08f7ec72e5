import { Arg, Ctx, Mutation, Resolver } from "type-graphql";
import { archiveWorkflow, unarchiveWorkflow } from "../../actions/archive-workflow.ts";
import type { CommandOptions } from "../../actions/command.ts";
import { deployWorkflow } from "../../actions/deploy-workflow.ts";
import { renameWorkflow } from "../../actions/rename-workflow.ts";
import { commandOptions } from "../command-input.ts";
import type { RequestContext } from "../context.ts";
import { keyIn } from "../inputs/selectors.ts";
import { projectIn } from "../scope.ts";
import { Workflow, WorkflowVersion } from "../types/workflow.ts";
import {
  ArchiveWorkflowInput,
  DeployWorkflowInput,
  DeployWorkflowPayload,
  RenameWorkflowInput,
  WorkflowPayload,
} from "../types/workflow-commands.ts";
import { carryOut } from "../user-errors.ts";

@Resolver()
export class ManagementWorkflows {
  @Mutation(() => DeployWorkflowPayload, {
    nullable: true,
    description:
      "Deploys a workflow file: a new version of the workflow it names, which is created if need be. The same source again changes nothing. All faults of a file are answered at once, with line and column. Refusals: NotFound, ValidationFailed, InvalidState, RevisionConflict, IdempotencyConflict.",
  })
  async deployWorkflow(
    @Arg("input", () => DeployWorkflowInput, { description: "What to deploy, and where." })
    input: DeployWorkflowInput,
    @Ctx() context: RequestContext,
  ): Promise<DeployWorkflowPayload> {
    return await carryOut(
      DeployWorkflowPayload,
      input.clientMutationId,
      async () => {
        const { version, created, ...keys } = await deploy(input, context);
        const { loaders } = context;
        const [workflow, workflowVersion] = await Promise.all([
          loaders.workflow.load(keys.workflowId),
          loaders.version.load(keys.versionId),
        ]);
        return {
          workflow: workflow === null ? null : Workflow.from(workflow),
          workflowVersion: workflowVersion === null ? null : WorkflowVersion.from(workflowVersion),
          version,
          created,
        };
      },
      { workflow: null, workflowVersion: null, version: null, created: null },
    );
  }

  @Mutation(() => WorkflowPayload, {
    nullable: true,
    description:
      "Gives a workflow another name; its runs keep the one they were made under. Refusals: NotFound, ValidationFailed, RevisionConflict.",
  })
  async renameWorkflow(
    @Arg("input", () => RenameWorkflowInput, { description: "Which workflow, and its name." })
    input: RenameWorkflowInput,
    @Ctx() context: RequestContext,
  ): Promise<WorkflowPayload> {
    return await changed(input, context, async (workflowId, options) => {
      await renameWorkflow(context.engine, context.viewer, { workflowId, name: input.name }, options);
    });
  }

  @Mutation(() => WorkflowPayload, {
    nullable: true,
    description:
      "Archives a workflow: it makes no more runs and takes no more versions; what runs, runs on. Refusals: NotFound, RevisionConflict.",
  })
  async archiveWorkflow(
    @Arg("input", () => ArchiveWorkflowInput, { description: "Which workflow." })
    input: ArchiveWorkflowInput,
    @Ctx() context: RequestContext,
  ): Promise<WorkflowPayload> {
    return await changed(input, context, async (workflowId, options) => {
      await archiveWorkflow(context.engine, context.viewer, workflowId, options);
    });
  }

  @Mutation(() => WorkflowPayload, {
    nullable: true,
    description: "Takes a workflow out of the archive. Refusals: NotFound, RevisionConflict.",
  })
  async unarchiveWorkflow(
    @Arg("input", () => ArchiveWorkflowInput, { description: "Which workflow." })
    input: ArchiveWorkflowInput,
    @Ctx() context: RequestContext,
  ): Promise<WorkflowPayload> {
    return await changed(input, context, async (workflowId, options) => {
      await unarchiveWorkflow(context.engine, context.viewer, workflowId, options);
    });
  }
}

async function deploy(input: DeployWorkflowInput, context: RequestContext) {
  const project = await projectIn(context, input.projectId);
  const workflowId =
    input.workflowId == null ? null : keyIn("Workflow", input.workflowId, "input.workflowId");
  const request = { projectId: project.id, source: input.source, workflowId };
  return await deployWorkflow(context.engine, context.viewer, request, commandOptions(input));
}

async function changed(
  input: RenameWorkflowInput | ArchiveWorkflowInput,
  { loaders }: RequestContext,
  change: (workflowId: string, options: CommandOptions) => Promise<void>,
): Promise<WorkflowPayload> {
  return await carryOut(
    WorkflowPayload,
    input.clientMutationId,
    async () => {
      const workflowId = keyIn("Workflow", input.workflowId, "input.workflowId");
      await change(workflowId, commandOptions(input));
      const record = await loaders.workflow.clear(workflowId).load(workflowId);
      return { workflow: record === null ? null : Workflow.from(record) };
    },
    { workflow: null },
  );
}
