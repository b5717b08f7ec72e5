import {
  Arg,
  Args,
  Ctx,
  Field,
  FieldResolver,
  ID,
  InputType,
  Mutation,
  ObjectType,
  Query,
  Resolver,
  Root,
} from "type-graphql";
import { deployWorkflow } from "../../actions/deploy-workflow.ts";
import { keyOf } from "../../domain/ids.ts";
import { notFound } from "../../domain/refusals.ts";
import { countWorkflows, findWorkflowByName, listWorkflows } from "../../persistence/queries/workflows.ts";
import { foreignCursor, isKey, listCursor, readListCursor, readPage, toConnection } from "../connection.ts";
import type { RequestContext } from "../context.ts";
import { badInput } from "../errors.ts";
import { ForwardArgs } from "../page-args.ts";
import { findProject, found, readable, readableProject, readableProjects } from "../scope.ts";
import { Actor } from "../types/actor.ts";
import { Capability, capability } from "../types/capability.ts";
import { Project } from "../types/project.ts";
import { Workflow, WorkflowConnection, WorkflowVersion } from "../types/workflow.ts";
import { carryOut, MutationPayload } from "../user-errors.ts";

@InputType("DeployWorkflowInput", { description: "A workflow file to deploy." })
export class DeployWorkflowInput {
  @Field(() => ID, { description: "The project, by id or slug." })
  projectId!: string;

  @Field(() => String, {
    description: "The workflow file, YAML or JSON; the name in it says which workflow it is.",
  })
  source!: string;

  @Field(() => String, { nullable: true, description: "Handed back in the payload." })
  clientMutationId?: string | null;
}

@ObjectType("DeployWorkflowPayload", {
  implements: MutationPayload,
  description: "What became of a deployment.",
})
export class DeployWorkflowPayload extends MutationPayload {
  @Field(() => Workflow, { nullable: true, description: "The workflow." })
  workflow!: Workflow | null;

  @Field(() => WorkflowVersion, { nullable: true, description: "The version that has this source." })
  workflowVersion!: WorkflowVersion | null;

  @Field(() => Boolean, {
    nullable: true,
    description: "False when the newest version already had this very source.",
  })
  created!: boolean | null;
}

@Resolver(() => Workflow)
export class WorkflowResolver {
  @Query(() => Workflow, {
    nullable: true,
    description:
      "A workflow, by id or by project and name. Error NOT_FOUND when it does not exist for the viewer.",
  })
  async workflow(
    @Ctx() context: RequestContext,
    @Arg("id", () => ID, { nullable: true, description: "Its id." }) id?: string | null,
    @Arg("projectId", () => ID, { nullable: true, description: "Id or slug of its project, with `name`." })
    projectId?: string | null,
    @Arg("name", () => String, { nullable: true, description: "Its name in the project." }) name?:
      | string
      | null,
  ): Promise<Workflow> {
    const { loaders, viewer, engine } = context;
    if (id != null && projectId == null && name == null) {
      const key = keyOf("Workflow", id);
      return Workflow.from(found(readable(viewer, key === null ? null : await loaders.workflow.load(key))));
    }
    if (id != null || projectId == null || name == null)
      throw badInput("give `id`, or `projectId` and `name`");
    const project = await readableProject(context, projectId);
    return Workflow.from(found(await findWorkflowByName(engine.database, project.id, name)));
  }

  @Query(() => WorkflowConnection, {
    description: "Workflows by name: of one project, or of all that the viewer may read.",
  })
  async workflows(
    @Ctx() context: RequestContext,
    @Args(() => ForwardArgs) args: ForwardArgs,
    @Arg("projectId", () => ID, { nullable: true, description: "Only this project's, by id or slug." })
    projectId?: string | null,
  ) {
    const projects =
      projectId == null
        ? await readableProjects(context.engine.database, context.viewer)
        : [await readableProject(context, projectId)];
    return await pageOfWorkflows(
      context,
      projects.map(({ id }) => id),
      args,
    );
  }

  @Mutation(() => DeployWorkflowPayload, {
    nullable: true,
    description:
      "Deploys a workflow file: a new version of the workflow it names, which is created if need be. The same source again changes nothing. All faults of a file are answered at once, with line and column.",
  })
  async deployWorkflow(
    @Arg("input", () => DeployWorkflowInput, { description: "What to deploy, and where." })
    input: DeployWorkflowInput,
    @Ctx() context: RequestContext,
  ): Promise<DeployWorkflowPayload> {
    const { engine, viewer, loaders } = context;
    return await carryOut(
      DeployWorkflowPayload,
      input.clientMutationId,
      async () => {
        const project = await findProject(context, input.projectId);
        if (project === null) throw notFound("input.projectId");
        const { workflowId, versionId, created } = await deployWorkflow(engine, viewer, {
          projectId: project.id,
          source: input.source,
        });
        const [workflow, version] = await Promise.all([
          loaders.workflow.load(workflowId),
          loaders.version.load(versionId),
        ]);
        return {
          workflow: Workflow.from(workflow!),
          workflowVersion: WorkflowVersion.from(version!),
          created,
        };
      },
      { workflow: null, workflowVersion: null, created: null },
    );
  }

  @FieldResolver(() => Project, { description: "The project it belongs to." })
  async project(@Root() { record }: Workflow, @Ctx() { loaders }: RequestContext): Promise<Project> {
    return Project.from((await loaders.project.load(record.projectId))!);
  }

  @FieldResolver(() => WorkflowVersion, { description: "Its newest version: what a new run executes." })
  async latestVersion(
    @Root() { record }: Workflow,
    @Ctx() { loaders }: RequestContext,
  ): Promise<WorkflowVersion> {
    return WorkflowVersion.from((await loaders.version.load(record.latestVersionId))!);
  }

  @FieldResolver(() => [Capability], { description: "What the viewer may do with it." })
  can(@Root() { record }: Workflow, @Ctx() { viewer }: RequestContext): Capability[] {
    return [capability(viewer, record.projectId, "triggerWorkflowRun", null)];
  }
}

@Resolver(() => WorkflowVersion)
export class WorkflowVersionResolver {
  @FieldResolver(() => Workflow, { description: "The workflow it is a version of." })
  async workflow(@Root() { record }: WorkflowVersion, @Ctx() { loaders }: RequestContext): Promise<Workflow> {
    return Workflow.from((await loaders.workflow.load(record.workflowId))!);
  }

  @FieldResolver(() => Actor, { description: "Who deployed it." })
  async createdBy(@Root() { record }: WorkflowVersion, @Ctx() { loaders }: RequestContext): Promise<Actor> {
    return Actor.from(await loaders.account.load(record.createdBy));
  }
}

/** Workflows of these projects by name. */
export async function pageOfWorkflows(
  { engine }: RequestContext,
  projectIds: readonly string[],
  args: ForwardArgs,
) {
  const page = readPage(args);
  const list = "workflows";
  const [name, id] = page.from === null ? [] : readListCursor(list, page.from);
  if (page.from !== null && (typeof name !== "string" || !isKey(id))) throw foreignCursor();
  const after = typeof name === "string" && isKey(id) ? { name, id } : null;
  const rows = await listWorkflows(engine.database, projectIds, after, page.limit + 1);
  return Object.assign(
    new WorkflowConnection(),
    toConnection(
      rows,
      page,
      (row) => listCursor(list, [row.name, row.id]),
      Workflow.from,
      async (cap) => await countWorkflows(engine.database, projectIds, cap),
    ),
  );
}
