import type { ReadReport, ReportedTest, TestOutput } from "../../test-reports/report.ts";
import { TestKeys } from "../../test-reports/test-keys.ts";
import type { CommandOutput } from "../execute.ts";
import { MAX_TESTS_A_CALL, type TestResult } from "../protocol-tests.ts";
import { storableText } from "../storable-text.ts";
import { firstBatch, fittingText } from "./batches.ts";
import type { TestProgress } from "./progress.ts";
import { findReports, openReport } from "./report-files.ts";
import { NO_LOG, type TestLogPlace } from "./test-logs.ts";
import type { TestReporter } from "./test-reporter.ts";
import type { TestStep } from "./test-step.ts";

const MAX_NAME_LENGTH = 1_000;
const MAX_DETAILS_JSON_BYTES = 100 * 1024;

/** Which of a report's tests count, and how the server knows them; null = not asked for. */
export type Addressing = (test: ReportedTest) => Pick<TestResult, "testId" | "test"> | null;

export interface ImportOptions {
  readonly step: TestStep;
  readonly reporter: TestReporter;
  readonly progress: TestProgress;
  readonly output: CommandOutput;
  readonly address: Addressing;
  /** Of tests that were handed out, those that are not told yet. */
  readonly running: () => readonly string[];
  readonly signal: AbortSignal;
}

/** The parsers are loaded when they are needed: most runners never read a report. */
async function readerOf(format: "JUNIT" | "TAP"): Promise<ReadReport> {
  if (format === "TAP") return (await import("../../test-reports/read-tap.ts")).readTap;
  return (await import("../../test-reports/read-junit.ts")).readJunit;
}

/** Tells the server of the tests in the reports that the command wrote. */
export class ReportImport {
  /** Files that could not be read, in words for the workflow's author. */
  readonly faults: string[] = [];
  files = 0;
  private readonly keys = new TestKeys();
  private results: TestResult[] = [];

  constructor(private readonly options: ImportOptions) {}

  async run(): Promise<void> {
    const { step, signal } = this.options;
    const { format, globs } = step.spec.report!;
    const read = await readerOf(format);
    const files = await findReports(step.workspace, globs);
    this.files = files.length;
    for (const file of files) {
      signal.throwIfAborted();
      await this.readFile(file, read).catch((error: Error) => {
        if (!isFault(error)) throw error;
        this.faults.push(`${file}: ${error.message}`);
      });
    }
  }

  /** Adds a result that no report has told. */
  async add(result: TestResult): Promise<void> {
    this.results.push(result);
    if (this.results.length >= MAX_TESTS_A_CALL) await this.tell();
  }

  /** Tells what is left. */
  async finish(): Promise<void> {
    while (this.results.length > 0) await this.tell();
  }

  private async readFile(file: string, read: ReadReport): Promise<void> {
    const { output } = this.options;
    const handle = await openReport(this.options.step.workspace, file);
    const stream = handle.createReadStream({ highWaterMark: 64 * 1024 });
    try {
      await read(stream as AsyncIterable<Buffer>, {
        keys: this.keys,
        onTest: (test) => this.take(test),
        onSuiteOutput: (_, { stream, text }) => output.write(stream, Buffer.from(endedLine(text))),
      });
    } finally {
      stream.destroy();
      await handle.close();
    }
  }

  private async take(test: ReportedTest): Promise<void> {
    const { step, progress, address, signal } = this.options;
    const addressed = address(test);
    if (addressed === null) return;
    const { status, startedAt, durationMs, message, details } = test;
    const result: TestResult = {
      ...addressed,
      status,
      startedAt: startedAt?.toISOString() ?? null,
      durationMs,
      exitCode: null,
      message: message === null ? null : storableText(message),
      details: fittingText(details === null ? null : storableText(details), MAX_DETAILS_JSON_BYTES),
      ...this.writeLog(test.output),
    };
    progress.ended(test, result);
    await this.add(result);
    await step.logs.room(signal);
  }

  private writeLog(output: readonly TestOutput[]): TestLogPlace {
    if (output.length === 0) return NO_LOG;
    const log = this.options.step.logs.next();
    for (const { stream, text } of output) log.writer.write(stream, Buffer.from(endedLine(text)));
    return log.end();
  }

  private async tell(): Promise<void> {
    const results = firstBatch(this.results);
    const untold = this.results.slice(results.length).flatMap(({ testId }) => testId ?? []);
    await this.options.reporter.send({ results, running: [...this.options.running(), ...untold] });
    this.results = this.results.slice(results.length);
  }
}

function endedLine(text: string): string {
  return text.endsWith("\n") ? text : `${text}\n`;
}

/** A report that is no report, or a file that cannot be opened; anything else is no fault of the file. */
function isFault(error: NodeJS.ErrnoException): boolean {
  return error.name === "ReportError" || error.name === "Error";
}

/** For tests that the server need not know yet. */
export function byKey({ key, name, suite, file }: ReportedTest): Pick<TestResult, "test"> {
  const short = (text: string | null) => text && storableText(text.slice(0, MAX_NAME_LENGTH));
  return { test: { key, name: short(name), suite: short(suite), file: short(file) } };
}
