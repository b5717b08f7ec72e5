import { randomUUID } from "node:crypto";
import { crc32 } from "node:zlib";
import { createRuncastClient } from "../../src/client/runcast-client.ts";
import type { TestServer } from "./server.ts";

/** A step that the runner holds, as `claimTasks` answered it. */
export interface ProtocolTask {
  readonly stepRunId: string;
  readonly workflowRunId: string;
  readonly fence: number;
  readonly attempt: number;
  readonly stepRef: string;
  readonly workflowName: string;
  readonly runNumber: number;
  readonly spec: {
    readonly run: string;
    readonly http: Readonly<Record<string, unknown>> | null;
    readonly shell: string;
    readonly timeoutMs: number;
    readonly graceMs: number;
    readonly env: readonly { readonly key: string; readonly value: string }[];
    readonly test: Readonly<Record<string, unknown>> | null;
    readonly source: { git: string; ref: string | null; commit: string | null } | null;
    readonly artifacts: { readonly globs: readonly string[]; readonly fetch: boolean };
  };
}

export interface ProtocolCancel {
  readonly stepRunId: string;
  readonly fence: number;
  readonly mode: "GRACEFUL" | "FORCE";
}

export type ProtocolOutcome = "SUCCEEDED" | "FAILED" | "TIMED_OUT" | "ABORTED";

export interface ClaimOptions {
  /** Default 100; 0 = only cancels. */
  readonly max?: number;
  /** Default 5,000: waits until there is something. 0 = only what is there now. */
  readonly waitMs?: number;
  /** Default: a new one; the same again asks for the same leases. */
  readonly claimId?: string;
}

export interface FinishOptions {
  /** Default: 0 for a success, 1 for a failure, null otherwise. */
  readonly exitCode?: number | null;
  readonly output?: Readonly<Record<string, unknown>>;
  readonly error?: string;
  /** Default: what was logged through this runner. Null says nothing about the log. */
  readonly logLength?: number | null;
}

type Key = Pick<ProtocolTask, "stepRunId" | "fence">;
export type ReportResult = "APPLIED" | "STALE";
export interface AppendResult {
  readonly offset: number;
  readonly result: "APPENDED" | "MISMATCH" | "SEALED" | "STALE";
}

/**
 * A runner without processes and without a life of its own: it does exactly what the test tells it, one request
 * for one call, so that steps start, end and are lost when the test says so. It never heartbeats by itself; its
 * lease is 30 s of the server's clock. A refused request rejects with a `RuncastRequestError` (see its `codes`).
 *
 *     const runner = await startProtocolRunner(server);
 *     const task = await runner.claimOne();
 *     await runner.start(task);
 *     await runner.log(task, "a line");
 *     await runner.finish(task, "SUCCEEDED", { output: { key: "value" } });
 */
export interface ProtocolRunner {
  readonly token: string;
  readonly session: string;
  readonly runnerId: string;
  claim(options?: ClaimOptions): Promise<ProtocolTask[]>;
  /** The next queued step; fails when none comes. */
  claimOne(): Promise<ProtocolTask>;
  /** What the runner must kill now. */
  cancels(): Promise<ProtocolCancel[]>;
  start(...tasks: readonly Key[]): Promise<ReportResult[]>;
  release(...tasks: readonly Key[]): Promise<ReportResult[]>;
  finish(task: Key, outcome: ProtocolOutcome, options?: FinishOptions): Promise<ReportResult>;
  /** Appends one record for each line, behind what this runner logged before or at the offset. */
  log(task: Key, text: string, options?: LogOptions): Promise<AppendResult>;
  /** @param held default: nothing, which releases leases that are 20 s old and were not started */
  heartbeat(held?: readonly Key[]): Promise<{ cancels: ProtocolCancel[]; lost: Key[]; leaseUntil: string }>;
  /** Tells of tests and takes some: `take` alone asks for work. */
  reportTests(task: Key, report?: TestReportOptions): Promise<TestReportAnswer>;
  pin(task: Key, commit: string, known?: KnownSource): Promise<PinnedSource>;
  /** Starts and succeeds whatever is queued until nothing is left. @returns the steps in that order */
  workOff(): Promise<ProtocolTask[]>;
}

export interface ReportedTest {
  readonly key: string;
  readonly name?: string;
  readonly suite?: string;
  readonly file?: string;
}

export interface ReportedTestResult {
  readonly testId?: string;
  readonly test?: ReportedTest;
  readonly status: string;
  readonly startedAt?: string;
  readonly durationMs?: number;
  readonly exitCode?: number;
  readonly message?: string;
  readonly details?: string;
  readonly logPart?: number;
  readonly logLength?: number;
  readonly logCrc32?: string;
}

export interface TestReportOptions {
  readonly discovered?: readonly ReportedTest[];
  readonly discoveryComplete?: boolean;
  readonly results?: readonly ReportedTestResult[];
  readonly running?: readonly string[];
  readonly take?: number;
}

export interface TestReportAnswer {
  readonly tests: readonly {
    readonly id: string;
    readonly key: string;
    readonly name: string;
    readonly suite: string | null;
    readonly file: string | null;
    readonly attempt: number;
  }[];
  readonly aborts: readonly string[];
  readonly open: number;
  readonly stale: boolean;
}

export interface KnownSource {
  readonly branch?: string;
  readonly message?: string;
  readonly commits?: readonly { sha: string; message: string; author: string; at: string }[];
}

export interface PinnedSource {
  readonly commit: string;
  readonly previousCommit: string | null;
}

export interface LogOptions {
  readonly stream?: "stdout" | "stderr" | "system";
  readonly offset?: number;
}

