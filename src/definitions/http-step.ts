import { z } from "zod";
import { MAX_BODY_LENGTH } from "./limits.ts";
import { describeValue } from "./messages.ts";
import { duration, list, mapOf, plainValue, word } from "./model-parts.ts";
import { commonKeys, failureKeys, runnerKeys, typeKey } from "./step-parts.ts";

/** The beginning may come from an input, and is looked at again when it is known. */
const HTTP_URL = /^([Hh][Tt][Tt][Pp][Ss]?:\/\/[^\s/]|\$\{\{)/;
const STATUS_RANGE = /^[1-5][0-9][0-9](-[1-5][0-9][0-9])?$/;
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;

/** They say how a message is sent, or belong to the connection. */
const HEADERS_OF_THE_RUNNER =
  /^(host|connection|content-length|transfer-encoding|accept-encoding|upgrade|trailer|te|expect|keep-alive|proxy-.*)$/i;

const headerName = word(
  "header name",
  /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/,
  'letters, digits and "-", at most 100 characters',
).refine((name) => !HEADERS_OF_THE_RUNNER.test(name), {
  error: ({ input }) => `the header ${describeValue(input)} is the runner's own`,
});

const headers = mapOf(headerName, plainValue, 100).superRefine((map, context) => {
  const seen = new Set<string>();
  for (const name of Object.keys(map)) {
    const key = name.toLowerCase();
    if (seen.has(key))
      context.addIssue({ code: "custom", path: [name], message: `the header "${name}" stands twice` });
    seen.add(key);
  }
});

/** Without `abort` the failed half of the union would speak for the whole, in words of its own. */
const noStatus = { abort: true, error: ({ input }: { input?: unknown }) => refuseStatus(input) };

const expectedStatus = z
  .union([z.int().min(100, noStatus).max(599, noStatus), z.string().regex(STATUS_RANGE, noStatus)], noStatus)
  .refine(
    (value) => {
      const { from, to } = statusRange(value);
      return from <= to;
    },
    { error: "this range ends before it begins" },
  );

function refuseStatus(input: unknown): string {
  return `expected a status code such as 204 or a range such as "200-299", got ${describeValue(input)}`;
}

export function statusRange(written: number | string): { from: number; to: number } {
  const [from, to = from] = String(written).split("-").map(Number);
  return { from: from!, to: to! };
}

/** Text as it is written, anything else as JSON. */
export function bodyText(body: unknown): string {
  return typeof body === "string" ? body : JSON.stringify(body);
}

export const httpStep = z.strictObject({
  type: typeKey("http"),
  ...commonKeys,
  url: z
    .string()
    .max(8_000)
    .regex(HTTP_URL, { error: ({ input }) => `${describeValue(input)} is not an http or https URL` })
    .meta({
      description:
        "What is asked. `${{ }}` is allowed in it and put in as it is. Private addresses are refused unless the runner allows them, see [HTTP requests](#http-requests).",
      examples: ["https://example.org/releases"],
    }),
  method: z
    .enum(METHODS)
    .default("GET")
    .meta({ description: "How.", examples: ["POST"] }),
  headers: headers.default({}).meta({
    description: "Headers of the request. `${{ }}` is allowed in the values.",
    examples: [{ Accept: "application/json" }],
  }),
  body: z
    .unknown()
    .refine((value) => value !== null, {
      error: "expected text or a JSON value, got nothing: give a value or remove the key",
    })
    .refine((value) => value === undefined || bodyText(value).length <= MAX_BODY_LENGTH, {
      error: `a body can have at most ${MAX_BODY_LENGTH} characters`,
    })
    .optional()
    .meta({
      description:
        "Text, or a JSON value, which is sent as JSON. `${{ }}` is allowed in it; in the texts of a JSON value it stays part of the text.",
      examples: [{ version: "${{ steps.compile.outputs.version }}" }],
    }),
  expect: list(expectedStatus, { min: 1, max: 50 })
    .default(["200-299"])
    .meta({
      description: "The status codes, or ranges of them, that are a success.",
      examples: [[200, 404]],
    }),
  timeout: duration({ atLeastMs: 1 })
    .prefault("1m")
    .meta({ description: "One try that takes longer is ended, redirects included.", examples: ["10s"] }),
  ...failureKeys,
  ...runnerKeys,
});
