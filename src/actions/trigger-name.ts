import { type Fault, invalidValue, type RefusedError } from "../domain/refusals.ts";

const MAX_NAME_LENGTH = 100;

/** What is wrong with the name of a schedule or a webhook. */
export function nameFaults(name: string): Fault[] {
  if (name.trim() !== "" && name.length <= MAX_NAME_LENGTH && !name.includes("\0")) return [];
  const message = `1 to ${MAX_NAME_LENGTH} characters, not all of them blank, and no NUL`;
  return [{ path: "input.name", message, line: null, column: null }];
}

export function nameTaken(what: "schedule" | "webhook", name: string): RefusedError {
  return invalidValue("input.name", `the workflow has a ${what} named ${JSON.stringify(name)} already`);
}
