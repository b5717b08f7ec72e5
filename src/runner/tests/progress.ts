import type { TestResult, TestTask } from "../protocol-tests.ts";
import { monotonicMs } from "../waiting.ts";

const MIN_PAUSE_MS = 2_000;
const MAX_LISTED_FAILURES = 1_000;
const FAILURES: ReadonlySet<TestResult["status"]> = new Set(["FAILED", "ERRORED", "TIMED_OUT"]);

/** Tells people who read the step's log how its tests get on. */
export class TestProgress {
  private done = 0;
  private failed = 0;
  private skipped = 0;
  private toldDone = 0;
  private toldAt = monotonicMs();

  constructor(private readonly note: (text: string) => void) {}

  ended({ key }: Pick<TestTask, "key">, { status, message }: Pick<TestResult, "status" | "message">): void {
    this.done++;
    if (status === "SKIPPED") this.skipped++;
    if (!FAILURES.has(status)) return;
    this.failed++;
    if (this.failed > MAX_LISTED_FAILURES) return;
    this.note(`${status} ${key}${message === null ? "" : `: ${message}`}`);
    if (this.failed === MAX_LISTED_FAILURES) this.note("further failures are not listed here");
  }

  /** @param left how many are still to end */
  tell(left: number): void {
    const now = monotonicMs();
    if (left <= 0 || this.done === this.toldDone || now - this.toldAt < MIN_PAUSE_MS) return;
    this.toldDone = this.done;
    this.toldAt = now;
    this.note(`${count(this.done)}/${count(this.done + left)} done, ${count(this.failed)} failed`);
  }

  get failures(): number {
    return this.failed;
  }

  summary(): string {
    const tests = `${count(this.done)} ${this.done === 1 ? "test" : "tests"} done`;
    return `${tests}, ${count(this.failed)} failed, ${count(this.skipped)} skipped`;
  }
}

export function count(number: number): string {
  return number.toLocaleString("en");
}
