import type { WorkflowRunStatus } from "../../domain/statuses.ts";
import { formatElapsed } from "./format.ts";
import { type Format, type Paint, refFormat } from "./paint.ts";
import type { RunProgress, StepProgress } from "./run-progress.ts";

export interface FooterInput {
  readonly progress: RunProgress;
  readonly status: WorkflowRunStatus | null;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly now: number;
  readonly columns: number;
  readonly rows: number;
}

const MOST_STEPS_SHOWN = 6;
const WIDEST_BAR = 30;

/** The part of the screen that is redrawn: the bar with its counts, then the steps at work. */
export function footerLines(input: FooterInput, paint: Paint): string[] {
  const active = input.progress.steps.filter(
    ({ status }) => status === "RUNNING" || status === "CANCELING" || status === "WAITING",
  );
  // Rows above the footer must remain, or the terminal scrolls while it is drawn.
  const room = Math.max(0, Math.min(MOST_STEPS_SHOWN, input.rows - 4));
  const shown = active.slice(0, room).map((step) => stepLine(step, input, paint));
  const hidden = active.length - shown.length;
  const more =
    hidden > 0 && room > 0 ? [cutToWidth([["dim", `  ... and ${hidden} more`]], input.columns, paint)] : [];
  return [barLine(input, paint), ...shown, ...more];
}

function barLine({ progress, status, startedAt, now, columns }: FooterInput, paint: Paint): string {
  const { steps, finishedCount } = progress;
  const width = Math.max(5, Math.min(WIDEST_BAR, columns - 50));
  const filled = steps.length === 0 ? 0 : Math.floor((finishedCount / steps.length) * width);
  const running = steps.filter((step) => step.status === "RUNNING").length;
  const failed = steps.filter((step) => step.status === "FAILED" || step.status === "TIMED_OUT").length;
  const counts = [`${finishedCount}/${steps.length} steps`, `${running} running`];
  return cutToWidth(
    [
      [null, `${status ?? "PENDING"} `],
      ["green", "█".repeat(filled)],
      ["dim", "░".repeat(width - filled)],
      [null, ` ${counts.join(", ")}`],
      ["red", failed > 0 ? `, ${failed} failed` : ""],
      [null, `, ${formatElapsed(now - startedAt)}`],
    ],
    columns,
    paint,
  );
}

function stepLine(step: StepProgress, { now, columns }: FooterInput, paint: Paint): string {
  const elapsed = step.startedAt === null ? "" : ` ${formatElapsed(now - step.startedAt)}`;
  const attempt = step.attempt > 1 ? `, attempt ${step.attempt}` : "";
  const reason = step.status === "WAITING" && step.reason !== "" ? `: ${step.reason}` : "";
  return cutToWidth(
    [
      [null, "  "],
      [refFormat(step.index), step.ref],
      [null, ` ${step.status}${elapsed}${attempt}${reason}`],
    ],
    columns,
    paint,
  );
}

type Segment = readonly [Format | null, string];

/** Cuts before coloring, so that no sequence is cut and the last column stays free. */
function cutToWidth(segments: readonly Segment[], columns: number, paint: Paint): string {
  let room = Math.max(0, columns - 1);
  let line = "";
  for (const [format, text] of segments) {
    const cut = text.slice(0, room);
    room -= cut.length;
    if (cut !== "") line += format === null ? cut : paint(format, cut);
  }
  return line;
}
