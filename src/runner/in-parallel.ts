/** Works on the items in order, on some at the same time. After a failure none is begun any more. */
export async function inParallel<Item>(
  items: readonly Item[],
  limit: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const open = [...items];
  const workOn = async (): Promise<void> => {
    for (let item = open.shift(); item !== undefined; item = open.shift()) {
      try {
        await work(item);
      } catch (error) {
        open.length = 0;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: limit }, workOn));
}
