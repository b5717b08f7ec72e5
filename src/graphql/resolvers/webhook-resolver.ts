import { Arg, Args, Ctx, FieldResolver, ID, Mutation, Query, Resolver, Root } from "type-graphql";
import { createWebhook } from "../../actions/create-webhook.ts";
import { deleteWebhook } from "../../actions/delete-webhook.ts";
import { rotateWebhookSecret } from "../../actions/rotate-webhook-secret.ts";
import { updateWebhook } from "../../actions/update-webhook.ts";
import type { TriggerScope } from "../../persistence/queries/trigger-lists.ts";
import { countWebhooks, listWebhooks, type WebhookMapping } from "../../persistence/queries/webhooks.ts";
import { commandOptions } from "../command-input.ts";
import type { RequestContext } from "../context.ts";
import { keyIn } from "../inputs/selectors.ts";
import { ForwardArgs } from "../page-args.ts";
import { byName, pageOf } from "../page-of.ts";
import { readTextMap } from "../read-json.ts";
import { triggerScope } from "../scope.ts";
import { Actor } from "../types/actor.ts";
import { Capability, capability } from "../types/capability.ts";
import { Webhook, WebhookConnection } from "../types/webhook.ts";
import {
  CreateWebhookInput,
  CreateWebhookPayload,
  DeleteWebhookInput,
  DeleteWebhookPayload,
  RotateWebhookSecretInput,
  RotateWebhookSecretPayload,
  UpdateWebhookInput,
  UpdateWebhookPayload,
  type WebhookMappingInput,
} from "../types/webhook-commands.ts";
import { Workflow } from "../types/workflow.ts";
import { carryOut } from "../user-errors.ts";

@Resolver(() => Webhook)
export class WebhookResolver {
  @Query(() => WebhookConnection, {
    description: "Webhooks by name: of one workflow, of one project, or of all that the viewer may read.",
  })
  async webhooks(
    @Ctx() context: RequestContext,
    @Args(() => ForwardArgs) args: ForwardArgs,
    @Arg("projectId", () => ID, { nullable: true, description: "Only this project's, by id or slug." })
    projectId?: string | null,
    @Arg("workflowId", () => ID, {
      nullable: true,
      description: "Only this workflow's; an unknown id matches nothing.",
    })
    workflowId?: string | null,
  ) {
    return await pageOfWebhooks(context, await triggerScope(context, projectId, workflowId), args);
  }

  @Mutation(() => CreateWebhookPayload, {
    nullable: true,
    description:
      "Makes an address that other systems call to start a workflow: POST JSON of at most 256 KiB to its `url`, signed after Standard Webhooks (`webhook-id`, `webhook-timestamp` within 5 minutes, `webhook-signature`) or after GitHub (`x-hub-signature-256`, `x-github-delivery`; GitHub signs the body alone, so whoever gets hold of a delivery can send it again under another id). A delivery is answered 202 with `workflowRunId`; the same delivery again within 24 hours 200 with the first run's id; 422 when its values do not fit. 60 deliveries a minute are accepted. The runs are made in the name of whoever created the webhook. Refusals: NotFound, ValidationFailed, InvalidState (archived), IdempotencyConflict.",
  })
  async createWebhook(
    @Arg("input", () => CreateWebhookInput, {
      description: "Which workflow to start, and what of a delivery goes where.",
    })
    input: CreateWebhookInput,
    @Ctx() context: RequestContext,
  ): Promise<CreateWebhookPayload> {
    const { engine, viewer, secrets } = context;
    return await carryOut(
      CreateWebhookPayload,
      input.clientMutationId,
      async () => {
        const workflowId = keyIn("Workflow", input.workflowId, "input.workflowId");
        const { name, enabled } = input;
        const settings = { name, enabled, mapping: mappingOf(input.mapping ?? {}) };
        const request = { workflowId, settings, secrets };
        const { webhookId, secret } = await createWebhook(engine, viewer, request, commandOptions(input));
        return { webhook: await readWebhook(context, webhookId), secret };
      },
      { webhook: null, secret: null },
    );
  }

  @Mutation(() => UpdateWebhookPayload, {
    nullable: true,
    description:
      "Changes a webhook, or switches it on or off. Refusals: NotFound, ValidationFailed, RevisionConflict, IdempotencyConflict, Busy.",
  })
  async updateWebhook(
    @Arg("input", () => UpdateWebhookInput, { description: "Which webhook, and what to change about it." })
    input: UpdateWebhookInput,
    @Ctx() context: RequestContext,
  ): Promise<UpdateWebhookPayload> {
    const { engine, viewer } = context;
    return await carryOut(
      UpdateWebhookPayload,
      input.clientMutationId,
      async () => {
        const webhookId = keyIn("Webhook", input.webhookId, "input.webhookId");
        const { name, mapping, enabled } = input;
        const change = {
          ...(name != null && { name }),
          ...(mapping != null && { mapping: mappingOf(mapping) }),
          ...(enabled != null && { enabled }),
        };
        await updateWebhook(engine, viewer, { webhookId, change }, commandOptions(input));
        return { webhook: await readWebhook(context, webhookId) };
      },
      { webhook: null },
    );
  }

