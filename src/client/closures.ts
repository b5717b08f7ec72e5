import { CloseCode } from "graphql-ws";

/** How a WebSocket ended. */
export interface Closure {
  readonly code: number;
  readonly reason: string;
}

/** There was no close code: the network, or a side that vanished. */
export const LOST = 1006;

/** Protocol faults that would only repeat, and tokens that are not or no longer valid. */
const FINAL_CODES: ReadonlySet<number> = new Set([
  1002,
  1003,
  1007,
  1008,
  1009,
  1010,
  CloseCode.BadResponse,
  CloseCode.InternalClientError,
  CloseCode.BadRequest,
  CloseCode.Unauthorized,
  CloseCode.Forbidden,
  CloseCode.SubprotocolNotAcceptable,
  CloseCode.SubscriberAlreadyExists,
  CloseCode.TooManyInitialisationRequests,
]);

/** Another token may be accepted. */
export function isAboutToken({ code }: Closure): boolean {
  return code === CloseCode.Unauthorized || code === CloseCode.Forbidden;
}

export function isFinal(closure: Closure): boolean {
  return FINAL_CODES.has(closure.code);
}

/** @param event a close event, an error event of the network, or an error thrown while reading a message */
export function closureOf(event: unknown): Closure {
  if (hasCode(event)) return { code: event.code, reason: String(event.reason ?? "") };
  if (event instanceof Error) return { code: CloseCode.BadResponse, reason: event.message };
  const message = hasMessage(event) ? event.message : "";
  // A gateway may refuse the token before there is a WebSocket to close.
  const status = /^Unexpected server response: (401|403)$/.exec(message)?.[1];
  if (status !== undefined) return { code: 4000 + Number(status), reason: message };
  return { code: LOST, reason: message };
}

function hasCode(event: unknown): event is { code: number; reason?: unknown } {
  return typeof event === "object" && event !== null && "code" in event && typeof event.code === "number";
}

function hasMessage(event: unknown): event is { message: string } {
  return (
    typeof event === "object" && event !== null && "message" in event && typeof event.message === "string"
  );
}
