import { createHash } from "node:crypto";
import { Field, InputType } from "type-graphql";
import type { CommandOptions } from "../actions/command.ts";
import { Int } from "./scalars.ts";

/** What every command takes beside its object. */
@InputType()
export class CommandInput {
  @Field(() => String, {
    nullable: true,
    description:
      "Makes a repeated request safe: for 24 hours the same key of the same caller with the same input answers what the first one did, and does nothing. Another input under that key is an IdempotencyConflict. 1 to 200 characters.",
  })
  idempotencyKey?: string | null;

  @Field(() => Boolean, {
    defaultValue: false,
    description: "Only checks: everything is decided as usual, and nothing is written. The key is ignored.",
  })
  dryRun!: boolean;

  @Field(() => String, { nullable: true, description: "Handed back in the payload." })
  clientMutationId?: string | null;
}

/** A command to an object that carries a `revision`. */
@InputType()
export class RevisedCommandInput extends CommandInput {
  @Field(() => Int, {
    nullable: true,
    description: "Refuse with RevisionConflict unless the object's `revision` is this one.",
  })
  expectedRevision?: number | null;
}

/** Keys that say how to ask, not what for. */
const NOT_HASHED = new Set(["idempotencyKey", "clientMutationId", "waitMs", "dryRun"]);

export function commandOptions(input: CommandInput & { expectedRevision?: number | null }): CommandOptions {
  return {
    idempotencyKey: input.idempotencyKey ?? null,
    expectedRevision: input.expectedRevision ?? null,
    dryRun: input.dryRun,
    inputHash: createHash("sha256")
      .update(canonicalJson(askedFor(input)))
      .digest(),
  };
}

function askedFor(input: object): object {
  return Object.fromEntries(Object.entries(input).filter(([key]) => !NOT_HASHED.has(key)));
}

/** The same value always gives the same text, whatever order its keys came in. */
function canonicalJson(input: object): string {
  return JSON.stringify(input, (_key, value: unknown) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
