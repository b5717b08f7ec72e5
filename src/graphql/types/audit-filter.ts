import { Field, InputType } from "type-graphql";
import type { AuditFilter } from "../../persistence/queries/audit-log.ts";
import { DateTime } from "../scalars.ts";
import { checkLength, readAccount } from "./ranges.ts";

@InputType("AuditFilter", { description: "Which commands: all conditions that are given must hold." })
export class AuditFilterInput {
  @Field(() => String, {
    nullable: true,
    description: "Only those that this account gave: its id or its username. An unknown one matches nothing.",
  })
  actor?: string | null;

  @Field(() => [String], {
    nullable: true,
    description: "Only these mutations, by name; an empty list matches nothing. At most 250.",
  })
  action?: string[] | null;

  @Field(() => String, {
    nullable: true,
    description: "Only those that were given to the object with this id.",
  })
  target?: string | null;

  @Field(() => DateTime, { nullable: true, description: "Only those from this moment on." })
  from?: Date | null;

  @Field(() => DateTime, { nullable: true, description: "Only those before this moment." })
  to?: Date | null;
}

export function readAuditFilter({ actor, action, target, from, to }: AuditFilterInput): AuditFilter {
  return {
    actor: readAccount(actor),
    action: checkLength("filter.action", action ?? null),
    target: target ?? null,
    at: from == null && to == null ? null : { gte: from ?? null, lt: to ?? null },
  };
}
