import { styleText } from "node:util";
import type { StepRunStatus, WorkflowRunStatus } from "../../domain/statuses.ts";

export type Format = Parameters<typeof styleText>[0];

/** Colors a text, or leaves it alone where colors are not wanted. */
export type Paint = (format: Format, text: string) => string;

export function createPaint(color: boolean): Paint {
  // Whether colors are wanted is decided once by our caller, not per text by what standard output is.
  return color ? (format, text) => styleText(format, text, { validateStream: false }) : (_, text) => text;
}

const STATUS_FORMATS: Partial<Record<StepRunStatus | WorkflowRunStatus, Format>> = {
  SUCCEEDED: "green",
  FAILED: "red",
  TIMED_OUT: "red",
  CANCELED: "yellow",
  CANCELING: "yellow",
  WAITING: "yellow",
  PAUSED: "yellow",
  RUNNING: "cyan",
  SKIPPED: "dim",
};

export function paintStatus(paint: Paint, status: StepRunStatus | WorkflowRunStatus, text: string): string {
  const format = STATUS_FORMATS[status];
  return format === undefined ? text : paint(format, text);
}

/** Red is left to failures. */
const REF_FORMATS: readonly Format[] = [
  "cyan",
  "magenta",
  "yellow",
  "blue",
  "green",
  "cyanBright",
  "magentaBright",
  "yellowBright",
  "blueBright",
  "greenBright",
];

/** The format of the nth step: the same for all of its lines, and different from its neighbors'. */
export function refFormat(index: number): Format {
  return REF_FORMATS[index % REF_FORMATS.length]!;
}
