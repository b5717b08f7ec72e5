import { resolve } from "node:path";
import { z } from "zod";

/** How one sort of setting is read from its text. Every fault message is built from `expects`. */
export interface Kind<T> {
  /** Completes the sentence "expected ...". */
  readonly expects: string;
  readonly schema: z.ZodType<T, string>;
  /** Unit of the value where its text does not say it. */
  readonly unit?: string;
}

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export const LOG_FORMATS = ["json", "pretty"] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

export const hostName: Kind<string> = {
  expects: "a host name or an IP address",
  schema: z.string().regex(/^[\w.:-]+$/),
};

export const secretText: Kind<string> = {
  expects: "a text without spaces",
  schema: z.string().regex(/^\S+$/),
};

const KEY_BYTES = 32;

/** Not a text: a password would be a weak key. */
export const encryptionKey: Kind<Buffer> = {
  expects: `a key of ${KEY_BYTES} random bytes: ${2 * KEY_BYTES} hex digits, or base64 (openssl rand -hex ${KEY_BYTES})`,
  schema: z
    .string()
    .regex(/^([0-9a-fA-F]{64}|[A-Za-z0-9+/_-]{43}=?)$/)
    .transform((text) => Buffer.from(text, text.length === 2 * KEY_BYTES ? "hex" : "base64")),
};

/** Absolute from the start: child processes have another working directory. */
export const path: Kind<string> = {
  expects: "a path",
  schema: z
    .string()
    .refine((text) => !text.includes("\0"))
    .transform((text) => resolve(text)),
};

export const flag: Kind<boolean> = {
  expects: "true or false",
  schema: z.stringbool({ truthy: ["true", "1", "yes", "on"], falsy: ["false", "0", "no", "off"] }),
};

export function wholeNumber(from: number, to: number): Kind<number> {
  return {
    expects: `a whole number from ${from} to ${to}`,
    schema: z
      .string()
      .regex(/^\d+$/)
      .transform(Number)
      .refine((value) => value >= from && value <= to),
  };
}

export function oneOf<const V extends readonly string[]>(values: V): Kind<V[number]> {
  return { expects: `one of ${values.join(", ")}`, schema: z.enum(values) as z.ZodType<V[number], string> };
}

const MILLISECONDS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
type DurationUnit = keyof typeof MILLISECONDS;

/** Written like the durations of workflow files; the value is in milliseconds. */
export const duration: Kind<number> = {
  expects: "a duration such as 500ms, 30s, 10m, 2h or 1d",
  unit: "ms",
  schema: z
    .string()
    .regex(/^\d{1,9}(ms|s|m|h|d)$/)
    .transform((text) => Number.parseInt(text, 10) * MILLISECONDS[text.replace(/^\d+/, "") as DurationUnit]),
};

function urlWithScheme(schemes: readonly string[]): z.ZodType<string, string> {
  // A host may be absent (postgres://user@/db?host=/run/postgresql): the drivers accept that, URL does not.
  return z
    .string()
    .refine(
      (text) =>
        schemes.some((scheme) => text.startsWith(`${scheme}://`)) && URL.canParse(text.replace("@/", "@h/")),
    );
}

export const postgresUrl: Kind<string> = {
  expects: "postgres://USER:PASSWORD@HOST:PORT/DATABASE",
  schema: urlWithScheme(["postgres", "postgresql"]),
};

export const redisUrl: Kind<string> = {
  expects: "redis://HOST:PORT or rediss://USER:PASSWORD@HOST:PORT",
  schema: urlWithScheme(["redis", "rediss"]),
};

function parsedHttpUrl(text: string): URL | null {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return null;
  const url = new URL(text);
  return url.username === "" && url.password === "" && url.search === "" && url.hash === "" ? url : null;
}

export const httpUrl: Kind<string> = {
  expects: "an http or https URL without user name, query and fragment",
  schema: z
    .string()
    .refine((text) => parsedHttpUrl(text) !== null)
    .transform((text) => text.replace(/\/+$/, "")),
};

function listOf<T>(item: z.ZodType<T, string>): z.ZodType<readonly T[], string> {
  return z
    .string()
    .transform((text) =>
      text
        .split(",")
        .map((part) => part.trim())
        .filter((part) => part !== ""),
    )
    .pipe(z.array(item));
}

export const origins: Kind<readonly string[]> = {
  expects: "web origins such as https://app.example.org, separated by commas",
  schema: listOf(
    z
      .string()
      .refine((text) => parsedHttpUrl(text)?.pathname === "/")
      .transform((text) => new URL(text).origin),
  ),
};

const NETWORK = /^[\da-f.:]+\/\d{1,3}$/i;

export const places: Kind<readonly string[]> = {
  expects: "hosts, addresses or networks such as registry.intern or 10.1.0.0/16, separated by commas",
  schema: listOf(z.string().refine((text) => /^[\w.:-]+$/.test(text) || NETWORK.test(text))),
};

export const labels: Kind<readonly string[]> = {
  expects: "labels such as linux or gpu=a100, separated by commas",
  schema: listOf(z.string().regex(/^[\w./:=+-]+$/)),
};

export const names: Kind<readonly string[]> = {
  expects: "at least one name of letters, digits, '.', '_' and '-', separated by commas",
  schema: listOf(z.string().regex(/^[\w.-]+$/)).refine((list) => list.length > 0),
};

export const name: Kind<string> = {
  expects: "a name of letters, digits, '.', '_' and '-'",
  schema: z.string().regex(/^[\w.-]+$/),
};

export const bucketName: Kind<string> = {
  expects: "a bucket's name: 3 to 63 lower-case letters, digits, '.' and '-'",
  schema: z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/),
};

export const keyPrefix: Kind<string> = {
  expects: "letters, digits, '.', '_', '-' and '/', such as runcast/",
  schema: z.string().regex(/^([A-Za-z0-9_-][A-Za-z0-9._/-]{0,199})?$/),
};
