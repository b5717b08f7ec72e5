import type { ReportTestRunsInput, TestResult } from "../../src/runner/protocol-tests.ts";

export interface KnownTest {
  readonly id: string;
  readonly key: string;
  readonly name: string;
  readonly suite: string | null;
  readonly file: string | null;
  attempt: number;
  status: string;
  result: TestResult | null;
}

/** The server's side of a step's tests, as simple as the protocol allows. */
export class TestLedger {
  readonly calls: ReportTestRunsInput[] = [];
  /** Ids of tests that are to be stopped. */
  readonly aborts = new Set<string>();
  /** Which of the discovered tests are handed out; the others count as done. */
  wants: (key: string) => boolean = () => true;
  stale = false;
  complete = false;
  /** The most tests that were believed to run at once. */
  mostRunning = 0;
  private readonly byKey = new Map<string, KnownTest>();

  get all(): KnownTest[] {
    return [...this.byKey.values()];
  }

  of(key: string): KnownTest {
    const test = this.byKey.get(key);
    if (test === undefined) throw new Error(`no test ${key} was told`);
    return test;
  }

  /** Adds the test, or asks for it again. */
  queue(key: string): KnownTest {
    const test = this.know({ key });
    test.status = "QUEUED";
    return test;
  }

  count(status: string): number {
    return this.all.filter((test) => test.status === status).length;
  }

  report(input: ReportTestRunsInput) {
    this.calls.push(input);
    const { discovered = [], results = [], running = [], take = 0 } = input;
    if (this.stale) return { tests: [], aborts: [], open: 0, stale: true };
    for (const test of discovered) this.know(test);
    if (input.discoveryComplete) this.complete = true;
    for (const result of results) this.settle(result);
    const held = new Set(running);
    for (const test of this.all) if (test.status === "RUNNING" && !held.has(test.id)) test.status = "QUEUED";
    const tests = this.all.filter(({ status }) => status === "QUEUED").slice(0, take);
    for (const test of tests) {
      test.status = "RUNNING";
      test.attempt++;
    }
    this.mostRunning = Math.max(this.mostRunning, this.count("RUNNING"));
    const open = this.count("QUEUED") + this.count("RUNNING");
    return { tests, aborts: running.filter((id) => this.aborts.has(id)), open, stale: false };
  }

  private settle(result: TestResult): void {
    const { testId, test: named } = result;
    const test = named ? this.know(named) : this.all.find(({ id }) => id === testId);
    if (test === undefined) throw new Error(`no test ${testId} was handed out`);
    test.status = result.status;
    test.result = result;
  }

  private know({
    key,
    name,
    suite,
    file,
  }: {
    key: string;
    name?: string | null;
    suite?: string | null;
    file?: string | null;
  }): KnownTest {
    let test = this.byKey.get(key);
    if (test === undefined) {
      const id = `test_${this.byKey.size + 1}`;
      test = {
        id,
        key,
        name: name ?? key,
        suite: suite ?? null,
        file: file ?? null,
        attempt: 0,
        status: this.wants(key) ? "QUEUED" : "SKIPPED",
        result: null,
      };
      this.byKey.set(key, test);
    }
    return test;
  }
}
