import type { Queryable, Statement } from "./queries/queryable.ts";

/** Keys of blobs that no row names: a key is here from before its blob is written until its row is. */

const EXPECT: Statement = {
  name: "expect-blob",
  text: "insert into blob_garbage (key, due_at) values ($1, $2)",
};
const DUE: Statement = {
  name: "due-blobs",
  text: "select key from blob_garbage where due_at <= $1 order by due_at limit $2",
};
const FORGET: Statement = {
  name: "forget-blobs",
  text: "delete from blob_garbage where key = any ($1) and due_at <= $2",
};

/** @param dueAt when a writer that has not stored the blob's row by then never will */
export async function expectBlob(source: Queryable, key: string, dueAt: Date): Promise<void> {
  await source.query(EXPECT, [key, dueAt]);
}

export async function dueBlobs(source: Queryable, now: Date, limit: number): Promise<string[]> {
  return (await source.query<{ key: string }>(DUE, [now, limit])).map(({ key }) => key);
}

/** Once the blobs are gone. */
export async function forgetBlobs(source: Queryable, keys: readonly string[], now: Date): Promise<void> {
  await source.query(FORGET, [keys, now]);
}
