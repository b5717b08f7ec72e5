import { Field, InputType, InterfaceType, ObjectType } from "type-graphql";
import type { StreamPosition } from "../../domain/stream-cursor.ts";
import { StreamEdgeEnum } from "../enums.ts";
import { badInput } from "../errors.ts";
import { typeNameOf } from "../scalars.ts";

@InterfaceType("StreamMessage", {
  description:
    "A message of a subscription. Keep the newest `cursor`: subscribing again with `after: {cursor: ...}` misses nothing and repeats nothing.",
  resolveType: typeNameOf,
})
export abstract class StreamMessage {
  @Field(() => String, { description: "The position behind this message, to resume from." })
  cursor!: string;
}

@ObjectType("CaughtUp", {
  implements: StreamMessage,
  description:
    "The stored history has been sent; what follows is live. Comes exactly once, also when there was no history.",
})
export class CaughtUp extends StreamMessage {}

@ObjectType("Checkpoint", {
  implements: StreamMessage,
  description:
    "Nothing new for the subscriber, but a newer position: sent now and then when a filter leaves much out, so that resuming does not read it all again.",
})
export class Checkpoint extends StreamMessage {}

@ObjectType("Reset", {
  implements: StreamMessage,
  description:
    "The position cannot be continued from. Read the object again; the stream goes on from this cursor.",
})
export class Reset extends StreamMessage {
  @Field(() => String, { description: "Why, for people." })
  reason!: string;
}

@InputType("StreamPosition", {
  description: "Where a subscription begins. Exactly one of the two.",
})
export class StreamPositionInput {
  @Field(() => String, { nullable: true, description: "Behind the message that carried this cursor." })
  cursor?: string | null;

  @Field(() => StreamEdgeEnum, { nullable: true, description: "At one end of the stream." })
  at?: "START" | "HEAD" | null;
}

export function readPosition({ cursor, at }: StreamPositionInput): StreamPosition {
  if (cursor != null) return { kind: "CURSOR", cursor };
  if (at == null) throw badInput("`after` needs `cursor` or `at`");
  return { kind: at };
}
