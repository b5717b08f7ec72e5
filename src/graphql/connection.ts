import { createHash } from "node:crypto";
import type { GraphQLError } from "graphql";
import { type ClassType, Field, ObjectType } from "type-graphql";
import { apiError, badInput } from "./errors.ts";
import { Int } from "./scalars.ts";

/** Rows on a page when the client names no number, and the most it may name. */
export const DEFAULT_PAGE = 20;
export const MAX_PAGE = 100;
export const MAX_OFFSET = 10_000;
/** Totals are counted up to here; a bigger one is reported as "at least". */
export const MAX_EXACT_COUNT = 10_000;

@ObjectType("PageInfo", { description: "Where a page lies in its list." })
export class PageInfo {
  @Field(() => Boolean, { description: "Something follows after `endCursor`." })
  hasNextPage!: boolean;

  @Field(() => Boolean, { description: "Something comes before `startCursor`." })
  hasPreviousPage!: boolean;

  @Field(() => String, {
    nullable: true,
    description: "Cursor of the page's first edge; null on an empty page.",
  })
  startCursor!: string | null;

  @Field(() => String, {
    nullable: true,
    description: "Cursor of the page's last edge; null on an empty page.",
  })
  endCursor!: string | null;
}

@ObjectType("TotalCount", { description: "How many objects a list has in all." })
export class TotalCount {
  @Field(() => Int, { description: `The number, or ${MAX_EXACT_COUNT} when there are more.` })
  value!: number;

  @Field(() => Boolean, { description: "False when there are more than `value`." })
  exact!: boolean;
}

const MAX_MOMENT_MS = 8_640_000_000_000_000;
const MAX_POSITION = 2 ** 30;

export interface Edge<Item> {
  readonly cursor: string;
  readonly node: Item;
}

export interface Connection<Item> {
  readonly edges: readonly Edge<Item>[];
  readonly pageInfo: PageInfo;
  /** Counted only when it is selected. */
  readonly countUpTo: (cap: number) => Promise<number>;
}

/** The two GraphQL types of a list of `node`, after the Relay connection specification. */
export function connectionOf<Item extends object>(name: string, node: () => ClassType<Item>) {
  @ObjectType(`${name}Edge`, { description: `A place in a list of ${name}.` })
  class EdgeType {
    @Field(() => String, { description: "The place, for `after` and `before`." })
    cursor!: string;

    @Field(node, { description: "What is there." })
    node!: Item;
  }
  @ObjectType(`${name}Connection`, { description: `A page of a list of ${name}.` })
  class ConnectionType {
    @Field(() => [EdgeType], { description: "The page's places, in the order of the list." })
    edges!: readonly Edge<Item>[];

    @Field(() => [node()], { description: "The page's objects without their cursors." })
    nodes!: readonly Item[];

    @Field(() => PageInfo, { description: "Where the page lies in the list." })
    pageInfo!: PageInfo;

    @Field(() => TotalCount, { description: "How many there are in all; counted only when it is asked for." })
    async totalCount(): Promise<TotalCount> {
      const counted = await this.countUpTo(MAX_EXACT_COUNT + 1);
      const value = Math.min(counted, MAX_EXACT_COUNT);
      return Object.assign(new TotalCount(), { value, exact: counted <= MAX_EXACT_COUNT });
    }

    countUpTo!: (cap: number) => Promise<number>;
  }
  return ConnectionType as ClassType<Connection<Item>>;
}

/** A list that a subscription tells the changes of. */
export interface FollowedConnection<Item> extends Connection<Item> {
  readonly eventCursor: string;
}

export function followedConnectionOf<Item extends object>(
  name: string,
  node: () => ClassType<Item>,
  subscription: string,
) {
  const type = connectionOf(name, node);
  const description = `Behind it, \`${subscription}\` misses nothing that is not in this page's list yet.`;
  Field(() => String, { description })(type.prototype, "eventCursor");
  return type as ClassType<FollowedConnection<Item>>;
}

