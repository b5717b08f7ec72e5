import type { ServerResponse } from "node:http";

/** For a client that reads nothing: then its stream is cut, and it may resume. */
const STALL_MS = 30_000;

/** Sends events until there are no more or the client is gone; then the source is told to end. */
export async function sendEvents(
  response: ServerResponse,
  events: AsyncGenerator<string, void, void>,
): Promise<void> {
  const stop = (): void => void events.return();
  // A client that resets the connection is one that hung up: `close` follows.
  response.on("error", stop);
  response.once("close", stop);
  if (response.destroyed) stop();
  for await (const event of events) {
    if (response.destroyed) break;
    response.write(event);
  }
  response.off("close", stop);
}

/**
 * Waits until what was written has left this process. Nobody writes meanwhile, so a client that does not read costs
 * what Node and the kernel hold for a connection and one message more.
 */
export async function drained(response: ServerResponse, stallMs = STALL_MS): Promise<void> {
  if (!response.writableNeedDrain) return;
  await new Promise<void>((resolve) => {
    const stalled = setTimeout(() => response.destroy(), stallMs);
    const done = (): void => {
      clearTimeout(stalled);
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    response.once("drain", done);
    response.once("close", done);
  });
}
