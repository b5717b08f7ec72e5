import { Arg, Args, Ctx, FieldResolver, Query, Resolver, Root } from "type-graphql";
import { foreignCursor, listCursor, readListCursor, readPage, toConnection } from "../connection.ts";
import type { RequestContext } from "../context.ts";
import { ForwardArgs } from "../page-args.ts";
import { ID } from "../scalars.ts";
import { readableProject, readableProjects } from "../scope.ts";
import { type Capability, Capability as CapabilityType, capability } from "../types/capability.ts";
import { Project, ProjectConnection } from "../types/project.ts";
import { WorkflowConnection } from "../types/workflow.ts";
import { pageOfWorkflows } from "./workflow-resolver.ts";

const LIST = "projects";

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
    const page = readPage(args);
    const all = await readableProjects(engine.database, viewer);
    const [after] = page.from === null ? [""] : readListCursor(LIST, page.from);
    if (typeof after !== "string") throw foreignCursor();
    const rows = all.filter(({ slug }) => slug > after).slice(0, page.limit + 1);
    return Object.assign(
      new ProjectConnection(),
      toConnection(
        rows,
        page,
        ({ slug }) => listCursor(LIST, [slug]),
        Project.from,
        async () => all.length,
      ),
    );
  }

  @FieldResolver(() => WorkflowConnection, { description: "Its workflows, by name." })
  async workflows(
    @Root() { key }: Project,
    @Args(() => ForwardArgs) args: ForwardArgs,
    @Ctx() context: RequestContext,
  ) {
    return await pageOfWorkflows(context, [key], args);
  }

  @FieldResolver(() => [CapabilityType], { description: "What the viewer may do in it." })
  can(@Root() { key }: Project, @Ctx() { viewer }: RequestContext): Capability[] {
    return [capability(viewer, key, "deployWorkflow", null)];
  }
}