export interface ProtocolRunnerOptions {
  /** Default ["default"]. */
  readonly queues?: readonly string[];
  /** Default none. */
  readonly labels?: readonly string[];
  /** The same name and token again is the same runner with a new session. */
  readonly name?: string;
  readonly token?: string;
}

const REGISTER = `mutation ($input: RegisterRunnerInput!) { registerRunner(input: $input) { session runnerId } }`;
const CLAIM = `mutation ($input: ClaimTasksInput!) { claimTasks(input: $input) {
  tasks { stepRunId workflowRunId fence attempt stepRef workflowName runNumber spec }
  cancels { stepRunId fence mode } } }`;
const HEARTBEAT = `mutation ($input: HeartbeatRunnerInput!) { heartbeatRunner(input: $input) {
  leaseUntil cancels { stepRunId fence mode } lost { stepRunId fence } } }`;
const REPORT = `mutation ($input: ReportTasksInput!) { reportTasks(input: $input) { results { result } } }`;
const APPEND = `mutation ($input: AppendLogsInput!) { appendLogs(input: $input) { results { offset result } } }`;
const REPORT_TESTS = `mutation ($input: ReportTestRunsInput!) { reportTestRuns(input: $input) {
  tests { id key name suite file attempt } aborts open stale } }`;
const PIN = `mutation ($input: PinRunSourceInput!) { pinRunSource(input: $input) { commit previousCommit } }`;

/** What the runner has sent of a task's log. */
interface SentLog {
  length: number;
  crc32: number;
}

export async function startProtocolRunner(
  server: Pick<TestServer, "url" | "runnerToken">,
  options: ProtocolRunnerOptions = {},
): Promise<ProtocolRunner> {
  const token = options.token ?? (await server.runnerToken());
  const client = createRuncastClient({ url: server.url, token });
  const call = async <Answer>(document: string, input: object): Promise<Answer> =>
    Object.values((await client.request(document, { input })) as Record<string, Answer>)[0]!;
  const { queues = ["default"], labels = [], name = `runner-${randomUUID()}` } = options;
  const registration = { name, queues, labels, capacity: 1_000, hostname: "test", version: "test" };
  const { session, runnerId } = await call<{ session: string; runnerId: string }>(REGISTER, registration);
  const logs = new Map<string, SentLog>();
  const logOf = (task: Key): SentLog => logs.get(logKey(task)) ?? { length: 0, crc32: 0 };

  const poll = async ({ max = 100, waitMs = 5_000, claimId = randomUUID() }: ClaimOptions) => {
    const input = { session, claimId, max, waitMs };
    return await call<{ tasks: ProtocolTask[]; cancels: ProtocolCancel[] }>(CLAIM, input);
  };
  const report = async (reports: readonly object[]): Promise<ReportResult[]> => {
    const { results } = await call<{ results: { result: ReportResult }[] }>(REPORT, { session, reports });
    return results.map(({ result }) => result);
  };
  const reportKind = async (kind: string, tasks: readonly Key[]) =>
    await report(tasks.map((task) => ({ ...keyOf(task), kind })));

  const runner: ProtocolRunner = {
    token,
    session,
    runnerId,
    claim: async (claim = {}) => (await poll(claim)).tasks,
    async claimOne() {
      const [task] = (await poll({ max: 1 })).tasks;
      if (task === undefined) throw new Error("no step was queued for this runner");
      return task;
    },
    cancels: async () => (await poll({ max: 0, waitMs: 0 })).cancels,
    start: async (...tasks) => await reportKind("STARTED", tasks),
    release: async (...tasks) => await reportKind("RELEASED", tasks),
    async finish(task, outcome, finish = {}) {
      const log = logOf(task);
      const { exitCode = defaultExitCode(outcome), output, error, logLength = log.length } = finish;
      const logCrc32 = logLength === null ? null : log.crc32.toString(16).padStart(8, "0");
      const end = { kind: "FINISHED", outcome, exitCode, output, error, logLength, logCrc32 };
      return (await report([{ ...keyOf(task), ...end }]))[0]!;
    },
    async log(task, text, { stream = "stdout", offset } = {}) {
      const sent = logOf(task);
      const time = new Date().toISOString();
      const data = text
        .split("\n")
        .map((line) => `${time} ${stream} F ${line}\n`)
        .join("");
      const append = { ...keyOf(task), offset: offset ?? sent.length, data };
      const answer = await call<{ results: AppendResult[] }>(APPEND, { session, appends: [append] });
      const result = answer.results[0]!;
      if (result.result === "APPENDED") {
        const bytes = Buffer.from(data);
        logs.set(logKey(task), { length: result.offset, crc32: crc32(bytes, sent.crc32) });
      }
      return result;
    },
    heartbeat: async (held = []) => await call(HEARTBEAT, { session, held: held.map(keyOf) }),
    reportTests: async (task, tests = {}) =>
      await call<TestReportAnswer>(REPORT_TESTS, { session, ...keyOf(task), ...tests }),
    async pin(task, commit, known = {}) {
      const input = { session, ...keyOf(task), commit, ...known };
      return await call<PinnedSource>(PIN, input);
    },
    async workOff() {
      const done: ProtocolTask[] = [];
      for (;;) {
        const tasks = await runner.claim({ waitMs: 0 });
        if (tasks.length === 0) return done;
        await runner.start(...tasks);
        for (const task of tasks) await runner.finish(task, "SUCCEEDED");
        done.push(...tasks);
      }
    },
  };
  return runner;
}

function keyOf({ stepRunId, fence }: Key): Key {
  return { stepRunId, fence };
}

function logKey({ stepRunId, fence }: Key): string {
  return `${stepRunId} ${fence}`;
}

function defaultExitCode(outcome: ProtocolOutcome): number | null {
  if (outcome === "SUCCEEDED") return 0;
  return outcome === "FAILED" ? 1 : null;
}
