import { rm } from "node:fs/promises";
import type { Clock } from "../domain/clock.ts";
import type { AllowedPlaces, ResolveHost } from "./address-guard.ts";
import type { ArtifactHost } from "./artifact-host.ts";
import { checkOut } from "./checkout.ts";
import { stepToken } from "./cookie.ts";
import { stepEnvironment } from "./environment.ts";
import { type CommandEnd, execute } from "./execute.ts";
import { performRequest } from "./http-step.ts";
import { LogRecordWriter } from "./log-records.ts";
import type { LogStream } from "./log-stream.ts";
import type { RunnerLogger } from "./logger.ts";
import { OutputError, readOutput, type StepOutput } from "./outputs.ts";
import type {
  CancelMode,
  GrantedTask,
  PinRunSourcePayload,
  RequestSpec,
  SourcePin,
  TaskKey,
  TaskOutcome,
  TaskReport,
} from "./protocol.ts";
import type { Reaper } from "./reaper-client.ts";
import { StopRequest } from "./stop-request.ts";
import { storableText } from "./storable-text.ts";
import { keepTaskArtifacts, placeTaskArtifacts, type TaskFiles } from "./task-artifacts.ts";
import type { RunnerTiming } from "./timing.ts";
import { createOutputFile, type RunDirectory, type Workspaces } from "./workspace.ts";

export interface TaskHost {
  readonly directoryId: string;
  readonly allowFileSources: boolean;
  /** Where requests may go besides public addresses. */
  readonly allowedPlaces: AllowedPlaces;
  readonly resolveHost?: ResolveHost | undefined;
  readonly timing: RunnerTiming;
  readonly clock: Clock;
  readonly logger: RunnerLogger;
  readonly workspaces: Workspaces;
  readonly reaper: Reaper;
  readonly log: LogStream;
  readonly report: (report: TaskReport) => void;
  readonly pin: (found: SourcePin, signal: AbortSignal) => Promise<PinRunSourcePayload>;
  /** Whether the task is surely still this runner's. */
  readonly isHeld: () => boolean;
  readonly artifacts: ArtifactHost;
}

interface TaskResult {
  readonly outcome: TaskOutcome;
  readonly exitCode: number | null;
  readonly output: StepOutput | null;
  readonly error: string | null;
  /** A signal from outside ended it. */
  readonly struckDown: boolean;
}

const MAX_ERROR_LENGTH = 2_000;
/** The largest GraphQL integer. The server has long stopped taking such a log, but must hear of the step's end. */
const MAX_LOG_LENGTH = 2 ** 31 - 1;

/** One granted task from its first moment here to the report of its end. */
export class Task {
  readonly key: TaskKey;
  readonly title: string;
  /** Resolves when its processes are confirmed dead and its report, if it gets one, is on its way. */
  readonly ended: Promise<void>;
  hasEnded = false;
  isAbandoned = false;
  private stopCause = "canceled";
  private readonly stop = new StopRequest();
  private readonly writer: LogRecordWriter;

  constructor(
    private readonly granted: GrantedTask,
    private readonly host: TaskHost,
  ) {
    this.key = { stepRunId: granted.stepRunId, fence: granted.fence };
    this.title = `${granted.workflowName} #${granted.runNumber} ${granted.stepRef} (fence ${granted.fence})`;
    this.writer = new LogRecordWriter(host.clock, (records) => host.log.append(records));
    this.ended = this.run();
  }

  /** Answers whether that was news. */
  cancel(mode: CancelMode): boolean {
    if (this.stop.mode === mode || this.stop.mode === "FORCE") return false;
    this.stop.order(mode);
    return true;
  }

  /** Ended and reported as ABORTED, because the runner itself ends. */
  shutDown(mode: CancelMode): void {
    if (this.stop.mode === null) this.stopCause = "the runner shut down";
    this.stop.order(mode);
  }

  /** Ended without a report: another runner may have the step. */
  abandon(mode: CancelMode): void {
    this.isAbandoned = true;
    this.stop.order(mode);
  }

  private async run(): Promise<void> {
    const { host, key } = this;
    host.logger.debug(`${this.title} starts`);
    host.report({ ...key, kind: "STARTED" });
    const result = await this.perform().catch((error: Error) => this.failure(error));
    this.hasEnded = true;
    // A kill that nobody here ordered, while the lease is in doubt, was the reaper's: the step did not fail.
    if (result.struckDown && !host.isHeld()) this.isAbandoned = true;
    if (this.isAbandoned) {
      host.log.abandon();
      return;
    }
    this.writer.end();
    if (result.error !== null) this.writer.system(result.error);
    host.log.finish();
    const { struckDown: _, ...reported } = result;
    host.logger.debug(`${this.title} ended: ${result.outcome}`);
    const { length, crcHex: logCrc32 } = host.log;
    const logLength = Math.min(length, MAX_LOG_LENGTH);
    host.report({ ...key, kind: "FINISHED", ...reported, logLength, logCrc32 });
  }

  private async perform(): Promise<TaskResult> {
    const { http } = this.granted.spec;
    return http === null ? await this.performCommand() : await this.performRequest(http);
  }

