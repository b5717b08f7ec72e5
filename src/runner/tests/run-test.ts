import { type Command, type CommandEnd, type ExecutionHost, execute } from "../execute.ts";
import type { TestResult, TestResultStatus, TestTask } from "../protocol-tests.ts";
import type { StopRequest } from "../stop-request.ts";
import { failureOf, timeoutMessage } from "../task-result.ts";
import { monotonicMs } from "../waiting.ts";
import { OutputTail } from "./output-tail.ts";
import type { TestStep } from "./test-step.ts";

/** As Automake has it. */
const SKIPPED_EXIT_CODE = 77;

/** Executes one test. It never rejects: whatever happens is the test's result. */
export async function runTest(
  test: TestTask,
  step: TestStep,
  stop: StopRequest,
  host: ExecutionHost,
): Promise<TestResult> {
  const log = step.logs.next();
  const tail = new OutputTail();
  const startedAt = step.clock.now().toISOString();
  const began = monotonicMs();
  const command = commandOf(test, log.part, step);
  const end = await execute(
    command,
    stop,
    {
      write(stream, chunk) {
        tail.add(chunk);
        log.writer.write(stream, chunk);
      },
      note: (text) => log.writer.system(text),
      backpressure: () => log.backpressure(),
    },
    host,
  ).catch(
    ({ message }: Error): CommandEnd => ({
      startError: message,
      exitCode: null,
      signal: null,
      cause: "ITSELF",
    }),
  );
  const status = statusOf(end);
  const failure = messageOf(end, command.timeoutMs);
  if (failure !== null && status !== "SKIPPED") log.writer.system(failure);
  // The record writer may still hold a line without an end.
  const place = log.end();
  return {
    testId: test.id,
    status,
    startedAt,
    durationMs: Math.round((monotonicMs() - began) * 1000) / 1000,
    exitCode: end.exitCode,
    message: status === "PASSED" ? null : sayFirst(status, tail.lastLine, failure),
    details: null,
    ...place,
  };
}

function commandOf({ key, name, attempt }: TestTask, part: number, step: TestStep): Command {
  const { spec, token } = step;
  const ownToken = `${token}.${part}`;
  return {
    argv: [...step.shell, spec.run],
    cwd: step.workspace,
    env: step.environment(
      { RUNCAST_TEST_ID: key, RUNCAST_TEST_NAME: name, RUNCAST_TEST_ATTEMPT: String(attempt) },
      ownToken,
    ),
    token: ownToken,
    timeoutMs: spec.testTimeoutMs,
    graceMs: step.graceMs,
    sweptLater: true,
  };
}

function statusOf({ cause, startError, signal, exitCode }: CommandEnd): TestResultStatus {
  if (cause === "TIMEOUT") return "TIMED_OUT";
  if (cause === "STOPPED") return "CANCELED";
  if (startError !== null || signal !== null) return "ERRORED";
  if (exitCode === SKIPPED_EXIT_CODE) return "SKIPPED";
  return exitCode === 0 ? "PASSED" : "FAILED";
}

function messageOf(end: CommandEnd, timeoutMs: number): string | null {
  if (end.cause === "TIMEOUT") return timeoutMessage(timeoutMs);
  return end.cause === "STOPPED" ? "stopped" : failureOf(end);
}

/** Of a test that ended by itself its own words say most; of any other, what became of it. */
function sayFirst(status: TestResultStatus, lastLine: string | null, failure: string | null): string | null {
  return status === "FAILED" || status === "SKIPPED" ? (lastLine ?? failure) : failure;
}
