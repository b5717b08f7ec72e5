import { PlainView } from "./plain-view.ts";
import type { ProgressView } from "./progress-input.ts";
import { TerminalView } from "./terminal-view.ts";

export type { FinishInput, LogLineInput, ProgressView, StepStatusInput } from "./progress-input.ts";

/** What is used of a stream such as `process.stdout`. */
export interface ProgressStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  hasColors?(): boolean;
}

export interface ProgressViewOptions {
  readonly stream: ProgressStream;
  readonly isTTY?: boolean;
  /** Fixed width; without it, that of the stream at each moment. */
  readonly columns?: number;
  /** Without it, what the stream says, which honors NO_COLOR. */
  readonly color?: boolean;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

const USUAL_COLUMNS = 80;
const USUAL_ROWS = 24;

export function createProgressView(options: ProgressViewOptions): ProgressView {
  const { stream, isTTY = stream.isTTY === true, now = Date.now } = options;
  const write = (text: string) => stream.write(text);
  if (!isTTY) return new PlainView(write);
  return new TerminalView({
    write,
    now,
    color: options.color ?? stream.hasColors?.() ?? false,
    // Some pseudo terminals claim to be 0 wide.
    columns: () => options.columns || stream.columns || USUAL_COLUMNS,
    rows: () => stream.rows || USUAL_ROWS,
  });
}
