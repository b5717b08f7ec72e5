import type { Bus } from "../../src/domain/bus.ts";

/** How often the bus is watched from now on: once for each run and each log that is followed, however often. */
export function countWatches(bus: Bus): () => number {
  let open = 0;
  const watch = bus.watch.bind(bus);
  bus.watch = (keys, onNotice) => {
    const watching = watch(keys, onNotice);
    open++;
    let closed = false;
    return {
      [Symbol.dispose]() {
        watching[Symbol.dispose]();
        if (!closed) open--;
        closed = true;
      },
    };
  };
  return () => open;
}
