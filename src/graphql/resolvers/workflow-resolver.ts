import { Arg, Args, Ctx, FieldResolver, ID, Query, Resolver, Root } from "type-graphql";
import { keyOf } from "../../domain/ids.ts";
import {
  countWorkflows,
  findWorkflowByName,
  listVersions,
  listWorkflows,
  type WorkflowVersionRecord,
} from "../../persistence/queries/workflows.ts";
import type { RequestContext } from "../context.ts";
import { badInput } from "../errors.ts";
import { ForwardArgs } from "../page-args.ts";
import { byName, pageOf, positionIn } from "../page-of.ts";
import { found, projectScope, readable, readableProject } from "../scope.ts";
import { Actor } from "../types/actor.ts";
import { Capability, capability } from "../types/capability.ts";
import { Project } from "../types/project.ts";
import {
  Workflow,
  WorkflowConnection,
  WorkflowInput,
  WorkflowVersion,
  WorkflowVersionConnection,
} from "../types/workflow.ts";

export const INCLUDE_ARCHIVED = "Also those that are archived.";

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
    @Arg("includeArchived", () => Boolean, { defaultValue: false, description: INCLUDE_ARCHIVED })
    includeArchived = false,
  ) {
    return await pageOfWorkflows(context, await projectScope(context, projectId), args, includeArchived);
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
    const { projectId, archivedAt, projectArchivedAt } = record;
    const inProject = projectArchivedAt === null ? null : "the project is archived";
    const asleep = inProject ?? (archivedAt === null ? null : "the workflow is archived");
    const actions = { triggerWorkflowRun: asleep, deployWorkflow: asleep, ...NEVER_HINDERED };
    return Object.entries(actions).map(([action, obstacle]) =>
      capability(viewer, projectId, action as keyof typeof actions, obstacle),
    );
  }

  @FieldResolver(() => String, { nullable: true, description: "What its newest version says it is for." })
  async description(
    @Root() { record }: Workflow,
    @Ctx() { loaders }: RequestContext,
  ): Promise<string | null> {
    return (await loaders.versionInterface.load(record.latestVersionId))!.description;
  }

  @FieldResolver(() => [WorkflowInput], {
    description: "What a run of its newest version can be started with, in the order of the file.",
  })
  async inputs(@Root() { record }: Workflow, @Ctx() { loaders }: RequestContext): Promise<WorkflowInput[]> {
    const { inputs } = (await loaders.versionInterface.load(record.latestVersionId))!;
    return inputs.map(WorkflowInput.from);
  }

  @FieldResolver(() => WorkflowVersionConnection, { description: "Its versions, the newest first." })
  async versions(
    @Root() { record }: Workflow,
    @Args(() => ForwardArgs) args: ForwardArgs,
    @Ctx() { engine }: RequestContext,
  ) {
    return await pageOf(WorkflowVersionConnection, args, {
      name: `versions of ${record.id}`,
      keyOf: ({ version }: WorkflowVersionRecord) => [version],
      positionOf: positionIn,
      read: async ({ from, limit }) => await listVersions(engine.database, record.id, from, limit),
      toItem: WorkflowVersion.from,
      count: async () => record.latestVersion,
    });
  }
}

/** Done already, they are no refusal: the caller has what they ask for. */
const NEVER_HINDERED = { renameWorkflow: null, archiveWorkflow: null, unarchiveWorkflow: null } as const;

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
  includeArchived: boolean,
) {
  const { database } = engine;
  return await pageOf(WorkflowConnection, args, {
    name: includeArchived ? "workflows with archived" : "workflows",
    ...byName,
    read: async ({ from, limit }) => await listWorkflows(database, projectIds, from, limit, includeArchived),
    toItem: Workflow.from,
    count: async (cap) => await countWorkflows(database, projectIds, cap, includeArchived),
  });
}
