import type { FormattedExecutionResult } from "graphql-ws";

/** What every message of a subscription has; the cursor is the position behind the message. */
export interface StreamMessage {
  readonly __typename: string;
  readonly cursor: string;
}

/** The messages of a subscription's single root field. */
export type MessageOf<Result> = unknown extends Result
  ? StreamMessage & Readonly<Record<string, unknown>>
  : NonNullable<Result[Exclude<keyof Result, "__typename">]> & StreamMessage;

/** @throws TypeError when the document does not select what following needs */
export function messageOf(result: FormattedExecutionResult): StreamMessage {
  const message = Object.values(result.data ?? {})[0];
  if (typeof message === "object" && message !== null && "cursor" in message && "__typename" in message) {
    return message as StreamMessage;
  }
  throw new TypeError("A followed subscription must select __typename and cursor on every message");
}