  private async performRequest(http: RequestSpec): Promise<TaskResult> {
    const { host, writer, granted } = this;
    const end = await performRequest(
      { http, timeoutMs: granted.spec.timeoutMs },
      this.stop,
      { note: (text) => writer.system(text), write: (chunk) => writer.write("stdout", chunk) },
      { allowed: host.allowedPlaces, resolve: host.resolveHost },
    );
    const error = end.outcome === "ABORTED" ? this.stopCause : end.error && storableError(end.error);
    return { ...end, error, exitCode: null, struckDown: false };
  }

  private async performCommand(): Promise<TaskResult> {
    const { workspaces } = this.host;
    const { workflowRunId } = this.granted;
    const directory = await workspaces.enter(workflowRunId);
    try {
      await this.checkOutSource(directory);
      await placeTaskArtifacts(this.files(directory));
      const outputFile = await createOutputFile(directory, this.key);
      const end = await this.execute(directory, outputFile);
      const result = await conclude(end, this.granted, outputFile, this.stopCause);
      await rm(outputFile, { recursive: true, force: true });
      return await this.keepArtifacts(directory, result);
    } finally {
      await workspaces.leave(workflowRunId);
    }
  }

  private async checkOutSource(directory: RunDirectory): Promise<void> {
    const { source } = this.granted.spec;
    if (source === null) return;
    const { host, stop, granted } = this;
    const options = {
      source,
      directory,
      stop,
      host: this.executionHost,
      token: stepToken(host.directoryId, this.key),
      allowFileSources: host.allowFileSources,
      timeoutMs: host.timing.checkoutTimeoutMs,
      note: (text: string) => this.writer.system(text),
      pin: (found: SourcePin) => host.pin(found, stop.signal),
    };
    try {
      await host.workspaces.exclusively(granted.workflowRunId, stop.signal, () => checkOut(options));
    } catch (error) {
      throw new Error(`checkout failed: ${(error as Error).message}`);
    }
  }

  private files(directory: RunDirectory): TaskFiles {
    const { granted, stop, host } = this;
    return { granted, directory, stop, host, note: (text) => this.writer.system(text) };
  }

  /** What was ended from outside keeps nothing. */
  private async keepArtifacts(directory: RunDirectory, result: TaskResult): Promise<TaskResult> {
    if (result.exitCode === null || !["SUCCEEDED", "FAILED"].includes(result.outcome)) return result;
    const fault = await keepTaskArtifacts(this.files(directory));
    if (fault === null) return result;
    if (result.error !== null) this.writer.system(fault);
    return { ...result, outcome: "FAILED", error: result.error ?? storableError(fault) };
  }

  private execute(directory: RunDirectory, outputFile: string): Promise<CommandEnd> {
    const { granted, host, writer } = this;
    const { spec } = granted;
    const token = stepToken(host.directoryId, this.key);
    const { workspace } = directory;
    return execute(
      {
        argv: [...spec.shell.split(" ").filter((word) => word !== ""), "-c", spec.run],
        cwd: workspace,
        env: stepEnvironment(granted, { workspace, outputFile, token }, process.env),
        token,
        timeoutMs: spec.timeoutMs,
        graceMs: spec.graceMs,
      },
      this.stop,
      {
        write: (stream, chunk) => writer.write(stream, chunk),
        note: (text) => writer.system(text),
        backpressure: () => host.log.backpressure(),
      },
      this.executionHost,
    );
  }

  private get executionHost() {
    return { reaper: this.host.reaper, outputDrainMs: this.host.timing.outputDrainMs };
  }

  private failure(error: Error): TaskResult {
    const stopped = this.stop.mode !== null;
    const message = stopped ? this.stopCause : error.message;
    return {
      outcome: stopped ? "ABORTED" : "FAILED",
      exitCode: null,
      output: null,
      error: storableError(message),
      struckDown: false,
    };
  }
}

function storableError(message: string): string {
  return storableText(message.slice(0, MAX_ERROR_LENGTH));
}

async function conclude(
  end: CommandEnd,
  { spec }: GrantedTask,
  outputFile: string,
  stopCause: string,
): Promise<TaskResult> {
  const result = (outcome: TaskOutcome, error: string | null, output: StepOutput | null = null) => {
    const struckDown = end.cause === "ITSELF" && end.signal !== null;
    return { outcome, exitCode: end.exitCode, error, output, struckDown };
  };
  if (end.cause === "STOPPED") return result("ABORTED", stopCause);
  if (end.cause === "TIMEOUT") return result("TIMED_OUT", `timed out after ${spec.timeoutMs / 1000} s`);
  if (end.startError !== null) return result("FAILED", `could not be started: ${end.startError}`);
  const failure = end.signal !== null ? `killed by ${end.signal}` : `exit code ${end.exitCode}`;
  try {
    const output = await readOutput(outputFile);
    return end.exitCode === 0 ? result("SUCCEEDED", null, output) : result("FAILED", failure, output);
  } catch (error) {
    if (!(error instanceof OutputError)) throw error;
    return result("FAILED", end.exitCode === 0 ? error.message : failure);
  }
}
