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

/** PostgreSQL stores a NUL in no text. */
export function readStorable<Value>(path: string, value: Value): Value {
  const text = JSON.stringify(value);
  if (mendNuls(text) !== text) throw invalidValue(path, "must not contain a NUL character");
  return value;
}
