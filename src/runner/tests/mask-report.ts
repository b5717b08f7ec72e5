import type { SecretMasker } from "../../domain/mask.ts";
import type { DiscoveredTest, TestReport, TestResult } from "../protocol-tests.ts";
import type { SendTestReport } from "./test-reporter.ts";

/** Takes the step's secrets out of all that is told of its tests. */
export function maskingReports(send: SendTestReport, masker: SecretMasker): SendTestReport {
  return async (report, signal) => await send(maskReport(report, masker), signal);
}

function maskReport({ discovered, results, ...rest }: TestReport, masker: SecretMasker): TestReport {
  return {
    ...rest,
    ...(discovered && { discovered: discovered.map((test) => maskTest(test, masker)) }),
    ...(results && { results: results.map((result) => maskResult(result, masker)) }),
  };
}

function maskResult(result: TestResult, masker: SecretMasker): TestResult {
  const { test, message, details } = result;
  return {
    ...result,
    ...(test && { test: maskTest(test, masker) }),
    message: maskText(message, masker),
    details: maskText(details, masker),
  };
}

function maskTest({ key, name, suite, file }: DiscoveredTest, masker: SecretMasker): DiscoveredTest {
  return {
    key: masker.maskText(key),
    name: maskText(name, masker),
    suite: maskText(suite, masker),
    file: maskText(file, masker),
  };
}

function maskText(text: string | null, masker: SecretMasker): string | null {
  return text === null ? null : masker.maskText(text);
}
