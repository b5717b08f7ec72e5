import { Field, ObjectType } from "type-graphql";
import {
  ACCESS,
  type MutationName,
  type ProjectRole,
  roleIn,
  roleSatisfies,
  type Viewer,
} from "../../domain/access.ts";
import { RunActionEnum } from "../command-enums.ts";

@ObjectType("CapabilityReason", { description: "Why an action is not available." })
export class CapabilityReason {
  @Field(() => String, {
    description: "FORBIDDEN: the role does not allow it. INVALID_STATE: the object's state does not.",
  })
  code!: "FORBIDDEN" | "INVALID_STATE";

  @Field(() => String, { description: "The reason, for people." })
  message!: string;
}

@ObjectType("Capability", {
  description: "Whether this viewer could carry out an action on this object now.",
})
export class Capability {
  @Field(() => RunActionEnum, { description: "Name of the mutation." })
  action!: string;

  @Field(() => Boolean, { description: "It would be carried out." })
  allowed!: boolean;

  @Field(() => CapabilityReason, { nullable: true, description: "Why not; null when it is allowed." })
  reason!: CapabilityReason | null;
}

/**
 * @param obstacle what the object's state has against it; null = nothing
 * @param barred what the object itself has against this viewer, whatever their role
 */
export function capability(
  viewer: Viewer,
  projectId: string,
  action: MutationName,
  obstacle: string | null,
  barred: string | null = null,
): Capability {
  const required = ACCESS.Mutation[action] as ProjectRole;
  const forbidden = roleSatisfies(roleIn(viewer, projectId), required)
    ? barred
    : `needs the role ${required}`;
  const code = forbidden === null ? "INVALID_STATE" : "FORBIDDEN";
  const message = forbidden ?? obstacle;
  const reason = message === null ? null : Object.assign(new CapabilityReason(), { code, message });
  return Object.assign(new Capability(), { action, allowed: reason === null, reason });
}
