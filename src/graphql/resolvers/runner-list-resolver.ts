import { Arg, Args, Ctx, FieldResolver, ID, Int, Query, Resolver, Root } from "type-graphql";
import { isSystemAdmin, type Viewer } from "../../domain/access.ts";
import { LEASE_MS } from "../../orchestration/runners.ts";
import { countRunners, listRunners, type RunnerRecord } from "../../persistence/queries/runners.ts";
import type { RequestContext } from "../context.ts";
import { ForwardArgs } from "../page-args.ts";
import { byName, pageOf } from "../page-of.ts";
import { DateTime } from "../scalars.ts";
import { mayRead, projectScope } from "../scope.ts";
import { Runner, RunnerConnection } from "../types/runner.ts";

@Resolver(() => Runner)
export class RunnerListResolver {
  @Query(() => RunnerConnection, {
    description:
      "Runners by name that work for a project, or for any that the viewer may read: its own, and those that work for all.",
  })
  async runners(
    @Ctx() context: RequestContext,
    @Args(() => ForwardArgs) args: ForwardArgs,
    @Arg("projectId", () => ID, { nullable: true, description: "Only for this project, by id or slug." })
    projectId?: string | null,
  ) {
    const { database } = context.engine;
    const projectIds = await projectScope(context, projectId);
    // Whoever is in no project has no runner that works for them.
    const sees = projectIds.length > 0 || isSystemAdmin(context.viewer);
    return await pageOf(RunnerConnection, args, {
      name: JSON.stringify(["runners", projectId ?? null]),
      ...byName,
      read: async ({ from, limit }) => (sees ? await listRunners(database, projectIds, from, limit) : []),
      toItem: Runner.from,
      count: async (cap) => (sees ? await countRunners(database, projectIds, cap) : 0),
    });
  }

  @FieldResolver(() => String, { nullable: true, description: "The host it runs on." })
  hostname(@Root() { record }: Runner, @Ctx() { viewer }: RequestContext): string | null {
    return seesAllOf(record, viewer) ? record.hostname : null;
  }

  @FieldResolver(() => String, { nullable: true, description: "Its Runcast version." })
  version(@Root() { record }: Runner, @Ctx() { viewer }: RequestContext): string | null {
    return seesAllOf(record, viewer) ? record.version : null;
  }

  @FieldResolver(() => [String], { nullable: true, description: "The queues it serves." })
  queues(@Root() { record }: Runner, @Ctx() { viewer }: RequestContext): readonly string[] | null {
    return seesAllOf(record, viewer) ? record.queues : null;
  }

  @FieldResolver(() => Boolean, { description: "It was heard of lately and may be given steps." })
  async online(@Root() { record }: Runner, @Ctx() { loaders }: RequestContext): Promise<boolean> {
    return (await loaders.runnerPulse.load(record.id))?.online ?? false;
  }

  @FieldResolver(() => DateTime, {
    nullable: true,
    description: "When it was last heard of; null when that is long ago.",
  })
  async lastSeenAt(
    @Root() { record }: Runner,
    @Ctx() { loaders, viewer }: RequestContext,
  ): Promise<Date | null> {
    if (!seesAllOf(record, viewer)) return null;
    const leaseUntil = (await loaders.runnerPulse.load(record.id))?.leaseUntil ?? null;
    return leaseUntil === null ? null : new Date(leaseUntil.getTime() - LEASE_MS);
  }

  @FieldResolver(() => Int, { nullable: true, description: "How many steps it executes now." })
  async runningSteps(
    @Root() { record }: Runner,
    @Ctx() { loaders, viewer }: RequestContext,
  ): Promise<number | null> {
    if (!seesAllOf(record, viewer)) return null;
    return (await loaders.runnerPulse.load(record.id))?.runningSteps ?? 0;
  }
}

/** A runner of one project is its members' business, one that works for all is the administrators'. */
function seesAllOf({ projectId }: RunnerRecord, viewer: Viewer): boolean {
  return projectId === null ? isSystemAdmin(viewer) : mayRead(viewer, projectId);
}

/** Whether there is such a runner for the viewer at all. */
export function seesRunner({ projectId }: RunnerRecord, viewer: Viewer): boolean {
  if (projectId !== null) return mayRead(viewer, projectId);
  return isSystemAdmin(viewer) || [...viewer.roles.keys()].some((id) => mayRead(viewer, id));
}
