import type { Follower } from "./follow.ts";
import type { MessageOf } from "./stream-message.ts";

export interface MessageObserver<Result> {
  /** @param data the message in its field, as the server sent it: what a GraphQL library expects */
  next(message: MessageOf<Result>, data: Result): void;
  /** Without it a failure is an unhandled rejection. */
  error?(error: unknown): void;
  complete?(): void;
}

/** @returns the function that unsubscribes; nothing is called after it */
export function observe<Result, Variables>(
  messages: Follower<Result, Variables>,
  observer: MessageObserver<Result>,
): () => void {
  let open = true;
  void (async () => {
    try {
      for await (const message of messages) {
        if (open) tell(() => observer.next(message, { [messages.field]: message } as Result));
      }
    } catch (error) {
      if (!open) return;
      open = false;
      if (observer.error === undefined) throw error;
      observer.error(error);
      return;
    }
    if (open) observer.complete?.();
  })();
  return () => {
    open = false;
    void messages.return();
  };
}

/** What an observer throws is its own fault and not the stream's: it goes to where uncaught errors go. */
function tell(call: () => void): void {
  try {
    call();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
