import type { TextChanges } from "../actions/label-workflow-run.ts";
import { invalidValue } from "../domain/refusals.ts";
import { mendNuls } from "./json-text.ts";
import { isTextMap } from "./types/workflow-run-filter.ts";

/** Values of the scalar JSON that have to be of some kind; each refuses with a fault at `path`. */

export function readObject(path: string, value: unknown): Record<string, unknown> {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isObject) throw invalidValue(path, "must be an object");
  return readStorable(path, value) as Record<string, unknown>;
}

export function readTextMap(path: string, value: unknown): Record<string, string> {
  if (!isTextMap(value)) throw invalidValue(path, "must be an object of text values");
  return readStorable(path, value);
}

/** A change of a map of texts: a text sets an entry, null removes it. */
export function readTextChanges(path: string, value: unknown): TextChanges {
  const changes = readObject(path, value);
  if (!Object.values(changes).every((text) => text === null || typeof text === "string")) {
    throw invalidValue(path, "must be an object of text values, or null to remove");
  }
  return changes as TextChanges;
}

/** PostgreSQL stores a NUL in no text. */
export function readStorable<Value>(path: string, value: Value): Value {
  const text = JSON.stringify(value);
  if (mendNuls(text) !== text) throw invalidValue(path, "must not contain a NUL character");
  return value;
}
