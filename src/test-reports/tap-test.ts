import type { Result } from "tap-parser";
import { CappedText, MAX_DETAILS_BYTES, messageOf } from "./capped-text.ts";
import type { ReportedTest } from "./report.ts";
import { cleanName, joinNames, type TestKeys } from "./test-keys.ts";

type Diagnostics = Readonly<Record<string, unknown>>;

/** @param suites names of the subtests around it, outermost first */
export function tapTest(result: Result, suites: readonly string[], keys: TestKeys): ReportedTest {
  const diagnostics: Diagnostics = typeof result.diag === "object" && result.diag !== null ? result.diag : {};
  const status = statusOf(result);
  const reason = [result.skip, result.todo].find((value) => typeof value === "string" && value !== "");
  return {
    key: keys.keyOf([...suites, result.name]),
    name: cleanName(result.name) || "unnamed",
    suite: joinNames(suites),
    file: fileOf(diagnostics),
    status,
    startedAt: null,
    durationMs: validTime(result.time) ?? validTime(diagnostics["duration_ms"]),
    message: status === "FAILED" ? failureOf(diagnostics) : messageOf(String(reason ?? "")),
    details: status === "FAILED" ? detailsOf(diagnostics) : null,
    output: [],
  };
}

/** Of a test that is still to be done, nobody expects that it passes. */
function statusOf({ ok, skip, todo }: Result): ReportedTest["status"] {
  if (skip !== false || todo !== false) return "SKIPPED";
  return ok ? "PASSED" : "FAILED";
}

function failureOf({ message, error }: Diagnostics): string | null {
  return [message, error].map((value) => messageOf(textOf(value))).find((text) => text !== null) ?? null;
}

/** `at` of tap, `location` of node ("file:line:column"). */
function fileOf({ at, location, file }: Diagnostics): string | null {
  const place = typeof at === "object" && at !== null ? (at as Diagnostics) : {};
  const named = [place["fileName"], place["file"], file].find((value) => typeof value === "string");
  return cleanName(textOf(named ?? textOf(location).replace(/(:\d+){1,2}$/, ""))) || null;
}

function detailsOf(diagnostics: Diagnostics): string | null {
  const details = new CappedText(MAX_DETAILS_BYTES);
  for (const [key, value] of Object.entries(diagnostics)) {
    const text = textOf(value).trimEnd();
    details.append(text.includes("\n") ? `${key}:\n${text}\n` : `${key}: ${text}\n`);
  }
  return details.value?.trimEnd() ?? null;
}

/** YAML knows more kinds of values than JSON. */
function textOf(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (typeof value !== "object" || value instanceof RegExp) return String(value);
  if (value instanceof Error) return value.message;
  return JSON.stringify(value, (_, part: unknown) => (typeof part === "bigint" ? String(part) : part), 2);
}

function validTime(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : null;
}
