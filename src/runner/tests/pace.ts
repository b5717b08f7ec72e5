const WEIGHT = 0.1;

/** How many tests are to be here so that none of the places stands empty while the server is asked for more. */
export class Pace {
  private durationMs: number | null = null;
  private answerMs = 0;

  constructor(private readonly parallel: number) {}

  ended(durationMs: number): void {
    this.durationMs = smooth(this.durationMs, Math.max(durationMs, 1));
  }

  answered(ms: number): void {
    this.answerMs = smooth(this.answerMs, ms);
  }

  /** Long tests are fetched when there is a place for them: whoever waits here could be run elsewhere. */
  get target(): number {
    if (this.durationMs === null) return this.parallel;
    return this.parallel + Math.floor((2 * this.parallel * this.answerMs) / this.durationMs);
  }
}

function smooth(average: number | null, value: number): number {
  return average === null ? value : average + WEIGHT * (value - average);
}