  @Mutation(() => RotateWebhookSecretPayload, {
    nullable: true,
    description:
      "Gives a webhook another signing secret, from the answer on: what is signed under the old one is refused. Refusals: NotFound, ValidationFailed, RevisionConflict, IdempotencyConflict, Busy.",
  })
  async rotateWebhookSecret(
    @Arg("input", () => RotateWebhookSecretInput, { description: "Which webhook." })
    input: RotateWebhookSecretInput,
    @Ctx() context: RequestContext,
  ): Promise<RotateWebhookSecretPayload> {
    const { engine, viewer, secrets } = context;
    return await carryOut(
      RotateWebhookSecretPayload,
      input.clientMutationId,
      async () => {
        const webhookId = keyIn("Webhook", input.webhookId, "input.webhookId");
        const request = { webhookId, secrets };
        const { secret } = await rotateWebhookSecret(engine, viewer, request, commandOptions(input));
        return { webhook: await readWebhook(context, webhookId), secret };
      },
      { webhook: null, secret: null },
    );
  }

  @Mutation(() => DeleteWebhookPayload, {
    nullable: true,
    description:
      "Removes a webhook: its address accepts nothing any more. The runs that it made stay. Refusals: NotFound, RevisionConflict, IdempotencyConflict, Busy.",
  })
  async deleteWebhook(
    @Arg("input", () => DeleteWebhookInput, { description: "Which webhook to remove." })
    input: DeleteWebhookInput,
    @Ctx() { engine, viewer }: RequestContext,
  ): Promise<DeleteWebhookPayload> {
    return await carryOut(
      DeleteWebhookPayload,
      input.clientMutationId,
      async () => {
        await deleteWebhook(
          engine,
          viewer,
          keyIn("Webhook", input.webhookId, "input.webhookId"),
          commandOptions(input),
        );
        return { webhookId: input.webhookId };
      },
      { webhookId: null },
    );
  }

  @FieldResolver(() => String, { description: "The address to POST deliveries to." })
  url(@Root() { id }: Webhook, @Ctx() { publicUrl, ownUrl }: RequestContext): string {
    return `${publicUrl ?? ownUrl()}/hooks/${id}`;
  }

  @FieldResolver(() => Workflow, { description: "The workflow that it starts." })
  async workflow(@Root() { record }: Webhook, @Ctx() { loaders }: RequestContext): Promise<Workflow> {
    return Workflow.from((await loaders.workflow.load(record.workflowId))!);
  }

  @FieldResolver(() => Actor, { description: "Who created it." })
  async createdBy(@Root() { record }: Webhook, @Ctx() { loaders }: RequestContext): Promise<Actor> {
    return Actor.from(await loaders.account.load(record.createdBy));
  }

  @FieldResolver(() => [Capability], { description: "What the viewer may do with it." })
  can(@Root() { record: { projectId } }: Webhook, @Ctx() { viewer }: RequestContext): Capability[] {
    return (["updateWebhook", "rotateWebhookSecret", "deleteWebhook"] as const).map((action) =>
      capability(viewer, projectId, action, null),
    );
  }
}

/** Webhooks of these projects, or of one workflow in them, by name. */
export async function pageOfWebhooks({ engine }: RequestContext, scope: TriggerScope, args: ForwardArgs) {
  return await pageOf(WebhookConnection, args, {
    name: `webhooks ${JSON.stringify(scope.workflowId)}`,
    ...byName,
    read: async ({ from, limit }) => await listWebhooks(engine.database, scope, from, limit),
    toItem: Webhook.from,
    count: async (cap) => await countWebhooks(engine.database, scope, cap),
  });
}

async function readWebhook({ loaders }: RequestContext, key: string): Promise<Webhook | null> {
  const record = await loaders.webhook.load(key);
  return record === null ? null : Webhook.from(record);
}

function mappingOf({ inputs, branch, commit, message, labels }: WebhookMappingInput): WebhookMapping {
  return {
    inputs: readTextMap("input.mapping.inputs", inputs ?? {}),
    branch: branch ?? null,
    commit: commit ?? null,
    message: message ?? null,
    labels: readTextMap("input.mapping.labels", labels ?? {}),
  };
}
