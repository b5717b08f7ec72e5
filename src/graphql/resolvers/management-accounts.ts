import { Arg, Args, Ctx, FieldResolver, Mutation, Query, Resolver, Root } from "type-graphql";
import type { AccountRef } from "../../actions/account-ref.ts";
import type { CommandOptions } from "../../actions/command.ts";
import { createServiceAccount } from "../../actions/create-service-account.ts";
import { createUser } from "../../actions/create-user.ts";
import { disableAccount, enableAccount } from "../../actions/disable-account.ts";
import { administersAnyProject } from "../../domain/access.ts";
import { ForbiddenError } from "../../domain/refusals.ts";
import {
  countAccounts,
  findAccount,
  findAccountByUsername,
  listServiceAccounts,
  listTokensIn,
  searchAccounts,
} from "../../persistence/queries/accounts.ts";
import { commandOptions } from "../command-input.ts";
import type { RequestContext } from "../context.ts";
import { badInput } from "../errors.ts";
import { ForwardArgs } from "../page-args.ts";
import { byUsername, pageOf } from "../page-of.ts";
import { projectIn } from "../scope.ts";
import {
  Account,
  AccountConnection,
  ApiToken,
  ProjectMember,
  readAccountRef,
  ServiceAccount,
} from "../types/account.ts";
import { Actor } from "../types/actor.ts";
import {
  AccountInput,
  AccountPayload,
  CreateServiceAccountInput,
  CreateUserInput,
  ServiceAccountPayload,
} from "../types/management.ts";
import { carryOut } from "../user-errors.ts";

const MAX_SEARCH_LENGTH = 200;

@Resolver()
export class ManagementAccounts {
  @Query(() => Actor, {
    nullable: true,
    description:
      "The account with exactly this username, for those who administer a project and look for members; null when there is none.",
  })
  async account(
    @Arg("username", () => String, { description: "The username." }) username: string,
    @Ctx() { engine, viewer }: RequestContext,
  ): Promise<Actor | null> {
    if (!administersAnyProject(viewer))
      throw new ForbiddenError("account needs the role PROJECT_ADMIN in some project");
    const account = await findAccountByUsername(engine.database, username);
    return account === null ? null : Actor.from(account);
  }

  @Query(() => AccountConnection, {
    description: "All accounts by username, for system administrators.",
  })
  async accounts(
    @Ctx() { engine }: RequestContext,
    @Args(() => ForwardArgs) args: ForwardArgs,
    @Arg("search", () => String, {
      nullable: true,
      description: "Only those in whose username or name this text occurs, whatever its case.",
    })
    search?: string | null,
  ) {
    const text = search ?? "";
    if (text.length > MAX_SEARCH_LENGTH)
      throw badInput(`\`search\` takes at most ${MAX_SEARCH_LENGTH} characters`);
    return await pageOf(AccountConnection, args, {
      name: `accounts ${text.toLowerCase()}`,
      ...byUsername,
      read: async ({ from, limit }) => await searchAccounts(engine.database, text, from ?? "", limit),
      toItem: Account.from,
      count: async (cap) => await countAccounts(engine.database, text, cap),
    });
  }

  @Mutation(() => AccountPayload, {
    nullable: true,
    description: "Makes an account for a person. For system administrators. Refusals: ValidationFailed.",
  })
  async createUser(
    @Arg("input", () => CreateUserInput, { description: "The account." }) input: CreateUserInput,
    @Ctx() context: RequestContext,
  ): Promise<AccountPayload> {
    return await withAccount(input, context, async (options) => {
      const { username, name, avatarUrl = null, systemAdmin } = input;
      const user = { username, name, avatarUrl, systemAdmin };
      return await createUser(context.engine, context.viewer, user, options);
    });
  }

  @Mutation(() => AccountPayload, {
    nullable: true,
    description:
      "Refuses all tokens of an account from now on, within seconds on every server, and closes its sockets. For system administrators. Refusals: NotFound, ValidationFailed.",
  })
  async disableAccount(
    @Arg("input", () => AccountInput, { description: "Which account." }) input: AccountInput,
    @Ctx() context: RequestContext,
  ): Promise<AccountPayload> {
    return await withAccount(input, context, async (options) => {
      const account: AccountRef = readAccountRef(input.account);
      return await disableAccount(context.engine, context.viewer, account, options);
    });
  }

  @Mutation(() => AccountPayload, {
    nullable: true,
    description:
      "Accepts an account's tokens again, those that were not revoked. For system administrators. Refusals: NotFound.",
  })
  async enableAccount(
    @Arg("input", () => AccountInput, { description: "Which account." }) input: AccountInput,
    @Ctx() context: RequestContext,
  ): Promise<AccountPayload> {
    return await withAccount(input, context, async (options) => {
      const account: AccountRef = readAccountRef(input.account);
      return await enableAccount(context.engine, context.viewer, account, options);
    });
  }

  @Mutation(() => ServiceAccountPayload, {
    nullable: true,
    description:
      "Makes an account for a program and a member of a project of it. Refusals: NotFound, ValidationFailed.",
  })
  async createServiceAccount(
    @Arg("input", () => CreateServiceAccountInput, { description: "The account." })
    input: CreateServiceAccountInput,
    @Ctx() context: RequestContext,
  ): Promise<ServiceAccountPayload> {
    return await carryOut(
      ServiceAccountPayload,
      input.clientMutationId,
      async () => {
        const { engine, viewer } = context;
        const project = await projectIn(context, input.projectId);
        const { username, role } = input;
        const wish = { projectId: project.id, username, name: input.name ?? username, role };
        const id = await createServiceAccount(engine, viewer, wish, commandOptions(input));
        const [record] = await listServiceAccounts(engine.database, project.id, id);
        return { serviceAccount: record === undefined ? null : ServiceAccount.from(record, project.id) };
      },
      { serviceAccount: null },
    );
  }
}

async function withAccount(
  input: CreateUserInput | AccountInput,
  { engine }: RequestContext,
  act: (options: CommandOptions) => Promise<string>,
): Promise<AccountPayload> {
  return await carryOut(
    AccountPayload,
    input.clientMutationId,
    async () => {
      const record = await findAccount(engine.database, await act(commandOptions(input)));
      return { account: record === null ? null : Account.from(record) };
    },
    { account: null },
  );
}

@Resolver(() => ProjectMember)
export class ProjectMemberResolver {
  @FieldResolver(() => Actor, { description: "Who it is." })
  async actor(@Root() { record }: ProjectMember, @Ctx() { loaders }: RequestContext): Promise<Actor> {
    return Actor.from(await loaders.account.load(record.accountId));
  }
}

@Resolver(() => ServiceAccount)
export class ServiceAccountResolver {
  @FieldResolver(() => [ApiToken], {
    description: "Its tokens that are good in the project, the newest 100 first.",
  })
  async tokens(
    @Root() { key, projectKey }: ServiceAccount,
    @Ctx() { engine }: RequestContext,
  ): Promise<ApiToken[]> {
    return (await listTokensIn(engine.database, key, projectKey)).map(ApiToken.from);
  }
}
