import type { Queryable, Statement } from "./queries/queryable.ts";

/**
 * Blobs and their rows are not one transaction. So the key of a blob is noted before it is written, and the note goes
 * with the commit that stores its row; who gives up a row notes its blob in the same commit. What is noted and due
 * belongs to nobody: a crash between the two leaves nothing behind for longer than that.
 */

/** Longer than any upload takes. */
const UNCLAIMED_MS = 24 * 60 * 60 * 1_000;

const NOTE: Statement = {
  name: "note-orphan-blob",
  text: "insert into orphan_blob (key, due) values ($1, $2)",
};
const CLAIM: Statement = {
  name: "claim-blobs",
  text: "delete from orphan_blob where key = any ($1)",
};
const DUE: Statement = {
  name: "due-orphan-blobs",
  text: "select key from orphan_blob where due <= $1 order by due limit $2",
};

/** Before a blob is written. */
export async function noteBlob(source: Queryable, key: string, now: Date): Promise<void> {
  await source.query(NOTE, [key, new Date(now.getTime() + UNCLAIMED_MS)]);
}

/** In the transaction that stores the blobs' row; also once they are deleted. */
export async function claimBlobs(source: Queryable, keys: readonly string[]): Promise<void> {
  await source.query(CLAIM, [keys]);
}

export async function orphanedBlobs(source: Queryable, now: Date, limit: number): Promise<string[]> {
  return (await source.query<{ key: string }>(DUE, [now, limit])).map(({ key }) => key);
}

/** For statements that give rows up: notes the blobs, which are due at once. `keys` selects one column `key`. */
export function orphaning(keys: string): string {
  return `insert into orphan_blob (key, due) select key, '-infinity' from (${keys}) given_up
    where key is not null on conflict (key) do update set due = excluded.due`;
}
