import { createClient, type RequestParams } from "graphql-sse";
import type { FormattedExecutionResult } from "graphql-ws";
import { type Closure, LOST } from "./closures.ts";
import type { OperationEnd, Subscribe } from "./shared-socket.ts";
import { type TokenSource, tokenFrom } from "./token-source.ts";

export interface EventStreamOptions {
  readonly url: string;
  readonly token: TokenSource;
  readonly fetchImpl: typeof fetch;
}

const CONNECT_TIMEOUT_MS = 15_000;
/** More than twice the time after which the server says that it is still there. */
const SILENCE_MS = 30_000;

/** Each subscription is a request of its own, never repeated here: only who follows knows from where to go on. */
export function eventStreams({ url, token, fetchImpl }: EventStreamOptions): Subscribe {
  const client = createClient({
    url,
    retryAttempts: 0,
    headers: async () => ({ authorization: `Bearer ${await tokenFrom(token)}` }),
    fetchFn: watchingFetch(fetchImpl),
  });
  return (payload, listener) => {
    let open = true;
    const end = (how: OperationEnd): void => {
      if (!open) return;
      open = false;
      listener.end(how);
    };
    const stop = client.subscribe(payload as RequestParams, {
      next: (result) => {
        if (open) listener.next(result as FormattedExecutionResult);
      },
      error: (error) => void endOf(error).then(end),
      complete: () => end({ kind: "complete" }),
    });
    return () => {
      open = false;
      stop();
    };
  };
}

/** A connection that died without a word is given up here, not by the operating system minutes later. */
function watchingFetch(fetchImpl: typeof fetch) {
  return async (url: string, { signal, ...init }: RequestInit & { signal: AbortSignal }) => {
    const control = new AbortController();
    const abort = (): void => control.abort(signal.reason);
    signal.addEventListener("abort", abort);
    if (signal.aborted) abort();
    const timer = setTimeout(() => control.abort(new Error("no answer")), CONNECT_TIMEOUT_MS);
    try {
      const response = await fetchImpl(url, { ...init, signal: control.signal });
      const { ok, status, statusText } = response;
      const body = ok && response.body !== null ? untilSilent(response.body) : null;
      return { ok, status, statusText, body, text: async () => await response.text() };
    } finally {
      clearTimeout(timer);
    }
  };
}

/** Its end is an error: a stream that is over says so before, and the library may not notice otherwise. */
async function* untilSilent(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  try {
    for (;;) {
      const timer = setTimeout(() => void reader.cancel(), SILENCE_MS);
      const { done, value } = await reader.read().finally(() => clearTimeout(timer));
      if (done) throw new Error("the stream ended before it was complete");
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

interface Refusal {
  readonly status: number;
  text(): Promise<string>;
}

async function endOf(error: unknown): Promise<OperationEnd> {
  const refusal = (error as { response?: Refusal }).response;
  if (refusal === undefined) {
    const reason = error instanceof Error ? error.message : String(error);
    return { kind: "closed", closure: { code: LOST, reason } };
  }
  const errors = await errorsOf(refusal);
  const code = closeCodeOf(refusal.status);
  if (code === null && errors.length > 0) return { kind: "refused", errors };
  const reason = errors[0]?.message ?? `HTTP ${refusal.status}`;
  return { kind: "closed", closure: { code: code ?? 4400, reason } satisfies Closure };
}

/** The close code of a WebSocket that means the same; null when it is the operation that is refused. */
function closeCodeOf(status: number): number | null {
  if (status === 401 || status === 403) return 4000 + status;
  return status === 429 || status >= 500 ? 1013 : null;
}

async function errorsOf(refusal: Refusal): Promise<{ message: string }[]> {
  try {
    const { errors } = JSON.parse(await refusal.text());
    return Array.isArray(errors) ? errors : [];
  } catch {
    return [];
  }
}
