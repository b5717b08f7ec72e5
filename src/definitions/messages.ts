import type { z } from "zod";

/** A value as a message names it. */
export function describeValue(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  if (typeof value === "string")
    return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a map";
  return typeof value === "number" ? `the number ${value}` : String(value);
}

const KINDS: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a map",
  record: "a map",
};

/** What a rule of the model says to the author of a file; rules with words of their own do not come here. */
export function messageOf(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return typeMessage(issue.expected, issue.input, String(issue.path?.at(-1)));
    case "invalid_value":
      return `expected ${oneOf(issue.values)}, got ${describeValue(issue.input)}`;
    case "invalid_key":
      return issue.issues[0]?.message ?? "this key is not allowed";
    case "too_small":
      return sizeMessage(issue.origin, "at least", Number(issue.minimum));
    case "too_big":
      return sizeMessage(issue.origin, "at most", Number(issue.maximum));
    default:
      return `${describeValue(issue.input)} is not allowed here`;
  }
}

function typeMessage(expected: string, input: unknown, key: string): string {
  if (input === undefined) return `"${key}" is required`;
  const wanted = KINDS[expected] ?? expected;
  const got = describeValue(input);
  if (input === null) return `expected ${wanted}, got nothing: give a value or remove the key`;
  if (expected === "string" && typeof input !== "object")
    return `expected text, got ${got}: put it in quotes`;
  if (expected === "array" && typeof input === "string")
    return `expected a list, got ${got}: write [${input.slice(0, 60)}]`;
  return `expected ${wanted}, got ${got}`;
}

function sizeMessage(origin: string, bound: string, count: number): string {
  const items = { string: "character", array: "item" }[origin];
  if (items === undefined) return `must be ${bound} ${count}`;
  return `must have ${bound} ${count} ${count === 1 ? items : `${items}s`}`;
}

export function oneOf(values: readonly unknown[]): string {
  const quoted = values.map((value) => `"${String(value)}"`);
  return quoted.length === 1 ? quoted[0]! : `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`;
}
