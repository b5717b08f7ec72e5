import type { PublicResult, Renderer } from "./render.ts";

/** The plain way to serve a subscription: its results one by one, for one subscriber. */
export function executeEach(
  source: AsyncIterable<unknown>,
  renderer: Renderer,
): AsyncIterableIterator<PublicResult> {
  const items = source[Symbol.asyncIterator]();
  return {
    async next() {
      const item = await items.next();
      if (item.done === true) return { done: true, value: undefined };
      const [result] = await renderer.results([item.value]);
      return { done: false, value: result! };
    },
    async return() {
      await items.return?.();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
