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

/**
 * The message of a result and the name of its field.
 * @throws TypeError when the document does not select what following needs
 */
export function messageOf(result: FormattedExecutionResult): [field: string, message: StreamMessage] {
  const [field, message] = Object.entries(result.data ?? {}).find(([name]) => name !== "__typename") ?? [];
  if (typeof message === "object" && message !== null && "cursor" in message && "__typename" in message) {
    return [field!, message as StreamMessage];
  }
  throw new TypeError("A followed subscription must select __typename and cursor on every message");
}
