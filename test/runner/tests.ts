import type { TestTaskSpec } from "../../src/runner/protocol.ts";
import { task } from "./harness.ts";

type TaskOptions = Parameters<typeof task>;

/** A granted test step. */
export function testTask(
  test: Partial<TestTaskSpec> & { readonly run: string },
  spec: TaskOptions[1] = {},
  rest: TaskOptions[2] = {},
) {
  const whole = {
    discover: null,
    report: null,
    parallel: 1,
    testTimeoutMs: 60_000,
    rediscover: true,
    testSuite: null,
    releaseIds: [],
    configuration: {},
    ...test,
  };
  return task("", { test: whole, ...spec }, rest);
}
