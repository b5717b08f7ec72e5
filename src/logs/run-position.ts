import type { LogHead } from "../persistence/queries/logs.ts";

/** How far a reader has come in the logs of a step. */
interface StepPosition {
  /** Attempts whose logs are done with. */
  done: number;
  /** Bytes of the next one that were read. */
  offset: number;
}

/**
 * How far a reader has come in all logs of a run. In a cursor it is a list of numbers, three for each stretch of steps
 * that stand alike: how many they are, attempts done, bytes read of the next. Most steps of a run have either not begun
 * or are done after one attempt, so the list is as long as there are steps at work.
 */
export class RunPosition {
  readonly #steps: StepPosition[] = [];

  /** @returns null when these numbers were never written by `numbers` */
  static read(numbers: readonly number[]): RunPosition | null {
    const position = new RunPosition();
    if (numbers.length === 1 && numbers[0] === 0) return position;
    if (numbers.length % 3 !== 0) return null;
    for (let i = 0; i < numbers.length; i += 3) {
      const [count, done, offset] = numbers.slice(i, i + 3) as [number, number, number];
      if (count === 0 || position.#steps.length + count > MAX_STEPS) return null;
      for (let n = 0; n < count; n++) position.#steps.push({ done, offset });
    }
    return position;
  }

  numbers(): number[] {
    const numbers: number[] = [];
    for (const { done, offset } of this.#steps) {
      if (numbers.length > 0 && numbers.at(-2) === done && numbers.at(-1) === offset) {
        numbers[numbers.length - 3]!++;
      } else numbers.push(1, done, offset);
    }
    return numbers.length === 0 ? [0] : numbers;
  }

  /** The bytes that were read of an attempt's log; null when it is done with. */
  offsetOf({ step, attempt }: Pick<LogHead, "step" | "attempt">): number | null {
    const { done, offset } = this.#steps[step] ?? { done: 0, offset: 0 };
    if (attempt <= done) return null;
    return attempt === done + 1 ? offset : 0;
  }

  moveTo({ step, attempt }: Pick<LogHead, "step" | "attempt">, offset: number): void {
    this.#set(step, { done: attempt - 1, offset });
  }

  finish({ step, attempt }: Pick<LogHead, "step" | "attempt">): void {
    this.#set(step, { done: attempt, offset: 0 });
  }

  #set(step: number, position: StepPosition): void {
    while (this.#steps.length < step) this.#steps.push({ done: 0, offset: 0 });
    this.#steps[step] = position;
  }
}

/** More than any run has: a cursor may be made up. */
const MAX_STEPS = 100_000;
