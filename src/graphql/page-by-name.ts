import {
  type Connection,
  foreignCursor,
  isKey,
  listCursor,
  type PageArgs,
  readListCursor,
  readPage,
  toConnection,
} from "./connection.ts";

/** A list in the order of its names, as the store reads it. */
export interface NamedList<Row, Item> {
  list(after: { readonly name: string; readonly id: string } | null, limit: number): Promise<readonly Row[]>;
  count(cap: number): Promise<number>;
  toItem(row: Row): Item;
}

/**
 * One page of a list by name.
 * @param list what the cursors are bound to: the list and its filter
 */
export async function pageByName<Row extends { readonly name: string; readonly id: string }, Item>(
  args: PageArgs,
  list: string,
  source: NamedList<Row, Item>,
): Promise<Connection<Item>> {
  const page = readPage(args);
  const [name, id] = page.from === null ? [] : readListCursor(list, page.from);
  if (page.from !== null && (typeof name !== "string" || !isKey(id))) throw foreignCursor();
  const after = typeof name === "string" && isKey(id) ? { name, id } : null;
  const rows = await source.list(after, page.limit + 1);
  const cursorOf = (row: Row): string => listCursor(list, [row.name, row.id]);
  return toConnection(rows, page, cursorOf, source.toItem, async (cap) => await source.count(cap));
}
