import type { WorkflowRunStatus } from "../../domain/statuses.ts";
import { runStatusLine, stepStatusLine, summaryLines } from "./lines.ts";
import { plainText, shownLines } from "./log-text.ts";
import { createPaint } from "./paint.ts";
import type { FinishInput, LogLineInput, ProgressView, StepStatusInput } from "./progress-input.ts";
import { RunProgress } from "./run-progress.ts";

const noPaint = createPaint(false);

/** For files, pipes and the logs of other systems: one line per happening, no control codes, no timers. */
export class PlainView implements ProgressView {
  readonly #write: (text: string) => unknown;
  readonly #progress = new RunProgress();
  #status: WorkflowRunStatus | null = null;
  #closed = false;

  constructor(write: (text: string) => unknown) {
    this.#write = write;
  }

  runStatus(status: WorkflowRunStatus): void {
    if (status === this.#status) return;
    this.#status = status;
    this.#print([runStatusLine(status, noPaint)]);
  }

  stepStatus(input: StepStatusInput): void {
    const step = this.#progress.apply(input);
    if (step !== null) this.#print([stepStatusLine(step, noPaint)]);
  }

  logLine({ ref, stream, text }: LogLineInput): void {
    const mark = stream === "system" ? "#" : "|";
    this.#print(shownLines(text).map((line) => `${plainText(ref)} ${mark} ${plainText(line)}`.trimEnd()));
  }

  finish(input: FinishInput): void {
    this.#print(summaryLines(this.#progress.steps, input, noPaint));
    this.#closed = true;
  }

  close(): void {
    this.#closed = true;
  }

  #print(lines: readonly string[]): void {
    if (!this.#closed) this.#write(`${lines.join("\n")}\n`);
  }
}
