import { Readable } from "node:stream";
import { readJunit } from "../../src/test-reports/read-junit.ts";
import { readTap } from "../../src/test-reports/read-tap.ts";
import type { ReportedTest, TestOutput } from "../../src/test-reports/report.ts";
import { TestKeys } from "../../src/test-reports/test-keys.ts";

export interface Reading {
  readonly tests: ReportedTest[];
  readonly suiteOutput: (TestOutput & { readonly suite: string })[];
  /** The message of the ReportError that ended it; null when it was read to its end. */
  readonly error: string | null;
}

type Report = string | Buffer | readonly Buffer[];

async function readWith(read: typeof readJunit, report: Report, keys: TestKeys): Promise<Reading> {
  const chunks = typeof report === "string" ? [Buffer.from(report)] : [report].flat();
  const tests: ReportedTest[] = [];
  const suiteOutput: Reading["suiteOutput"] = [];
  const listener = {
    keys,
    onTest: (test: ReportedTest) => void tests.push(test),
    onSuiteOutput: (suite: string, output: TestOutput) => void suiteOutput.push({ suite, ...output }),
  };
  try {
    await read(Readable.from(chunks, { objectMode: true }), listener);
    return { tests, suiteOutput, error: null };
  } catch (error) {
    if ((error as Error).name !== "ReportError") throw error;
    return { tests, suiteOutput, error: (error as Error).message };
  }
}

export function junit(report: Report, keys = new TestKeys()): Promise<Reading> {
  return readWith(readJunit, report, keys);
}

export function tap(report: Report, keys = new TestKeys()): Promise<Reading> {
  return readWith(readTap, report, keys);
}

/** The bytes cut at the given places, wherever they lie. */
export function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return ends.map((end, index) => bytes.subarray(index === 0 ? 0 : ends[index - 1], end));
}
