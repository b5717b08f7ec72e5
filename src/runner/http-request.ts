import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { SecretMasker } from "../domain/mask.ts";
import { type AllowedPlaces, allowedAddresses, type ResolveHost } from "./address-guard.ts";
import { exchange, readBody } from "./http-exchange.ts";
import type { RequestSpec } from "./protocol.ts";
import { withoutCredentials } from "./source-url.ts";

export interface RequestHost {
  readonly allowed: AllowedPlaces;
  readonly resolve?: ResolveHost | undefined;
  readonly signal: AbortSignal;
  readonly masker: SecretMasker;
  /** Told of each request before it is sent. */
  readonly note: (text: string) => void;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

type Draft = Pick<RequestSpec, "method" | "url" | "headers" | "body">;

const MAX_REDIRECTS = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** What may go on to another host: the others can hold what only the first one may know. */
const HARMLESS_HEADERS: ReadonlySet<string> = new Set([
  "accept",
  "accept-language",
  "content-type",
  "user-agent",
]);
const MAX_SHOWN_LENGTH = 1_000;

/**
 * Sends the request and follows redirects, looking at each one's address before it is connected to. A redirect that
 * the step expects is its answer.
 * @throws AddressRefused, or an Error whose message is for the workflow's author
 */
export async function sendRequest(spec: RequestSpec, host: RequestHost): Promise<Answer> {
  let draft: Draft = spec;
  for (let redirects = 0; ; redirects++) {
    const response = await send(draft, host);
    const status = response.statusCode!;
    const { location } = response.headers;
    if (!REDIRECTS.has(status) || location === undefined || isExpected(spec, status)) {
      return { status, headers: response.headers, body: await readBody(response) };
    }
    response.destroy();
    if (redirects === MAX_REDIRECTS) throw new Error(`redirected more than ${MAX_REDIRECTS} times`);
    draft = redirected(draft, status, location, host.masker);
  }
}

export function isExpected({ expect }: RequestSpec, status: number): boolean {
  return expect.some(({ from, to }) => from <= status && status <= to);
}

async function send(
  { method, url: text, headers, body }: Draft,
  host: RequestHost,
): Promise<IncomingMessage> {
  const { allowed, resolve, signal, note, masker } = host;
  const url = parseUrl(text, masker);
  const addresses = await unlessAborted(allowedAddresses(url, allowed, resolve), signal);
  note(`${method} ${shown(url.href, masker)}`);
  const bytes = body === null ? null : Buffer.from(body);
  return await exchange({
    url,
    method,
    headers: {
      "user-agent": "Runcast",
      accept: "*/*",
      ...Object.fromEntries(headers.map(({ key, value }) => [key.toLowerCase(), value])),
      "accept-encoding": "identity",
      ...(bytes && { "content-length": String(bytes.length) }),
    },
    body: bytes,
    addresses,
    signal,
  });
}

function parseUrl(text: string, masker: SecretMasker): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url !== null && /^https?:$/.test(url.protocol)) return url;
  throw new Error(`${JSON.stringify(shown(text, masker))} is not an http or https URL`);
}

function shown(url: string, masker: SecretMasker): string {
  const text = masker.maskText(withoutCredentials(url));
  return text.length > MAX_SHOWN_LENGTH ? `${text.slice(0, MAX_SHOWN_LENGTH)}...` : text;
}

/** As browsers do it, but for headers: what a browser lets scripts set is no secret of this host. */
function redirected(draft: Draft, status: number, location: string, masker: SecretMasker): Draft {
  if (!URL.canParse(location, draft.url))
    throw new Error(`redirected to ${JSON.stringify(shown(location, masker))}, which is no URL`);
  const url = new URL(location, draft.url);
  const sameOrigin = url.origin === new URL(draft.url).origin;
  const asGet =
    (status === 303 && draft.method !== "HEAD") ||
    ((status === 301 || status === 302) && draft.method === "POST");
  const headers = draft.headers.filter(({ key }) => {
    const name = key.toLowerCase();
    if (asGet && name.startsWith("content-")) return false;
    return sameOrigin || HARMLESS_HEADERS.has(name);
  });
  const { method, body } = asGet ? { method: "GET", body: null } : draft;
  return { url: url.href, method, body, headers };
}

/** The system's resolver cannot be interrupted, but nobody has to wait for it. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason as Error);
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