/** The paging arguments as a client sends them. */
export interface PageArgs {
  readonly first?: number | null;
  readonly after?: string | null;
  readonly last?: number | null;
  readonly before?: string | null;
  readonly offset?: number | null;
}

/** What they mean: how many, from where, in which direction. */
export interface PageRequest {
  readonly limit: number;
  readonly backward: boolean;
  readonly from: string | null;
  readonly offset: number;
}

export function readPage(args: PageArgs, maxPage = MAX_PAGE): PageRequest {
  const { first, last, after, before, offset } = args;
  if (first != null && last != null) throw badInput("use `first` or `last`, not both");
  if (after != null && before != null) throw badInput("use `after` or `before`, not both");
  const backward = last != null || (first == null && before != null);
  if (backward && after != null) throw badInput("`after` goes with `first`");
  if (!backward && before != null) throw badInput("`before` goes with `last`");
  const name = backward ? "last" : "first";
  const limit = (backward ? last : first) ?? DEFAULT_PAGE;
  if (limit < 0 || limit > maxPage) throw badInput(`\`${name}\` must be between 0 and ${maxPage}`);
  const skip = offset ?? 0;
  if (skip < 0 || skip > MAX_OFFSET) throw badInput(`\`offset\` must be between 0 and ${MAX_OFFSET}`);
  if (skip > 0 && (after != null || before != null || backward)) {
    throw badInput("`offset` counts from the start of the list: it goes with `first` alone");
  }
  return { limit, backward, from: (backward ? before : after) ?? null, offset: skip };
}

/** A keyset cursor: the sort key of a row, bound to the list that it was made for. */
export function listCursor(list: string, key: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify([listHash(list), ...key])).toString("base64url");
}

/** @returns the sort key; a cursor of another list, filter or order is refused */
export function readListCursor(list: string, cursor: string): (string | number)[] {
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(cursor, "base64url").toString());
  } catch {
    throw foreignCursor();
  }
  if (!Array.isArray(parts) || parts[0] !== listHash(list)) throw foreignCursor();
  return parts.slice(1);
}

export function foreignCursor(): GraphQLError {
  return apiError("INVALID_CURSOR", "this cursor belongs to another list, filter or order");
}

/** A cursor's part is a database key: a client may have made the cursor up. */
export function isKey(part: unknown): part is string {
  return typeof part === "string" && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(part);
}

/** Milliseconds that both JavaScript and PostgreSQL take for a moment. */
export function isMoment(part: unknown): part is number {
  return Number.isInteger(part) && (part as number) >= 0 && (part as number) <= MAX_MOMENT_MS;
}

/** A position in a run, small enough for PostgreSQL's integers even when a page is added. */
export function isPosition(part: unknown): part is number {
  return Number.isInteger(part) && (part as number) >= 0 && (part as number) <= MAX_POSITION;
}

function listHash(list: string): string {
  return createHash("sha256").update(list).digest("base64url").slice(0, 11);
}

/**
 * Makes a page from rows that were read in the direction of the page, one more than it holds: the extra row
 * tells whether the list goes on.
 */
export function toConnection<Row, Item>(
  rows: readonly Row[],
  page: PageRequest,
  cursorOf: (row: Row) => string,
  toItem: (row: Row) => Item,
  countUpTo: (cap: number) => Promise<number>,
): Connection<Item> & { readonly nodes: readonly Item[] } {
  const goesOn = rows.length > page.limit;
  const kept = rows.slice(0, page.limit);
  if (page.backward) kept.reverse();
  const edges = kept.map((row) => ({ cursor: cursorOf(row), node: toItem(row) }));
  const pageInfo = Object.assign(new PageInfo(), {
    hasNextPage: page.backward ? page.from !== null : goesOn,
    hasPreviousPage: page.backward ? goesOn : page.from !== null || page.offset > 0,
    startCursor: edges[0]?.cursor ?? null,
    endCursor: edges.at(-1)?.cursor ?? null,
  });
  return { edges, nodes: edges.map(({ node }) => node), pageInfo, countUpTo };
}
