import { Args, Ctx, Field, FieldResolver, ObjectType, Query, Resolver, Root } from "type-graphql";
import { type ProjectRole, roleIn, type Viewer as ViewerIdentity } from "../../domain/access.ts";
import { countTokens, listTokens } from "../../persistence/queries/accounts.ts";
import type { RequestContext } from "../context.ts";
import { ProjectRoleEnum } from "../enums.ts";
import { ForwardArgs } from "../page-args.ts";
import { byKey, pageOf } from "../page-of.ts";
import { DateTime } from "../scalars.ts";
import { readableProjects } from "../scope.ts";
import { ApiToken, ApiTokenConnection } from "../types/account.ts";
import { Actor } from "../types/actor.ts";
import { Project } from "../types/project.ts";

@ObjectType("Membership", { description: "A project that the viewer may read, and their role there." })
export class Membership {
  @Field(() => Project, { description: "The project." })
  project!: Project;

  @Field(() => ProjectRoleEnum, { description: "What the viewer may do there." })
  role!: ProjectRole;
}

@ObjectType("Viewer", { description: "Who is asking: the account behind the token." })
export class Viewer {
  @Field(() => Boolean, { description: "May do everything in every project." })
  systemAdmin!: boolean;

  @Field(() => DateTime, { nullable: true, description: "When the token stops being valid; null = never." })
  tokenExpiresAt!: Date | null;

  identity!: ViewerIdentity;
}

@Resolver(() => Viewer)
export class ViewerResolver {
  @Query(() => Viewer, { description: "Who is asking." })
  viewer(@Ctx() { viewer }: RequestContext): Viewer {
    const { systemAdmin, tokenExpiresAt } = viewer;
    return Object.assign(new Viewer(), { systemAdmin, tokenExpiresAt, identity: viewer });
  }

  @FieldResolver(() => Actor, { description: "The account." })
  async actor(@Root() { identity }: Viewer, @Ctx() { loaders }: RequestContext): Promise<Actor> {
    return Actor.from(await loaders.account.load(identity.accountId));
  }

  @FieldResolver(() => [Membership], { description: "The projects that the viewer may read, by slug." })
  async memberships(@Root() { identity }: Viewer, @Ctx() { engine }: RequestContext): Promise<Membership[]> {
    const projects = await readableProjects(engine.database, identity);
    return projects.map((project) =>
      Object.assign(new Membership(), { project: Project.from(project), role: roleIn(identity, project.id) }),
    );
  }

  @FieldResolver(() => ApiTokenConnection, {
    description:
      "The viewer's tokens, the newest first, also those that have ended; with a token that is limited to a project only those that are limited like it.",
  })
  async tokens(
    @Root() { identity }: Viewer,
    @Args(() => ForwardArgs) args: ForwardArgs,
    @Ctx() { engine }: RequestContext,
  ) {
    const whose = { accountId: identity.accountId, projectId: identity.onlyProjectId };
    return await pageOf(ApiTokenConnection, args, {
      name: `tokens of ${identity.accountId}`,
      ...byKey,
      read: async ({ from, limit }) => await listTokens(engine.database, whose, from, limit),
      toItem: ApiToken.from,
      count: async (cap) => await countTokens(engine.database, whose, cap),
    });
  }
}
