import { STATUS_CODES } from "node:http";
import type { SecretMasker } from "../domain/mask.ts";
import type { AllowedPlaces, ResolveHost } from "./address-guard.ts";
import { type Answer, isExpected, sendRequest } from "./http-request.ts";
import { OutputError, type StepOutput, takeOutput } from "./outputs.ts";
import type { RequestSpec, TaskOutcome } from "./protocol.ts";
import type { StopRequest } from "./stop-request.ts";
import { storableText } from "./storable-text.ts";
import { monotonicMs, startTimer } from "./waiting.ts";

export interface RequestLog {
  note(text: string): void;
  write(chunk: Uint8Array): void;
}

export interface RequestPlaces {
  readonly allowed: AllowedPlaces;
  readonly resolve?: ResolveHost | undefined;
  /** Applied to what is cut before it is logged: half of a secret is not found any more. */
  readonly masker: SecretMasker;
}

export interface RequestEnd {
  readonly outcome: TaskOutcome;
  readonly error: string | null;
  readonly output: StepOutput | null;
}

const MAX_LOGGED_BODY_BYTES = 4 * 1024;
/** Of use to later steps; the rest is about how the answer was sent. */
const KEPT_HEADERS = [
  "content-type",
  "etag",
  "last-modified",
  "link",
  "location",
  "retry-after",
  "x-request-id",
] as const;

/** Performs a step that is a request: its end, or the end of what it would have waited for. */
export async function performRequest(
  { http, timeoutMs }: { readonly http: RequestSpec; readonly timeoutMs: number },
  stop: StopRequest,
  log: RequestLog,
  places: RequestPlaces,
): Promise<RequestEnd> {
  const timeout = new AbortController();
  const cancelTimeout = startTimer(timeoutMs, () => timeout.abort());
  const signal = AbortSignal.any([stop.signal, timeout.signal]);
  const startedAt = monotonicMs();
  try {
    const answer = await sendRequest(http, { ...places, signal, note: log.note });
    logAnswer(answer, Math.round(monotonicMs() - startedAt), log, places.masker.fork());
    return conclude(http, answer);
  } catch (error) {
    if (stop.mode !== null) return end("ABORTED", null);
    if (timeout.signal.aborted) return end("TIMED_OUT", `timed out after ${timeoutMs / 1000} s`);
    return end("FAILED", error instanceof OutputError ? error.message : describe(error as Error));
  } finally {
    cancelTimeout();
  }
}

function end(outcome: TaskOutcome, error: string | null, output: StepOutput | null = null): RequestEnd {
  return { outcome, error, output };
}

/** Attempts on several addresses fail with an error of errors, which has no words of its own. */
function describe(error: NodeJS.ErrnoException): string {
  const [first] = error instanceof AggregateError ? (error.errors as Error[]) : [error];
  return `the request failed: ${first?.message || error.code}`;
}

function logAnswer(
  { status, body: received }: Answer,
  tookMs: number,
  log: RequestLog,
  masker: SecretMasker,
): void {
  log.note(`${statusLine(status)}, ${received.length} bytes, ${tookMs} ms`);
  const body = Buffer.concat([masker.push(received), masker.end()]);
  if (body.length === 0) return;
  log.write(body.subarray(0, MAX_LOGGED_BODY_BYTES));
  if (body.at(Math.min(body.length, MAX_LOGGED_BODY_BYTES) - 1) !== 0x0a) log.write(Buffer.from("\n"));
  if (body.length > MAX_LOGGED_BODY_BYTES) log.note(`the first ${MAX_LOGGED_BODY_BYTES} bytes of the body`);
}

function conclude(http: RequestSpec, answer: Answer): RequestEnd {
  const { status } = answer;
  const output = takeOutput({ status, headers: keptHeaders(answer), body: bodyOf(answer) });
  if (isExpected(http, status)) return end("SUCCEEDED", null, output);
  const expected = http.expect.map(({ from, to }) => (from === to ? from : `${from}-${to}`)).join(", ");
  return end("FAILED", `${statusLine(status)}, expected ${expected}`, output);
}

function statusLine(status: number): string {
  return `HTTP ${status} ${STATUS_CODES[status] ?? ""}`.trimEnd();
}

function keptHeaders({ headers }: Answer): Record<string, string> {
  const kept = KEPT_HEADERS.flatMap((name) => {
    const value = headers[name];
    return value === undefined ? [] : [[name, storableText(String(value))] as const];
  });
  return Object.fromEntries(kept);
}

/** JSON where the answer says so and it is, else text. */
function bodyOf({ headers, body }: Answer): unknown {
  const type = headers["content-type"] ?? "";
  const text = decode(body, /charset="?([\w.:-]+)/i.exec(type)?.[1] ?? "utf-8");
  if (/^application\/([\w.+-]+\+)?json\b/i.test(type)) {
    try {
      return takeOutput({ value: JSON.parse(text) as unknown })["value"];
    } catch {
      // It is kept as it came.
    }
  }
  return storableText(text);
}

function decode(body: Buffer, charset: string): string {
  try {
    return new TextDecoder(charset).decode(body);
  } catch {
    return new TextDecoder().decode(body);
  }
}
