import type { ClassType } from "type-graphql";
import type { NamedPosition } from "../persistence/queries/named-position.ts";
import {
  type Connection,
  foreignCursor,
  isKey,
  isPosition,
  listCursor,
  type PageArgs,
  readListCursor,
  readPage,
  toConnection,
} from "./connection.ts";

type Key = readonly (string | number)[];

/** The part of a list that is asked for. */
export interface PageWindow<Position> {
  /** Where its neighbour stands; null = from the end of the list at which reading begins. */
  readonly from: Position | null;
  /** How many rows to read: one more than the page holds tells whether the list goes on. */
  readonly limit: number;
  /** Read against the order of the list. */
  readonly backward: boolean;
  readonly offset: number;
}

/** A list as its store reads it. */
export interface List<Row, Position, Item> {
  /** What cursors are bound to: which list, of whom, and its filter and order. */
  readonly name: string;
  /** A row's sort key as it stands in cursors. */
  readonly keyOf: (row: Row) => Key;
  /** The position that such a key names; null for one that a client made up. */
  readonly positionOf: (key: Key) => Position | null;
  readonly read: (window: PageWindow<Position>) => Promise<readonly Row[]>;
  readonly toItem: (row: Row) => Item;
  readonly count: (cap: number) => Promise<number>;
  readonly maxPage?: number;
}

/** One page of a list by keyset: the way of every list. */
export async function pageOf<Row, Position, Item>(
  type: ClassType<Connection<Item>>,
  args: PageArgs,
  { name, keyOf, positionOf, read, toItem, count, maxPage }: List<Row, Position, Item>,
): Promise<Connection<Item>> {
  const page = readPage(args, maxPage);
  const from = page.from === null ? null : positionOf(readListCursor(name, page.from));
  if (page.from !== null && from === null) throw foreignCursor();
  const { backward, offset } = page;
  const rows = await read({ from, limit: page.limit + 1, backward, offset });
  const cursorOf = (row: Row): string => listCursor(name, keyOf(row));
  return Object.assign(new type(), toConnection(rows, page, cursorOf, toItem, count));
}

/** Sort keys that several lists have. */

export const byName = {
  keyOf: ({ name, id }: NamedPosition): Key => [name, id],
  positionOf: ([name, id]: Key): NamedPosition | null =>
    typeof name === "string" && isKey(id) ? { name, id } : null,
};

export const byUsername = {
  keyOf: ({ username }: { readonly username: string }): Key => [username],
  positionOf: textIn,
};

export const byKey = {
  keyOf: ({ id }: { readonly id: string }): Key => [id],
  positionOf: ([id]: Key): string | null => (isKey(id) ? id : null),
};

/** The text that a key of one text holds. */
export function textIn([text]: Key): string | null {
  return typeof text === "string" ? text : null;
}

/** The number that a key of one number holds, such as a place in a run. */
export function positionIn([place]: Key): number | null {
  return isPosition(place) ? place : null;
}
