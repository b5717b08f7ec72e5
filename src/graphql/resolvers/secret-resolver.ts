import { Arg, Args, Ctx, FieldResolver, Mutation, Resolver, Root } from "type-graphql";
import { deleteSecret } from "../../actions/delete-secret.ts";
import type { SecretOwnerKey } from "../../actions/secret-owner.ts";
import { setSecret } from "../../actions/set-secret.ts";
import { roleIn } from "../../domain/access.ts";
import { ForbiddenError, notFound } from "../../domain/refusals.ts";
import {
  countSecrets,
  findSecret,
  listSecrets,
  type SecretOwner,
} from "../../persistence/queries/secrets.ts";
import { commandOptions } from "../command-input.ts";
import type { RequestContext } from "../context.ts";
import { keyIn } from "../inputs/selectors.ts";
import { ForwardArgs } from "../page-args.ts";
import { byName, pageOf } from "../page-of.ts";
import { findProject } from "../scope.ts";
import { Actor } from "../types/actor.ts";
import { Project } from "../types/project.ts";
import {
  DeleteSecretInput,
  DeleteSecretPayload,
  Secret,
  SecretConnection,
  type SecretOwnerInput,
  SetSecretInput,
  SetSecretPayload,
} from "../types/secret.ts";
import { Workflow } from "../types/workflow.ts";
import { carryOut } from "../user-errors.ts";

@Resolver(() => Secret)
export class SecretResolver {
  @Mutation(() => SetSecretPayload, {
    nullable: true,
    description:
      "Gives a project or a workflow a secret, or a secret another value: it counts for steps that are handed to a runner from then on. The server needs an encryption key. Refusals: NotFound, ValidationFailed, RevisionConflict, IdempotencyConflict, Busy.",
  })
  async setSecret(
    @Arg("input", () => SetSecretInput, { description: "Which secret, and its value." })
    input: SetSecretInput,
    @Ctx() context: RequestContext,
  ): Promise<SetSecretPayload> {
    const { engine, viewer, secrets: box } = context;
    return await carryOut(
      SetSecretPayload,
      input.clientMutationId,
      async () => {
        const { name, value } = input;
        const request = { owner: await readOwner(input.owner, context), name, value, box };
        const owner = await setSecret(engine, viewer, request, commandOptions(input));
        const record = await findSecret(engine.database, owner, name);
        return { secret: record === null ? null : Secret.from(record) };
      },
      { secret: null },
    );
  }

  @Mutation(() => DeleteSecretPayload, {
    nullable: true,
    description:
      "Takes a secret away. Steps that use it and are handed to a runner after that fail. Refusals: NotFound, RevisionConflict, IdempotencyConflict, Busy.",
  })
  async deleteSecret(
    @Arg("input", () => DeleteSecretInput, { description: "Which secret." }) input: DeleteSecretInput,
    @Ctx() context: RequestContext,
  ): Promise<DeleteSecretPayload> {
    return await carryOut(
      DeleteSecretPayload,
      input.clientMutationId,
      async () => {
        const { name } = input;
        const request = { owner: await readOwner(input.owner, context), name };
        await deleteSecret(context.engine, context.viewer, request, commandOptions(input));
        return { name };
      },
      { name: null },
    );
  }

  @FieldResolver(() => Actor, { description: "Who gave it its value." })
  async updatedBy(@Root() { record }: Secret, @Ctx() { loaders }: RequestContext): Promise<Actor> {
    return Actor.from(await loaders.account.load(record.updatedBy));
  }
}

@Resolver(() => Project)
export class ProjectSecretsResolver {
  @FieldResolver(() => SecretConnection, {
    nullable: true,
    description:
      "The secrets of all its workflows, by name, without their values. Needs the role PROJECT_ADMIN.",
  })
  async secrets(
    @Root() { key }: Project,
    @Args(() => ForwardArgs) args: ForwardArgs,
    @Ctx() context: RequestContext,
  ) {
    return await pageOfSecrets(context, { projectId: key, workflowId: null }, args);
  }
}

@Resolver(() => Workflow)
export class WorkflowSecretsResolver {
  @FieldResolver(() => SecretConnection, {
    nullable: true,
    description:
      "Its own secrets, by name, without their values; those of its project are not among them. Needs the role PROJECT_ADMIN.",
  })
  async secrets(
    @Root() { record: { projectId, id } }: Workflow,
    @Args(() => ForwardArgs) args: ForwardArgs,
    @Ctx() context: RequestContext,
  ) {
    return await pageOfSecrets(context, { projectId, workflowId: id }, args);
  }
}

async function pageOfSecrets({ engine, viewer }: RequestContext, owner: SecretOwner, args: ForwardArgs) {
  if (roleIn(viewer, owner.projectId) !== "PROJECT_ADMIN")
    throw new ForbiddenError("secrets needs the role PROJECT_ADMIN");
  return await pageOf(SecretConnection, args, {
    name: `secrets of ${owner.projectId} ${owner.workflowId}`,
    ...byName,
    read: async ({ from, limit }) => await listSecrets(engine.database, owner, from, limit),
    toItem: Secret.from,
    count: async (cap) => await countSecrets(engine.database, owner, cap),
  });
}

async function readOwner(
  { projectId, workflowId }: SecretOwnerInput,
  context: RequestContext,
): Promise<SecretOwnerKey> {
  if (workflowId != null) return { workflowId: keyIn("Workflow", workflowId, "input.owner") };
  const project = await findProject(context, projectId!);
  if (project === null) throw notFound("input.owner");
  return { projectId: project.id };
}
