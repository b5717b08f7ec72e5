import { Ctx, Field, FieldResolver, ObjectType, Resolver, Root } from "type-graphql";
import type { StatusReasonCode } from "../../domain/statuses.ts";
import type { StoredReason } from "../../persistence/queries/stored-reason.ts";
import type { RequestContext } from "../context.ts";
import { StatusReasonCodeEnum } from "../enums.ts";
import { DateTime } from "../scalars.ts";
import { Actor } from "./actor.ts";

@ObjectType("StatusReason", { description: "Why something is in its status." })
export class StatusReason {
  @Field(() => StatusReasonCodeEnum, { description: "The reason, for programs." })
  code!: StatusReasonCode;

  @Field(() => String, { description: "The reason, for people." })
  message!: string;

  @Field(() => DateTime, { description: "Since when." })
  at!: Date;

  actorId!: string | null;

  static from(stored: StoredReason | null): StatusReason | null {
    return stored === null ? null : Object.assign(new StatusReason(), stored, { at: new Date(stored.at) });
  }
}

@Resolver(() => StatusReason)
export class StatusReasonResolver {
  @FieldResolver(() => Actor, { description: "Who caused it." })
  async actor(@Root() { actorId }: StatusReason, @Ctx() { loaders }: RequestContext): Promise<Actor> {
    return Actor.from(actorId === null ? null : await loaders.account.load(actorId));
  }
}
