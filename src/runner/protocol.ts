/**
 * The runner's part of the GraphQL schema: documents and the types of what they carry. Written by hand because
 * the runner stays a lean process without a GraphQL library.
 */

export interface TaskKey {
  readonly stepRunId: string;
  /** Raised by every grant: of two holders of a step only the one with the newer fence counts. */
  readonly fence: number;
}

export interface SourceSpec {
  readonly git: string;
  readonly ref: string | null;
  readonly commit: string | null;
}

/** A request instead of a command, everything filled in. */
export interface RequestSpec {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly { readonly key: string; readonly value: string }[];
  readonly body: string | null;
  /** Status codes that are a success. */
  readonly expect: readonly { readonly from: number; readonly to: number }[];
}

/** What a test step does. With a report, `run` executes all tests at once. */
export interface TestTaskSpec {
  readonly discover: string | null;
  readonly run: string;
  readonly report: { readonly format: "JUNIT" | "TAP"; readonly globs: readonly string[] } | null;
  readonly parallel: number;
  readonly testTimeoutMs: number;
  /** False = execute only what the server hands out. */
  readonly rediscover: boolean;
  readonly testSuite: string | null;
  readonly releaseIds: readonly string[];
  readonly configuration: object;
}

export interface TaskSpec {
  readonly run: string;
  readonly http: RequestSpec | null;
  readonly test: TestTaskSpec | null;
  readonly shell: string;
  readonly timeoutMs: number;
  readonly graceMs: number;
  /** In the order of the workflow; the last of equal keys wins. */
  readonly env: readonly { readonly key: string; readonly value: string }[];
  readonly source: SourceSpec | null;
  /** Texts that must not appear in anything that is told of the task. */
  readonly masks: readonly string[];
  /** Where the step's processes reach the API; null = at the runner's own address. */
  readonly apiUrl: string | null;
  /** Their token there; null = they get none. */
  readonly taskToken: string | null;
  readonly artifacts: ArtifactSpec;
}

export interface ArtifactSpec {
  /** Of the files to keep, relative to the workspace. */
  readonly globs: readonly string[];
  /** Files of earlier steps, or of the source run, have to be placed first. */
  readonly fetch: boolean;
}

export interface GrantedTask extends TaskKey {
  readonly workflowRunId: string;
  readonly attempt: number;
  readonly stepRef: string;
  readonly workflowName: string;
  readonly runNumber: number;
  readonly spec: TaskSpec;
}

/** GRACEFUL lets processes end themselves within their grace, FORCE does not. */
export const CANCEL_MODES = ["GRACEFUL", "FORCE"] as const;
export type CancelMode = (typeof CANCEL_MODES)[number];

export interface TaskCancel extends TaskKey {
  readonly mode: CancelMode;
}

export interface RegisterRunnerInput {
  readonly name: string;
  readonly queues: readonly string[];
  readonly labels: readonly string[];
  readonly capacity: number;
  readonly hostname: string;
  readonly version: string;
}

export interface RegisterRunnerPayload {
  readonly session: string;
  readonly runnerId: string;
  readonly leaseMs: number;
  readonly heartbeatMs: number;
  readonly maxArtifactBytes: number;
}

export interface ClaimTasksInput {
  readonly session: string;
  readonly claimId: string;
  readonly max: number;
  readonly waitMs: number;
}

export interface ClaimTasksPayload {
  readonly tasks: readonly GrantedTask[];
  readonly cancels: readonly TaskCancel[];
}

export interface HeartbeatRunnerInput {
  readonly session: string;
  readonly held: readonly TaskKey[];
}

export interface HeartbeatRunnerPayload {
  readonly leaseUntil: string;
  readonly cancels: readonly TaskCancel[];
  readonly lost: readonly TaskKey[];
}

export type TaskOutcome = "SUCCEEDED" | "FAILED" | "TIMED_OUT" | "ABORTED";

