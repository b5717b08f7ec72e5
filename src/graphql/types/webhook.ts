import { Field, ObjectType } from "type-graphql";
import { encodeId } from "../../domain/ids.ts";
import type { WebhookRecord } from "../../persistence/queries/webhooks.ts";
import { connectionOf } from "../connection.ts";
import { DateTime, Int, Json } from "../scalars.ts";
import { Node } from "./node.ts";

@ObjectType("WebhookMapping", {
  description:
    "Where in a delivery's JSON body each part of the run's start is found: JSON Pointers (RFC 6901), such as `/head_commit/id`. A pointer to nothing, or to null, leaves its part out. The whole body becomes the run's payload.",
})
export class WebhookMappingType {
  @Field(() => Json, { description: "Pointers by input name. The values keep their JSON types." })
  inputs!: Readonly<Record<string, string>>;

  @Field(() => String, {
    nullable: true,
    description: "Pointer to the git branch; a leading `refs/heads/` is taken off.",
  })
  branch!: string | null;

  @Field(() => String, { nullable: true, description: "Pointer to the git commit." })
  commit!: string | null;

  @Field(() => String, {
    nullable: true,
    description: "Pointer to the run's message, which is cut to 2,000 characters.",
  })
  message!: string | null;

  @Field(() => Json, { description: "Pointers by label. Numbers and truth values are turned into text." })
  labels!: Readonly<Record<string, string>>;
}

@ObjectType("Webhook", {
  implements: Node,
  description:
    "An address that other systems call to start a workflow. Its signing secret is shown when it is made, and never again.",
})
export class Webhook extends Node {
  @Field(() => String, { description: "Its name, unique in its workflow." })
  name!: string;

  @Field(() => WebhookMappingType, { description: "What of a delivery's body goes where." })
  mapping!: WebhookMappingType;

  @Field(() => Boolean, { description: "False while deliveries are refused." })
  enabled!: boolean;

  @Field(() => DateTime, {
    nullable: true,
    description: "When it last accepted a delivery, also a repeated one.",
  })
  lastDeliveryAt!: Date | null;

  @Field(() => Int, { description: "Grows with every edit, not with deliveries." })
  revision!: number;

  @Field(() => DateTime, { description: "When it was created." })
  createdAt!: Date;

  @Field(() => DateTime, { description: "When it was last edited, or its secret replaced." })
  updatedAt!: Date;

  record!: WebhookRecord;

  static from(record: WebhookRecord): Webhook {
    const id = encodeId("Webhook", record.id);
    const mapping = Object.assign(new WebhookMappingType(), record.mapping);
    return Object.assign(new Webhook(), record, { id, mapping, record });
  }
}

export const WebhookConnection = connectionOf("Webhook", () => Webhook);
