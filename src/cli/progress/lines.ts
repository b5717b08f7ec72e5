import type { WorkflowRunStatus } from "../../domain/statuses.ts";
import { alignColumns, formatDuration } from "./format.ts";
import { plainText } from "./log-text.ts";
import { type Paint, paintStatus } from "./paint.ts";
import type { FinishInput } from "./progress-input.ts";
import { durationOf, reasonText, type StepProgress } from "./run-progress.ts";

export function runStatusLine(status: WorkflowRunStatus, paint: Paint): string {
  return `==> run ${paintStatus(paint, status, status)}`;
}

/** `--> unit FAILED in 3.0s, attempt 2: exit code 1` */
export function stepStatusLine(step: StepProgress, paint: Paint): string {
  const durationMs = durationOf(step);
  const time = durationMs === null ? "" : ` in ${formatDuration(durationMs)}`;
  const attempt = step.attempt > 1 ? `, attempt ${step.attempt}` : "";
  return `--> ${step.ref} ${paintStatus(paint, step.status, step.status)}${time}${attempt}${explanation(step.reason)}`;
}

function explanation(reason: string): string {
  return reason === "" ? "" : `: ${reason}`;
}

const HEADINGS = ["step", "stage", "status", "duration", "attempt"];

export function summaryLines(steps: readonly StepProgress[], finish: FinishInput, paint: Paint): string[] {
  const rows = steps.map((step) => {
    const durationMs = durationOf(step);
    return [
      step.ref,
      step.stage,
      step.status,
      durationMs === null ? "-" : formatDuration(durationMs),
      step.attempt === 0 ? "-" : String(step.attempt),
    ];
  });
  const [headings, ...table] = alignColumns([HEADINGS, ...rows]);
  const painted = table.map((row, index) => paintStatus(paint, steps[index]!.status, row));
  return ["", paint("bold", headings!), ...painted, "", finalLine(finish, paint)];
}

/** `run #3 of ci SUCCEEDED in 6.2s` */
function finalLine({ workflowName, number, status, reason, durationMs }: FinishInput, paint: Paint): string {
  const time = durationMs === null ? "" : ` in ${formatDuration(durationMs)}`;
  const why = explanation(reasonText(reason));
  return `run #${number} of ${plainText(workflowName)} ${paintStatus(paint, status, status)}${time}${why}`;
}
