import type { WorkflowRunStatus } from "../../domain/statuses.ts";
import { footerLines } from "./footer.ts";
import { runStatusLine, stepStatusLine, summaryLines } from "./lines.ts";
import { coloredText, plainText, shownLines } from "./log-text.ts";
import { createPaint, type Paint, refFormat } from "./paint.ts";
import type { FinishInput, LogLineInput, ProgressView, StepStatusInput } from "./progress-input.ts";
import { RunProgress } from "./run-progress.ts";

export interface Terminal {
  write(text: string): unknown;
  readonly columns: () => number;
  readonly rows: () => number;
  readonly color: boolean;
  readonly now: () => number;
}

const REFRESH_MS = 100;
const WIDEST_REF = 24;
const NO_WRAP = "\u001b[?7l";
const WRAP = "\u001b[?7h";

/**
 * Lines scroll above a footer that is redrawn in place. What happens between two refreshes is written in one
 * piece: a step that prints thousands of lines a second costs no redraw for each of them.
 */
export class TerminalView implements ProgressView {
  readonly #terminal: Terminal;
  readonly #paint: Paint;
  readonly #progress = new RunProgress();
  readonly #startedAt: number;
  readonly #ticker: ReturnType<typeof setInterval>;
  #status: WorkflowRunStatus | null = null;
  #above: string[] = [];
  #footer: readonly string[] = [];
  #refWidth = 0;
  #closed = false;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    this.#paint = createPaint(terminal.color);
    this.#startedAt = terminal.now();
    this.#ticker = setInterval(() => this.#refresh(), REFRESH_MS);
    this.#ticker.unref();
  }

  runStatus(status: WorkflowRunStatus): void {
    // A run at work is what the footer shows anyway.
    if (status !== this.#status && status !== "RUNNING") this.#above.push(runStatusLine(status, this.#paint));
    this.#status = status;
  }

  stepStatus(input: StepStatusInput): void {
    const step = this.#progress.apply(input);
    this.#refWidth = Math.max(this.#refWidth, Math.min(WIDEST_REF, plainText(input.ref).length));
    if (step !== null && step.status !== "RUNNING") this.#above.push(stepStatusLine(step, this.#paint));
  }

  logLine({ ref, stream, text }: LogLineInput): void {
    const name = plainText(ref);
    const own = stream === "system";
    const format = refFormat(this.#progress.step(name)?.index ?? 0);
    const prefix = this.#paint(format, `${name.padEnd(this.#refWidth)} ${own ? "#" : "|"}`);
    for (const line of shownLines(text)) {
      const shown = this.#terminal.color ? coloredText(line) : plainText(line);
      this.#above.push(`${prefix} ${own ? this.#paint("dim", shown) : shown}`);
    }
  }

  finish(input: FinishInput): void {
    this.#above.push(...summaryLines(this.#progress.steps, input, this.#paint));
    this.close();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#ticker);
    this.#draw([]);
  }

  #refresh(): void {
    const { columns, rows, now } = this.#terminal;
    const footer = footerLines(
      {
        progress: this.#progress,
        status: this.#status,
        startedAt: this.#startedAt,
        now: now(),
        columns: columns(),
        rows: rows(),
      },
      this.#paint,
    );
    if (this.#above.length > 0 || footer.join("\n") !== this.#footer.join("\n")) this.#draw(footer);
  }

  #draw(footer: readonly string[]): void {
    const above = this.#above.map((line) => `${line}\n`).join("");
    const below = footer.length === 0 ? "" : NO_WRAP + footer.join("\n") + WRAP;
    const text = eraseLines(this.#footer.length) + above + below;
    this.#above = [];
    this.#footer = footer;
    if (text !== "") this.#terminal.write(text);
  }
}

/** The cursor stands in the last of them. */
function eraseLines(count: number): string {
  if (count === 0) return "";
  const up = count > 1 ? `\u001b[${count - 1}A` : "";
  return `\r${up}\u001b[0J`;
}
