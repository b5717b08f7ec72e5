import { Field, ID, InputType, ObjectType } from "type-graphql";
import { CommandInput, RevisedCommandInput } from "../command-input.ts";
import { Json } from "../scalars.ts";
import { MutationPayload } from "../user-errors.ts";
import { Webhook } from "./webhook.ts";

@InputType("WebhookMappingInput", {
  description:
    "Where in a delivery's JSON body each part of the run's start is found: JSON Pointers (RFC 6901), such as `/head_commit/id`. A pointer to nothing, or to null, leaves its part out. The whole body becomes the run's payload.",
})
export class WebhookMappingInput {
  @Field(() => Json, {
    nullable: true,
    description:
      "Pointers by input name. Every required input needs one; the values keep their JSON types and are checked against the workflow's latest version at each delivery.",
  })
  inputs?: unknown;

  @Field(() => String, {
    nullable: true,
    description: "Pointer to the git branch; a leading `refs/heads/` is taken off.",
  })
  branch?: string | null;

  @Field(() => String, { nullable: true, description: "Pointer to the git commit; needs `branch`." })
  commit?: string | null;

  @Field(() => String, {
    nullable: true,
    description: "Pointer to the run's message, which is cut to 2,000 characters.",
  })
  message?: string | null;

  @Field(() => Json, {
    nullable: true,
    description: "Pointers by label, at most 64. Numbers and truth values are turned into text.",
  })
  labels?: unknown;
}

@InputType("CreateWebhookInput", {
  description: "Which workflow to start, and what of a delivery goes where.",
})
export class CreateWebhookInput extends CommandInput {
  @Field(() => ID, { description: "The workflow; its latest version at the time is executed." })
  workflowId!: string;

  @Field(() => String, { description: "Its name, unique in the workflow: 1 to 100 characters." })
  name!: string;

  @Field(() => WebhookMappingInput, {
    nullable: true,
    description: "What of a delivery's body goes where; default: it is only the run's payload.",
  })
  mapping?: WebhookMappingInput | null;

  @Field(() => Boolean, { defaultValue: true, description: "Whether deliveries are accepted." })
  enabled!: boolean;
}

@InputType("UpdateWebhookInput", {
  description: "What to change about a webhook; what is left out stays as it is.",
})
export class UpdateWebhookInput extends RevisedCommandInput {
  @Field(() => ID, { description: "The webhook." })
  webhookId!: string;

  @Field(() => String, {
    nullable: true,
    description: "Its name, unique in the workflow: 1 to 100 characters.",
  })
  name?: string | null;

  @Field(() => WebhookMappingInput, {
    nullable: true,
    description: "What of a delivery's body goes where. Replaces the whole mapping.",
  })
  mapping?: WebhookMappingInput | null;

  @Field(() => Boolean, { nullable: true, description: "Whether deliveries are accepted." })
  enabled?: boolean | null;
}

@InputType("RotateWebhookSecretInput", { description: "Which webhook gets another signing secret." })
export class RotateWebhookSecretInput extends RevisedCommandInput {
  @Field(() => ID, { description: "The webhook." })
  webhookId!: string;
}

@InputType("DeleteWebhookInput", { description: "Which webhook to remove." })
export class DeleteWebhookInput extends RevisedCommandInput {
  @Field(() => ID, { description: "The webhook." })
  webhookId!: string;
}

const SECRET =
  "The signing secret, shown this once: `whsec_` and base64. Senders that follow Standard Webhooks sign under the bytes that the base64 stands for; GitHub is given the whole text. Null when nothing was made: after a dry run, and when an idempotency key repeats an earlier request.";

@ObjectType("CreateWebhookPayload", {
  implements: MutationPayload,
  description: "What became of a new webhook.",
})
export class CreateWebhookPayload extends MutationPayload {
  @Field(() => Webhook, { nullable: true, description: "The webhook; null after a dry run." })
  webhook!: Webhook | null;

  @Field(() => String, { nullable: true, description: SECRET })
  secret!: string | null;
}

@ObjectType("UpdateWebhookPayload", {
  implements: MutationPayload,
  description: "What became of a change to a webhook.",
})
export class UpdateWebhookPayload extends MutationPayload {
  @Field(() => Webhook, { nullable: true, description: "The webhook as it is now." })
  webhook!: Webhook | null;
}

@ObjectType("RotateWebhookSecretPayload", {
  implements: MutationPayload,
  description: "What became of a webhook's new secret.",
})
export class RotateWebhookSecretPayload extends MutationPayload {
  @Field(() => Webhook, { nullable: true, description: "The webhook as it is now." })
  webhook!: Webhook | null;

  @Field(() => String, { nullable: true, description: SECRET })
  secret!: string | null;
}

@ObjectType("DeleteWebhookPayload", {
  implements: MutationPayload,
  description: "What became of the removal of a webhook.",
})
export class DeleteWebhookPayload extends MutationPayload {
  @Field(() => ID, { nullable: true, description: "Id of the webhook that is gone." })
  webhookId!: string | null;
}
