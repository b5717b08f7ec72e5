import type { GraphQLFormattedError } from "graphql";
import { RuncastConnectionError, RuncastRequestError } from "./errors.ts";
import { isRenewable, type TokenSource, tokenFrom } from "./token-source.ts";

export interface RequestTarget {
  readonly url: string;
  readonly token: TokenSource;
  readonly fetchImpl: typeof fetch;
}

interface Answer {
  readonly data?: unknown;
  readonly errors?: readonly GraphQLFormattedError[];
}

/**
 * @throws RuncastRequestError when the answer has top-level errors or is no GraphQL answer
 * @throws RuncastConnectionError when there was no answer
 */
export async function sendRequest(
  target: RequestTarget,
  body: { query: string; variables?: unknown },
  signal: AbortSignal | undefined,
): Promise<unknown> {
  const { status, text } = await postRenewing(target, JSON.stringify(body), signal);
  const answer = parseAnswer(text);
  if (answer === null) {
    const error = {
      message: `HTTP ${status} without a GraphQL answer`,
      extensions: { code: `HTTP_${status}` },
    };
    throw new RuncastRequestError({ errors: [error], status });
  }
  if (answer.errors !== undefined && answer.errors.length > 0) {
    throw new RuncastRequestError({ errors: answer.errors, data: answer.data, status });
  }
  return answer.data;
}

interface HttpAnswer {
  readonly status: number;
  readonly text: string;
}

/** A request whose token is refused was not looked at: with another token it may be sent again. */
async function postRenewing(
  target: RequestTarget,
  body: string,
  signal: AbortSignal | undefined,
): Promise<HttpAnswer> {
  const answer = await post(target, body, signal);
  const again = answer.status === 401 && isRenewable(target.token);
  return again ? await post(target, body, signal) : answer;
}

async function post(
  { url, token: source, fetchImpl }: RequestTarget,
  body: string,
  signal: AbortSignal | undefined,
): Promise<HttpAnswer> {
  const token = await tokenFrom(source);
  try {
    // A bare call: browsers refuse fetch as the method of another object.
    const response = await fetchImpl(url, {
      method: "POST",
      headers: {
        accept: "application/graphql-response+json, application/json;q=0.9",
        authorization: `Bearer ${token}`,
        "content-type": "application/json",
      },
      body,
      signal: signal ?? null,
    });
    return { status: response.status, text: await response.text() };
  } catch (error) {
    signal?.throwIfAborted();
    throw new RuncastConnectionError(`No answer from ${url}: ${reasonOf(error)}`, null, {
      cause: error,
    });
  }
}

/** `fetch` says only "fetch failed"; what happened is in its cause. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  if (!(cause instanceof Error)) return String(cause);
  return cause.message || ("code" in cause ? String(cause.code) : cause.name);
}

function parseAnswer(text: string): Answer | null {
  try {
    const value: unknown = JSON.parse(text);
    const isAnswer = typeof value === "object" && value !== null && ("data" in value || "errors" in value);
    return isAnswer ? (value as Answer) : null;
  } catch {
    return null;
  }
}
