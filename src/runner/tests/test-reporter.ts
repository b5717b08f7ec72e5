import {
  type DiscoveredTest,
  MAX_TESTS_A_CALL,
  type ReportTestRunsPayload,
  type TestReport,
} from "../protocol-tests.ts";
import { firstBatch } from "./batches.ts";

/** Repeats the call until it is answered; rejects with a ProtocolError when that is given up or refused. */
export type SendTestReport = (report: TestReport, signal: AbortSignal) => Promise<ReportTestRunsPayload>;

/** The server has given the step to another: whatever runs here is to be killed and not reported. */
export class StepLost extends Error {
  override readonly name = "StepLost";
}

/** One task's calls about its tests. They must follow one another: each says what runs here at that moment. */
export class TestReporter {
  constructor(
    private readonly sendReport: SendTestReport,
    /** Ends every call but those that bring a signal of their own. */
    private readonly signal: AbortSignal,
  ) {}

  async send(report: TestReport, signal = this.signal): Promise<ReportTestRunsPayload> {
    const answer = await this.sendReport(report, signal);
    if (answer.stale) throw new StepLost();
    return answer;
  }

  /** Tells all tests; the last call also asks for the first ones to execute. */
  async sendDiscovered(tests: readonly DiscoveredTest[], take: number): Promise<ReportTestRunsPayload> {
    let told = 0;
    for (;;) {
      const discovered = firstBatch(tests.slice(told, told + MAX_TESTS_A_CALL));
      told += discovered.length;
      const discoveryComplete = told === tests.length;
      const answer = await this.send({ discovered, discoveryComplete, ...(discoveryComplete && { take }) });
      if (discoveryComplete) return answer;
    }
  }
}
