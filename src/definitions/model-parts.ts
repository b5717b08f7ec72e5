import { z } from "zod";
import { DURATION_PATTERN, MAX_DURATION_MS, parseDuration } from "./duration.ts";
import { MAX_VALUE_LENGTH } from "./limits.ts";
import { describeValue } from "./messages.ts";
import { refuseGlob } from "./workspace-glob.ts";

/** Text of one form; the rule completes the sentence "... is not a valid ref: use ...". */
export function word(kind: string, pattern: RegExp, rule: string) {
  return z.string().regex(pattern, {
    error: ({ input }) => `${describeValue(input)} is not a valid ${kind}: use ${rule}`,
  });
}

/** A duration in the file, its milliseconds in the definition. */
export function duration({ atLeastMs }: { atLeastMs: number }) {
  return z
    .string({
      error: ({ input }) =>
        input === undefined ? undefined : `expected a duration such as 30s, got ${describeValue(input)}`,
    })
    .regex(DURATION_PATTERN, {
      error: ({ input }) =>
        `${describeValue(input)} is not a duration: write a whole number and ms, s, m, h or d, such as 500ms or 10m`,
      abort: true,
    })
    .transform((text) => parseDuration(text)!)
    .refine((ms) => ms <= MAX_DURATION_MS, { error: "a duration can be at most 30d" })
    .refine((ms) => ms >= atLeastMs, { error: `this duration must be at least ${atLeastMs}ms` });
}

export function list<Item extends z.ZodType>(item: Item, { min = 0, max }: { min?: number; max: number }) {
  return z.array(item).min(min).max(max);
}

/** A map whose keys are names; the order of the file is kept. */
export function mapOf<Value extends z.ZodType>(key: z.ZodString, value: Value, max: number) {
  return z.record(key, value).refine((map) => Object.keys(map).length <= max, {
    error: `this map can have at most ${max} entries`,
  });
}

export const title = word(
  "name",
  /^[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}$/,
  'letters, digits, " ", ".", "_" and "-", starting with a letter or digit, at most 100 characters',
);

export const artifactGlob = z.string().superRefine((glob, context) => {
  const fault = refuseGlob(glob.replace(/^!/, ""));
  if (fault !== null)
    context.addIssue({
      code: "custom",
      message: `${describeValue(glob)} ${fault}: write a path or glob inside the workspace, such as dist/**`,
    });
});

export const stepRef = word(
  "step ref",
  /^[a-z0-9][a-z0-9_-]{0,62}$/,
  'lower-case letters, digits, "_" and "-", starting with a letter or digit, at most 63 characters',
);

export const variableName = word(
  "variable name",
  /^[A-Za-z_][A-Za-z0-9_]{0,99}$/,
  'letters, digits and "_", not starting with a digit, at most 100 characters',
);

export const outputName = word(
  "output name",
  /^[A-Za-z_][A-Za-z0-9_-]{0,99}$/,
  'letters, digits, "_" and "-", starting with a letter or "_", at most 100 characters',
);

export const queueName = word(
  "queue",
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/,
  'letters, digits, ".", "_" and "-", starting with a letter or digit, at most 63 characters',
);

export const runnerLabel = word(
  "label",
  /^[A-Za-z0-9][A-Za-z0-9._:/=-]{0,99}$/,
  'letters, digits, ".", "_", ":", "/", "=" and "-", starting with a letter or digit, at most 100 characters',
);

export const description = z.string().max(2_000).meta({ description: "What it is for, shown to people." });

export const plainValue = z.union([z.string().max(MAX_VALUE_LENGTH), z.number(), z.boolean()], {
  error: ({ input }) =>
    typeof input === "string"
      ? `a value can have at most ${MAX_VALUE_LENGTH} characters`
      : `expected text, a number or true/false, got ${describeValue(input)}${input === null ? ': write "" for empty text' : ""}`,
});

export const environment = (max: number) => mapOf(variableName, plainValue, max);