export interface FinishedReport extends TaskKey {
  readonly kind: "FINISHED";
  readonly outcome: TaskOutcome;
  readonly exitCode: number | null;
  readonly output: Readonly<Record<string, unknown>> | null;
  readonly error: string | null;
  readonly logLength: number;
  /** Eight lower-case hex digits over all bytes of the log. */
  readonly logCrc32: string;
}

export type TaskReport = FinishedReport | (TaskKey & { readonly kind: "STARTED" | "RELEASED" });
export type ReportResult = "APPLIED" | "STALE";

export interface ReportTasksPayload {
  readonly results: readonly (TaskKey & {
    readonly kind: TaskReport["kind"];
    readonly result: ReportResult;
  })[];
}

/** A task has several logs: part 0 is its own, the others belong to the tests that it executes. */
export interface LogKey extends TaskKey {
  readonly part: number;
}

export interface LogAppend extends LogKey {
  readonly offset: number;
  readonly data: string;
}

export type LogAppendOutcome = "APPENDED" | "MISMATCH" | "SEALED" | "STALE";

export interface LogAppendResult extends LogKey {
  /** Where the server's copy of the log ends now. */
  readonly offset: number;
  readonly result: LogAppendOutcome;
}

export interface AppendLogsPayload {
  readonly results: readonly LogAppendResult[];
}

export interface SourceCommit {
  readonly sha: string;
  readonly message: string;
  readonly author: string;
  readonly at: string;
}

/** What is known of the commit that a run shall use. */
export interface SourcePin {
  readonly commit: string;
  readonly branch: string | null;
  readonly message: string | null;
  /** Those since the commit of the branch's previous run, newest first; null = not known, or not yet. */
  readonly commits: readonly SourceCommit[] | null;
}

export interface PinRunSourceInput extends TaskKey, SourcePin {
  readonly session: string;
}

export interface PinRunSourcePayload {
  readonly commit: string;
  readonly previousCommit: string | null;
}

export interface TaskArtifactsInput extends TaskKey {
  readonly session: string;
  readonly after: string | null;
}

export interface TaskArtifact {
  readonly id: string;
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly executable: boolean;
  /** A path on the server that carries its own permission. */
  readonly url: string;
}

export interface TaskArtifactsPayload {
  readonly artifacts: readonly TaskArtifact[];
  readonly next: string | null;
  readonly sourceRunIsGone: boolean;
}

export const REGISTER_RUNNER = `mutation RegisterRunner($input: RegisterRunnerInput!) {
  registerRunner(input: $input) { session runnerId leaseMs heartbeatMs maxArtifactBytes }
}`;

export const CLAIM_TASKS = `mutation ClaimTasks($input: ClaimTasksInput!) {
  claimTasks(input: $input) {
    tasks { stepRunId workflowRunId fence attempt stepRef workflowName runNumber spec }
    cancels { stepRunId fence mode }
  }
}`;

export const HEARTBEAT_RUNNER = `mutation HeartbeatRunner($input: HeartbeatRunnerInput!) {
  heartbeatRunner(input: $input) {
    leaseUntil
    cancels { stepRunId fence mode }
    lost { stepRunId fence }
  }
}`;

export const REPORT_TASKS = `mutation ReportTasks($input: ReportTasksInput!) {
  reportTasks(input: $input) { results { stepRunId fence kind result } }
}`;

export const APPEND_LOGS = `mutation AppendLogs($input: AppendLogsInput!) {
  appendLogs(input: $input) { results { stepRunId fence part offset result } }
}`;

export const PIN_RUN_SOURCE = `mutation PinRunSource($input: PinRunSourceInput!) {
  pinRunSource(input: $input) { commit previousCommit }
}`;

export const TASK_ARTIFACTS = `query TaskArtifacts($input: TaskArtifactsInput!) {
  taskArtifacts(input: $input) {
    artifacts { id path sizeBytes sha256 executable url }
    next
    sourceRunIsGone
  }
}`;

export function logKeyOf(key: LogKey): string {
  return `${keyOf(key)}/${key.part}`;
}

export function keyOf({ stepRunId, fence }: TaskKey): string {
  return `${stepRunId}#${fence}`;
}
