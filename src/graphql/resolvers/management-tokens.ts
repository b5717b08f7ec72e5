import { Arg, Ctx, FieldResolver, Mutation, Resolver, Root } from "type-graphql";
import { createRunnerToken } from "../../actions/create-runner-token.ts";
import { createToken } from "../../actions/create-token.ts";
import { revokeToken } from "../../actions/revoke-token.ts";
import { findTokenInfo } from "../../persistence/queries/accounts.ts";
import { commandOptions } from "../command-input.ts";
import type { RequestContext } from "../context.ts";
import { keyIn } from "../inputs/selectors.ts";
import { mayRead, projectIn } from "../scope.ts";
import { ApiToken } from "../types/account.ts";
import { Actor } from "../types/actor.ts";
import {
  CreateRunnerTokenInput,
  CreateTokenInput,
  CreateTokenPayload,
  RevokeTokenInput,
  RevokeTokenPayload,
} from "../types/management.ts";
import { Project } from "../types/project.ts";
import { carryOut } from "../user-errors.ts";

@Resolver()
export class ManagementTokens {
  @Mutation(() => CreateTokenPayload, {
    nullable: true,
    description:
      "Makes a token for oneself, for a service account of a project that one administers, or, by a system administrator, for a person; it can never do more than who asks. Refusals: NotFound, ValidationFailed.",
  })
  async createToken(
    @Arg("input", () => CreateTokenInput, { description: "What it is good for." }) input: CreateTokenInput,
    @Ctx() context: RequestContext,
  ): Promise<CreateTokenPayload> {
    return await made(input, context, async () => {
      const { engine, viewer } = context;
      const projectId = await projectKey(context, input.projectId);
      const accountId = input.accountId == null ? null : keyIn("Account", input.accountId, "input.accountId");
      const { description, expiresAt = null } = input;
      return await createToken(engine, viewer, { projectId, accountId, description, expiresAt });
    });
  }

  @Mutation(() => CreateTokenPayload, {
    nullable: true,
    description:
      "Makes a token for the runners of a project, or, by a system administrator, of all projects. Refusals: NotFound, ValidationFailed.",
  })
  async createRunnerToken(
    @Arg("input", () => CreateRunnerTokenInput, { description: "What it is good for." })
    input: CreateRunnerTokenInput,
    @Ctx() context: RequestContext,
  ): Promise<CreateTokenPayload> {
    return await made(input, context, async () => {
      const projectId = await projectKey(context, input.projectId);
      const { description, username = null, expiresAt = null } = input;
      const wish = { projectId, username, description, expiresAt };
      return await createRunnerToken(context.engine, context.viewer, wish);
    });
  }

  @Mutation(() => RevokeTokenPayload, {
    nullable: true,
    description:
      "Ends a token for good: one's own, or one of the services and runners of a project that one administers. Refusals: NotFound.",
  })
  async revokeToken(
    @Arg("input", () => RevokeTokenInput, { description: "Which token." }) input: RevokeTokenInput,
    @Ctx() { engine, viewer }: RequestContext,
  ): Promise<RevokeTokenPayload> {
    return await carryOut(
      RevokeTokenPayload,
      input.clientMutationId,
      async () => {
        const tokenId = keyIn("ApiToken", input.tokenId, "input.tokenId");
        await revokeToken(engine, viewer, tokenId, commandOptions(input));
        const record = await findTokenInfo(engine.database, tokenId);
        return { apiToken: record === null ? null : ApiToken.from(record) };
      },
      { apiToken: null },
    );
  }
}

async function projectKey(context: RequestContext, idOrSlug: string | null | undefined) {
  return idOrSlug == null ? null : (await projectIn(context, idOrSlug)).id;
}

async function made(
  input: CreateTokenInput | CreateRunnerTokenInput,
  { engine }: RequestContext,
  make: () => Promise<{ readonly id: string; readonly token: string }>,
): Promise<CreateTokenPayload> {
  return await carryOut(
    CreateTokenPayload,
    input.clientMutationId,
    async () => {
      const { id, token } = await make();
      const record = await findTokenInfo(engine.database, id);
      return { token, apiToken: record === null ? null : ApiToken.from(record) };
    },
    { token: null, apiToken: null },
  );
}

@Resolver(() => ApiToken)
export class ApiTokenResolver {
  @FieldResolver(() => Project, {
    nullable: true,
    description: "The one project that it is good for; null = every project of its account.",
  })
  async project(
    @Root() { record }: ApiToken,
    @Ctx() { loaders, viewer }: RequestContext,
  ): Promise<Project | null> {
    if (record.projectId === null || !mayRead(viewer, record.projectId)) return null;
    const project = await loaders.project.load(record.projectId);
    return project === null ? null : Project.from(project);
  }

  @FieldResolver(() => Actor, { description: "Whose it is." })
  async owner(@Root() { record }: ApiToken, @Ctx() { loaders }: RequestContext): Promise<Actor> {
    return Actor.from(await loaders.account.load(record.accountId));
  }
}
