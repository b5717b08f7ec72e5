import type { SecretMasker } from "../../domain/mask.ts";
import type { CommandOutput, ExecutionHost } from "../execute.ts";
import type { LogStream } from "../log-stream.ts";
import { readProcess } from "../process-table.ts";
import { sweepProcesses } from "../processes.ts";
import { StopRequest } from "../stop-request.ts";
import { type TaskResult, timeoutMessage } from "../task-result.ts";
import { startTimer } from "../waiting.ts";
import { maskingReports } from "./mask-report.ts";
import { TestProgress } from "./progress.ts";
import { runDiscovered } from "./run-discovered.ts";
import { runReporting } from "./run-reporting.ts";
import type { TestsEnd } from "./step-parts.ts";
import { TestLogs } from "./test-logs.ts";
import { type SendTestReport, StepLost, TestReporter } from "./test-reporter.ts";
import { prepareTestStep, type TestStepOptions } from "./test-step.ts";

export interface TestsOptions extends Omit<TestStepOptions, "logs"> {
  readonly stop: StopRequest;
  /** Knows the step's secrets. */
  readonly masker: SecretMasker;
  /** The step's own log. */
  readonly output: CommandOutput;
  readonly openLog: (part: number) => LogStream;
  readonly reportTests: SendTestReport;
  readonly host: ExecutionHost;
  readonly lost: () => void;
  readonly isAbandoned: () => boolean;
}

/** Performs a test step until no process of it lives and the server knows all results. */
export async function performTests(options: TestsOptions): Promise<TaskResult> {
  const { granted, output, host, isAbandoned, stop: taskStop } = options;
  const { timeoutMs } = granted.spec;
  const stop = new StopRequest();
  const unsubscribe = taskStop.subscribe((mode) => stop.order(mode));
  const cancelTimer = startTimer(timeoutMs, () => {
    output.note(`not ended after ${timeoutMs / 1000} s: stopping all tests`);
    stop.order("GRACEFUL");
  });
  const logs = new TestLogs(options.openLog, options.clock, options.masker);
  const step = await prepareTestStep({ ...options, logs });
  const reporter = new TestReporter(maskingReports(options.reportTests, options.masker), stop.signal);
  const progress = new TestProgress(output.note);
  const parts = { step, reporter, progress, stop, output, host, isAbandoned };
  try {
    const end = await (options.spec.report === null ? runDiscovered(parts) : runReporting(parts));
    return resultOf(end, taskStop, stop, timeoutMs);
  } catch (error) {
    if (error instanceof StepLost) options.lost();
    else if (stop.mode === null) throw error;
    return resultOf({}, taskStop, stop, timeoutMs);
  } finally {
    cancelTimer();
    unsubscribe();
    await sweepStep(options.token, output, stop.mode === null);
    if (isAbandoned()) logs.abandon();
    await step.removeFiles();
  }
}

function resultOf(
  { exitCode = null, error = null, struckDown = false }: { [Key in keyof TestsEnd]: TestsEnd[Key] | null },
  taskStop: StopRequest,
  stop: StopRequest,
  timeoutMs: number,
): TaskResult {
  const result = { exitCode, output: null, struckDown: struckDown ?? false };
  if (taskStop.mode !== null) return { ...result, outcome: "ABORTED", error: null };
  if (stop.mode !== null) return { ...result, outcome: "TIMED_OUT", error: timeoutMessage(timeoutMs) };
  return { ...result, outcome: error === null ? "SUCCEEDED" : "FAILED", error };
}

/** Of tests that ended by themselves only the group was killed: here dies what left it. */
async function sweepStep(token: string, output: CommandOutput, leaveDenied: boolean): Promise<void> {
  const killed = await sweepProcesses(
    {
      groups: [],
      ownsToken: (candidate) => candidate === token,
      startedSince: readProcess(process.pid)?.startedAt ?? 0,
      known: new Map(),
    },
    { leaveDenied, onSurvivors: (pids) => output.note(`could not kill ${pids.join(", ")}`) },
  );
  if (killed.size > 0)
    output.note(`killed ${killed.size} ${killed.size === 1 ? "process" : "processes"} left running`);
}
