import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { onTestFinished } from "vitest";
import type { RunnerLogger } from "../../src/runner/logger.ts";
import type { GrantedTask, TaskSpec } from "../../src/runner/protocol.ts";
import { type RunnerHandle, type RunnerOptions, startRunner } from "../../src/runner/runner.ts";
import { ProtocolStub } from "./protocol-stub.ts";
import { STUB_TOKEN } from "./stub-transport.ts";

export const DEADLINE_MS = 10_000;

/** Waits for what must become true, looking often; fails with the description when it does not. */
export async function until(what: string, holds: () => boolean, deadlineMs = DEADLINE_MS): Promise<void> {
  const end = Date.now() + deadlineMs;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`did not happen within ${deadlineMs} ms: ${what}`);
    await delay(5);
  }
}

export async function temporaryDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "runcast-runner-"));
  onTestFinished(() => rm(path, { recursive: true, force: true, maxRetries: 3 }));
  return path;
}

export async function startStub(): Promise<ProtocolStub> {
  const stub = await ProtocolStub.start();
  onTestFinished(() => stub.close());
  return stub;
}

let tasks = 0;

export function task(
  run: string,
  spec: Partial<TaskSpec> = {},
  rest: Partial<GrantedTask> = {},
): GrantedTask {
  const number = ++tasks;
  return {
    stepRunId: `step_${number}`,
    workflowRunId: `run_${number}`,
    fence: 1,
    attempt: 1,
    stepRef: `step-${number}`,
    workflowName: "ci",
    runNumber: number,
    spec: {
      run,
      http: null,
      test: null,
      shell: "sh -e",
      timeoutMs: 60_000,
      graceMs: 10_000,
      env: [],
      source: null,
      masks: [],
      apiUrl: null,
      taskToken: null,
      artifacts: { globs: [], fetch: false },
      ...spec,
    },
    ...rest,
  };
}

export interface TestLogger extends RunnerLogger {
  readonly lines: string[];
}

export function collectingLogger(): TestLogger {
  const lines: string[] = [];
  const log = (level: string) => (message: string) => void lines.push(`${level} ${message}`);
  return { lines, debug: () => {}, info: log("info"), warn: log("warn"), error: log("error") };
}

export interface TestRunner {
  readonly stub: ProtocolStub;
  readonly runner: RunnerHandle;
  readonly logger: TestLogger;
  readonly workDirectory: string;
}

/** A runner in this process, with its real reaper, on a stub of its own. */
export async function startTestRunner(
  options: Partial<RunnerOptions> = {},
  existing?: ProtocolStub,
): Promise<TestRunner> {
  const stub = existing ?? (await startStub());
  const workDirectory = options.workDirectory ?? (await temporaryDirectory());
  const logger = collectingLogger();
  const runner = await startRunner({
    url: stub.url,
    token: STUB_TOKEN,
    name: "tester",
    queues: ["default"],
    labels: [],
    capacity: 4,
    workDirectory,
    allowFileSources: false,
    httpAllow: [],
    version: "0.0.0",
    logger,
    ...options,
    timing: { claimWaitMs: 2_000, closingFlushMs: 1_000, retryMaxMs: 200, ...options.timing },
  });
  onTestFinished(async () => {
    await runner.stop().catch(() => {});
  });
  return { stub, runner, logger, workDirectory };
}

type FinishedReport = NonNullable<ReturnType<ProtocolStub["finished"]>>;

/** Runs one task to its report, and until the server has its whole log. */
export async function runTask(
  here: Pick<TestRunner, "stub">,
  granted: GrantedTask,
  deadlineMs = DEADLINE_MS,
): Promise<FinishedReport> {
  here.stub.offer(granted);
  return await endOf(here, granted, deadlineMs);
}

/** Waits for the report, and for the log too: it is sent apart from the report, which only tells its length. */
export async function endOf(
  { stub }: Pick<TestRunner, "stub">,
  granted: GrantedTask,
  deadlineMs = DEADLINE_MS,
): Promise<FinishedReport> {
  await until(`the end of ${granted.spec.run}`, () => stub.finished(granted) !== undefined, deadlineMs);
  const report = stub.finished(granted)!;
  await until("the complete log", () => stub.logBytes(granted) === report.logLength, deadlineMs);
  return report;
}

/** A process that has ended but was not yet waited for is not alive. */
export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(")") + 2));
  } catch {
    return false;
  }
}

/** Waits for the number that a step writes into a file. */
export async function pidIn(file: string): Promise<number> {
  const read = () => (existsSync(file) ? readFileSync(file, "utf8").trim() : "");
  await until(`a process id in ${file}`, () => /^\d+$/.test(read()));
  return Number(read());
}

export function workspaceOf(workDirectory: string, granted: GrantedTask): string {
  return join(workDirectory, "runs", granted.workflowRunId, "workspace");
}
