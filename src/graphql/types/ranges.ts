import { Field, InputType } from "type-graphql";
import { keyOf, type NodeType } from "../../domain/ids.ts";
import type { AccountCondition } from "../../persistence/queries/run-filter.ts";
import type { Span } from "../../persistence/queries/values.ts";
import { badInput } from "../errors.ts";
import { DateTime, Float } from "../scalars.ts";

/** More would make one query a scan of its own. */
export const MAX_LIST = 250;

@InputType("TimeRange", { description: "A span of time; both bounds may be left out." })
export class TimeRangeInput {
  @Field(() => DateTime, { nullable: true, description: "From this moment on." })
  gte?: Date | null;

  @Field(() => DateTime, { nullable: true, description: "Before this moment." })
  lt?: Date | null;
}

@InputType("DurationRange", {
  description: "A span of durations in milliseconds; both bounds may be left out.",
})
export class DurationRangeInput {
  @Field(() => Float, { nullable: true, description: "At least so long." })
  gte?: number | null;

  @Field(() => Float, { nullable: true, description: "Shorter than this." })
  lt?: number | null;
}

export function readSpan(range: TimeRangeInput | null | undefined): Span | null {
  return range == null ? null : { gte: range.gte ?? null, lt: range.lt ?? null };
}

export function checkLength<List extends readonly unknown[] | null>(path: string, list: List): List {
  if (list !== null && list.length > MAX_LIST)
    throw badInput(`\`${path}\` takes at most ${MAX_LIST} entries`);
  return list;
}

/** The keys behind ids; those that are none of this type match nothing. */
export function readKeys(
  type: NodeType,
  ids: readonly string[] | null | undefined,
  path: string,
): string[] | null {
  if (ids == null) return null;
  return checkLength(path, ids)
    .map((id) => keyOf(type, id))
    .filter((key) => key !== null);
}

/** Like a list of one. */
export function readKey(type: NodeType, id: string | null | undefined): string[] | null {
  return id == null ? null : readKeys(type, [id], "");
}

export function readAccount(idOrUsername: string | null | undefined): AccountCondition | null {
  if (idOrUsername == null) return null;
  const id = keyOf("Account", idOrUsername);
  return id === null ? { username: idOrUsername } : { id };
}
