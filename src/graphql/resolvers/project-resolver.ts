import { Arg, Args, Ctx, FieldResolver, Query, Resolver, Root } from "type-graphql";
import { roleIn } from "../../domain/access.ts";
import { ForbiddenError } from "../../domain/refusals.ts";
import { countMembers, listMembers, listServiceAccounts } from "../../persistence/queries/accounts.ts";
import type { ProjectRecord } from "../../persistence/queries/people.ts";
import type { RequestContext } from "../context.ts";
import { ForwardArgs } from "../page-args.ts";
import { byUsername, pageOf, textIn } from "../page-of.ts";
import { ID } from "../scalars.ts";
import { readableProject, readableProjects } from "../scope.ts";
import { ProjectMember, ProjectMemberConnection, ServiceAccount } from "../types/account.ts";
import { type Capability, Capability as CapabilityType, capability } from "../types/capability.ts";
import { Project, ProjectConnection } from "../types/project.ts";
import { WorkflowConnection } from "../types/workflow.ts";
import { INCLUDE_ARCHIVED, pageOfWorkflows } from "./workflow-resolver.ts";

@Resolver(() => Project)
export class ProjectResolver {
  @Query(() => Project, {
    nullable: true,
    description: "A project. Error NOT_FOUND when it does not exist for the viewer.",
  })
  async project(
    @Arg("id", () => ID, { description: "Its id or its slug." }) id: string,
    @Ctx() context: RequestContext,
  ): Promise<Project> {
    return Project.from(await readableProject(context, id));
  }

  @Query(() => ProjectConnection, { description: "The projects that the viewer may read, by slug." })
  async projects(@Args(() => ForwardArgs) args: ForwardArgs, @Ctx() { engine, viewer }: RequestContext) {
    const all = await readableProjects(engine.database, viewer);
    return await pageOf(ProjectConnection, args, {
      name: "projects",
      keyOf: ({ slug }: ProjectRecord) => [slug],
      positionOf: textIn,
      read: async ({ from, limit }) => all.filter(({ slug }) => slug > (from ?? "")).slice(0, limit),
      toItem: Project.from,
      count: async () => all.length,
    });
  }

  @FieldResolver(() => WorkflowConnection, { description: "Its workflows, by name." })
  async workflows(
    @Root() { key }: Project,
    @Args(() => ForwardArgs) args: ForwardArgs,
    @Ctx() context: RequestContext,
    @Arg("includeArchived", () => Boolean, { defaultValue: false, description: INCLUDE_ARCHIVED })
    includeArchived: boolean,
  ) {
    return await pageOfWorkflows(context, [key], args, includeArchived);
  }

  @FieldResolver(() => ProjectMemberConnection, { description: "Who has a role in it, by username." })
  async members(
    @Root() { key }: Project,
    @Args(() => ForwardArgs) args: ForwardArgs,
    @Ctx() { engine }: RequestContext,
  ) {
    return await pageOf(ProjectMemberConnection, args, {
      name: `members of ${key}`,
      ...byUsername,
      read: async ({ from, limit }) => await listMembers(engine.database, key, from ?? "", limit),
      toItem: ProjectMember.from,
      count: async (cap) => await countMembers(engine.database, key, cap),
    });
  }

  @FieldResolver(() => [ServiceAccount], {
    nullable: true,
    description: "The service accounts among its members, with their tokens. Needs the role PROJECT_ADMIN.",
  })
  async serviceAccounts(
    @Root() { key }: Project,
    @Ctx() { engine, viewer }: RequestContext,
  ): Promise<ServiceAccount[]> {
    if (roleIn(viewer, key) !== "PROJECT_ADMIN")
      throw new ForbiddenError("serviceAccounts needs the role PROJECT_ADMIN");
    return (await listServiceAccounts(engine.database, key)).map((record) =>
      ServiceAccount.from(record, key),
    );
  }

  @FieldResolver(() => [CapabilityType], { description: "What the viewer may do in it." })
  can(@Root() { key, archivedAt }: Project, @Ctx() { viewer }: RequestContext): Capability[] {
    const asleep = archivedAt === null ? null : "the project is archived";
    return [
      capability(viewer, key, "deployWorkflow", asleep),
      ...MANAGEMENT.map((action) => capability(viewer, key, action, null)),
    ];
  }
}

const MANAGEMENT = [
  "updateProject",
  "archiveProject",
  "unarchiveProject",
  "setProjectMember",
  "removeProjectMember",
  "createServiceAccount",
  "createRunnerToken",
] as const;
