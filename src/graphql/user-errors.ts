import { Field, InterfaceType, ObjectType } from "type-graphql";
import { BusyError, type Fault, type Refusal, RefusedError } from "../domain/refusals.ts";
import { Int, typeNameOf } from "./scalars.ts";

@InterfaceType("UserError", {
  description: "Why a mutation was not carried out. Nothing was changed.",
  resolveType: typeNameOf,
})
export abstract class UserError {
  @Field(() => String, {
    description: "Upper-case name of the error type, for programs that do not read `__typename`.",
  })
  code!: string;

  @Field(() => String, { description: "What is wrong, for people." })
  message!: string;

  @Field(() => String, { description: "Which part of the input it is about, such as `input.workflowRunId`." })
  path!: string;
}

@ObjectType("NotFound", {
  implements: UserError,
  description:
    "There is no such object for this viewer: unknown, deleted, of another type, or of a project they cannot see.",
})
export class NotFound extends UserError {}

@ObjectType("InvalidState", {
  implements: UserError,
  description: "The object is not in a state in which this is legal.",
})
export class InvalidState extends UserError {
  @Field(() => String, { description: "The state it is in." })
  current!: string;

  @Field(() => [String], { description: "The states in which it would be legal." })
  allowed!: readonly string[];
}

@ObjectType("InputFault", { description: "One thing that is wrong with an input." })
export class InputFault {
  @Field(() => String, { description: "What is wrong, for people." })
  message!: string;

  @Field(() => String, {
    description: "Which part it is about: a path in the input, or in the file that the input holds.",
  })
  path!: string;

  @Field(() => Int, { nullable: true, description: "1-based line in the file; null outside of files." })
  line!: number | null;

  @Field(() => Int, { nullable: true, description: "1-based column in the file; null outside of files." })
  column!: number | null;
}

@ObjectType("ValidationFailed", {
  implements: UserError,
  description:
    "The input is well-formed GraphQL but its values are not acceptable. All faults are listed at once.",
})
export class ValidationFailed extends UserError {
  @Field(() => [InputFault], { description: "Everything that is wrong, in the order of the input." })
  faults!: readonly Fault[];
}

@ObjectType("Busy", {
  implements: UserError,
  description: "Somebody else is changing the object right now. Try again.",
})
export class Busy extends UserError {}

@ObjectType("RevisionConflict", {
  implements: UserError,
  description: "The object has another revision than `expectedRevision`: somebody changed it meanwhile.",
})
export class RevisionConflict extends UserError {
  @Field(() => Int, { description: "The revision it has now." })
  revision!: number;
}

@ObjectType("IdempotencyConflict", {
  implements: UserError,
  description: "The `idempotencyKey` was used in the last 24 hours for another input of this mutation.",
})
export class IdempotencyConflict extends UserError {}

@ObjectType("LimitExceeded", {
  implements: UserError,
  description: "There would be more of it than is allowed.",
})
export class LimitExceeded extends UserError {
  @Field(() => Int, { description: "How many there may be." })
  limit!: number;
}

/** What every mutation answers beside its object. */
@InterfaceType("MutationPayload", {
  description: "What every mutation answers: its object, or the reasons why nothing was done.",
  resolveType: typeNameOf,
})
export abstract class MutationPayload {
  @Field(() => String, { nullable: true, description: "The `clientMutationId` of the input, unchanged." })
  clientMutationId!: string | null;

  @Field(() => [UserError], { description: "Why the mutation was not carried out; empty when it was." })
  userErrors!: readonly UserError[];
}

export const USER_ERROR_TYPES = [
  NotFound,
  InvalidState,
  ValidationFailed,
  RevisionConflict,
  IdempotencyConflict,
  LimitExceeded,
  Busy,
] as const;

/** Runs an action and answers a payload: what it made, or its refusals as data. */
export async function carryOut<Payload extends MutationPayload>(
  payload: new () => Payload,
  clientMutationId: string | null | undefined,
  act: () => Promise<Omit<Payload, keyof MutationPayload>>,
  nothing: Omit<Payload, keyof MutationPayload>,
): Promise<Payload> {
  const base = { clientMutationId: clientMutationId ?? null };
  try {
    return Object.assign(new payload(), base, { userErrors: [] }, await act());
  } catch (error) {
    const refusals = refusalsOf(error);
    if (refusals === null) throw error;
    return Object.assign(new payload(), base, { userErrors: refusals.map(toUserError) }, nothing);
  }
}

function refusalsOf(error: unknown): readonly Refusal[] | null {
  if (error instanceof RefusedError) return error.refusals;
  if (error instanceof BusyError) return [{ kind: "Busy", message: error.message, path: "input" }];
  return null;
}

function toUserError(refusal: Refusal): UserError {
  const { kind, ...fields } = refusal;
  const code = kind.replace(/(?<=[a-z])[A-Z]/g, "_$&").toUpperCase();
  const type = USER_ERROR_TYPES.find(({ name }) => name === kind)!;
  return Object.assign(new type(), fields, { code });
}
