import { Arg, Args, Ctx, FieldResolver, ID, Query, Resolver, Root } from "type-graphql";
import { ACCESS, roleIn, roleSatisfies } from "../../domain/access.ts";
import { ForbiddenError } from "../../domain/refusals.ts";
import { countAuditEntries, listAuditEntries } from "../../persistence/queries/audit-log.ts";
import type { RequestContext } from "../context.ts";
import { PagingArgs } from "../page-args.ts";
import { byKey, pageOf } from "../page-of.ts";
import { readableProject } from "../scope.ts";
import { Actor } from "../types/actor.ts";
import { AuditEntry, AuditEntryConnection } from "../types/audit-entry.ts";
import { AuditFilterInput, readAuditFilter } from "../types/audit-filter.ts";

@Resolver(() => AuditEntry)
export class AuditResolver {
  @Query(() => AuditEntryConnection, {
    description:
      "The commands that people and programs gave in a project, newest first. What runners do is told by the events of the runs.",
  })
  async auditLog(
    @Ctx() context: RequestContext,
    @Args(() => PagingArgs) args: PagingArgs,
    @Arg("projectId", () => ID, { description: "The project, by id or slug." }) projectIdOrSlug: string,
    @Arg("filter", () => AuditFilterInput, { nullable: true, description: "Only these." })
    filter?: AuditFilterInput | null,
  ) {
    const { database } = context.engine;
    const { id: projectId } = await readableProject(context, projectIdOrSlug);
    const required = ACCESS.Query.auditLog;
    if (!roleSatisfies(roleIn(context.viewer, projectId), required))
      throw new ForbiddenError(`auditLog needs the role ${required}`);
    const conditions = readAuditFilter(filter ?? {});
    return await pageOf(AuditEntryConnection, args, {
      name: JSON.stringify(["audit", projectId, conditions]),
      ...byKey,
      read: async (window) => await listAuditEntries(database, { projectId, filter: conditions, ...window }),
      toItem: AuditEntry.from,
      count: async (cap) => await countAuditEntries(database, projectId, conditions, cap),
    });
  }

  @FieldResolver(() => Actor, { description: "Who gave it." })
  async actor(@Root() { record }: AuditEntry, @Ctx() { loaders }: RequestContext): Promise<Actor> {
    return Actor.from(record.actorId === null ? null : await loaders.account.load(record.actorId));
  }
}
