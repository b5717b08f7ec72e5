import type { EnvVar, HttpRequest } from "./definition.ts";
import {
  type ExpressionContext,
  mentionedSecrets,
  mentionsStepOutputs,
  resolvedParts,
} from "./expressions.ts";

/** A request with everything filled in, as it is sent. */
export type ResolvedRequest = Omit<HttpRequest, "json">;

/** More than any server takes in a URL and headers, and as much as a step's output may have. */
const MAX_LENGTH = 1024 * 1024;

/** The request cannot be made; the message is for whoever started the run. */
export class RequestError extends Error {}

/** Whether the outputs of the run's steps must be known to make the request. */
export function requestNeedsOutputs(request: HttpRequest): boolean {
  return templatesOf(request).some(mentionsStepOutputs);
}

/** Names of the secrets that the request is made with. */
export function requestSecrets(request: HttpRequest): string[] {
  return templatesOf(request).flatMap(mentionedSecrets);
}

function templatesOf({ url, headers, body }: HttpRequest): string[] {
  return [url, body ?? "", ...headers.map(({ value }) => value)];
}

/**
 * Fills a request in. Values become a part of the text they stand in, also within a JSON body: none can end its
 * string there.
 * @throws RequestError
 */
export function resolveRequest(request: HttpRequest, context: ExpressionContext): ResolvedRequest {
  let length = 0;
  // Counts while it grows: a short text can name a long output thousands of times.
  const fill = (template: string): string => {
    let text = "";
    for (const part of resolvedParts(template, context)) {
      length += part.length;
      if (length > MAX_LENGTH) throw new RequestError(`the request is longer than ${MAX_LENGTH} characters`);
      text += part;
    }
    return text;
  };
  const { method, url, headers, body, json, expect } = request;
  const fillJson = (text: string) =>
    JSON.stringify(JSON.parse(text, (_, value) => (typeof value === "string" ? fill(value) : value)));
  return {
    method,
    url: fill(url),
    headers: withContentType(
      headers.map(({ key, value }) => ({ key, value: fill(value) })),
      body === null ? null : json ? "application/json" : "text/plain; charset=utf-8",
    ),
    body: body === null ? null : json ? fillJson(body) : fill(body),
    expect,
  };
}

/** What the workflow says of its body counts more. */
function withContentType(headers: readonly EnvVar[], contentType: string | null): readonly EnvVar[] {
  const known = headers.some(({ key }) => key.toLowerCase() === "content-type");
  return contentType === null || known ? headers : [...headers, { key: "Content-Type", value: contentType }];
}
