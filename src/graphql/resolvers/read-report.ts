import { placeOf } from "../../domain/ids.ts";
import type { TaskReport } from "../../orchestration/report.ts";
import { badInput } from "../errors.ts";
import { mendNuls, mendSurrogates } from "../json-text.ts";
import type { TaskReportInput } from "../types/runner-protocol.ts";

const MAX_OUTPUT_BYTES = 2 ** 20;
const MAX_ERROR_LENGTH = 10_000;

/** A report as the orchestration takes it; null when it names no step at all. */
export function readReport(input: TaskReportInput, session: string, accountId: string): TaskReport | null {
  const { fence, kind, logLength, logCrc32 } = input;
  const outcome = input.outcome ?? null;
  if (kind === "FINISHED" && outcome === null) throw badInput("`outcome` is required with FINISHED");
  if (logCrc32 != null && !/^[0-9a-f]{8}$/.test(logCrc32))
    throw badInput("`logCrc32` must be 8 lower-case hex digits");
  if (logLength != null && logLength < 0) throw badInput("`logLength` must not be negative");
  const place = placeOf("StepRun", input.stepRunId);
  if (place === null) return null;
  return {
    session,
    accountId,
    runId: place.runId,
    step: place.index,
    fence,
    kind,
    outcome,
    exitCode: input.exitCode ?? null,
    output: readOutput(input.output),
    error: input.error == null ? null : storable(input.error).slice(0, MAX_ERROR_LENGTH),
    log: logLength == null || logCrc32 == null ? null : { length: logLength, crc32: logCrc32 },
  };
}

function readOutput(output: unknown): Record<string, unknown> | null {
  if (output == null) return null;
  if (typeof output !== "object" || Array.isArray(output)) throw badInput("`output` must be an object");
  const text = JSON.stringify(output);
  if (Buffer.byteLength(text) > MAX_OUTPUT_BYTES) throw badInput("`output` must not exceed 1 MiB");
  // Reports of many runners share a transaction: one that cannot be stored would stop them all.
  return JSON.parse(mendNuls(mendSurrogates(text)));
}

/** Without NULs, which PostgreSQL stores in no text. */
export function storable(text: string): string {
  return text.replaceAll("\0", "\ufffd");
}

/** Cutting can halve a character of two units, which JSON columns refuse. */
export function shortened(text: string, length: number): string {
  return wellFormed(storable(text).slice(0, length));
}

/** Without halves of characters. */
export function wellFormed(text: string): string {
  return text.replaceAll(/\p{Surrogate}/gu, "\ufffd");
}
