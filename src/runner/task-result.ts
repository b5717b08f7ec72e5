import type { CommandEnd } from "./execute.ts";
import { OutputError, readOutput, type StepOutput } from "./outputs.ts";
import type { GrantedTask, TaskOutcome } from "./protocol.ts";
import { storableText } from "./storable-text.ts";

export interface TaskResult {
  readonly outcome: TaskOutcome;
  readonly exitCode: number | null;
  readonly output: StepOutput | null;
  readonly error: string | null;
  /** A signal from outside ended it. */
  readonly struckDown: boolean;
}

const MAX_ERROR_LENGTH = 2_000;

export function storableError(message: string): string {
  return storableText(message.slice(0, MAX_ERROR_LENGTH));
}

/** Why a command that nobody stopped failed. */
export function failureOf({ startError, signal, exitCode }: CommandEnd): string | null {
  if (startError !== null) return `could not be started: ${startError}`;
  if (signal !== null) return `killed by ${signal}`;
  return exitCode === 0 ? null : `exit code ${exitCode}`;
}

export function timeoutMessage(timeoutMs: number): string {
  return `timed out after ${timeoutMs / 1000} s`;
}

export async function conclude(
  end: CommandEnd,
  { spec }: GrantedTask,
  outputFile: string,
  stopCause: string,
): Promise<TaskResult> {
  const result = (outcome: TaskOutcome, error: string | null, output: StepOutput | null = null) => {
    const struckDown = end.cause === "ITSELF" && end.signal !== null;
    return { outcome, exitCode: end.exitCode, error, output, struckDown };
  };
  if (end.cause === "STOPPED") return result("ABORTED", stopCause);
  if (end.cause === "TIMEOUT") return result("TIMED_OUT", timeoutMessage(spec.timeoutMs));
  const failure = failureOf(end);
  if (end.startError !== null) return result("FAILED", failure);
  try {
    const output = await readOutput(outputFile);
    return failure === null ? result("SUCCEEDED", null, output) : result("FAILED", failure, output);
  } catch (error) {
    if (!(error instanceof OutputError)) throw error;
    return result("FAILED", failure ?? error.message);
  }
}
