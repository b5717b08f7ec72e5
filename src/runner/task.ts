import { rm } from "node:fs/promises";
import type { Clock } from "../domain/clock.ts";
import { SecretMasker } from "../domain/mask.ts";
import type { AllowedPlaces, ResolveHost } from "./address-guard.ts";
import type { ArtifactHost } from "./artifact-host.ts";
import { checkOut } from "./checkout.ts";
import { stepToken } from "./cookie.ts";
import { stepEnvironment } from "./environment.ts";
import { type CommandEnd, type CommandOutput, execute } from "./execute.ts";
import { performRequest } from "./http-step.ts";
import { LogRecordWriter } from "./log-records.ts";
import type { LogStream } from "./log-stream.ts";
import type { RunnerLogger } from "./logger.ts";
import { maskOutput } from "./mask-output.ts";
import type {
  CancelMode,
  GrantedTask,
  PinRunSourcePayload,
  RequestSpec,
  SourcePin,
  TaskKey,
  TaskReport,
  TestTaskSpec,
} from "./protocol.ts";
import type { Reaper } from "./reaper-client.ts";
import { StopRequest } from "./stop-request.ts";
import { keepTaskArtifacts, placeTaskArtifacts, type TaskFiles } from "./task-artifacts.ts";
import { conclude, storableError, type TaskResult } from "./task-result.ts";
import { performTests } from "./tests/perform-tests.ts";
import type { SendTestReport } from "./tests/test-reporter.ts";
import type { RunnerTiming } from "./timing.ts";
import { createOutputFile, type RunDirectory, type Workspaces } from "./workspace.ts";

export interface TaskHost {
  readonly directoryId: string;
  /** Where the runner reaches the API. */
  readonly apiUrl: string;
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
  /** Another log of the task, for one of its tests. */
  readonly openLog: (part: number) => LogStream;
  readonly report: (report: TaskReport) => void;
  readonly pin: (found: SourcePin, signal: AbortSignal) => Promise<PinRunSourcePayload>;
  readonly reportTests: SendTestReport;
  /** Whether the task is surely still this runner's. */
  readonly isHeld: () => boolean;
  readonly artifacts: ArtifactHost;
}

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
  private readonly masker: SecretMasker;
  private readonly writer: LogRecordWriter;

  constructor(
    private readonly granted: GrantedTask,
    private readonly host: TaskHost,
  ) {
    this.key = { stepRunId: granted.stepRunId, fence: granted.fence };
    this.title = `${granted.workflowName} #${granted.runNumber} ${granted.stepRef} (fence ${granted.fence})`;
    this.masker = new SecretMasker(granted.spec.masks);
    this.writer = new LogRecordWriter(host.clock, this.masker, (records) => host.log.append(records));
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
    const result = this.masked(await this.perform().catch((error: Error) => this.failure(error)));
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

  /** Before it is cut: half of a secret is not found any more. */
  private masked({ error, output, ...rest }: TaskResult): TaskResult {
    const shown = error === null ? null : storableError(this.masker.maskText(error));
    return { ...rest, error: shown, output: maskOutput(output, this.masker) };
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
      { allowed: host.allowedPlaces, resolve: host.resolveHost, masker: this.masker },
    );
    const error = end.outcome === "ABORTED" ? this.stopCause : end.error;
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
      const result = await this.executeIn(directory, outputFile);
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
    const ended = result.exitCode !== null || this.granted.spec.test;
    if (!ended || result.struckDown || !["SUCCEEDED", "FAILED"].includes(result.outcome)) return result;
    const fault = await keepTaskArtifacts(this.files(directory));
    if (fault === null) return result;
    if (result.error !== null) this.writer.system(fault);
    return { ...result, outcome: "FAILED", error: result.error ?? storableError(fault) };
  }

  private async executeIn(directory: RunDirectory, outputFile: string): Promise<TaskResult> {
    const { test } = this.granted.spec;
    if (test) return await this.performTests(test, directory, outputFile);
    const end = await this.execute(directory, outputFile);
    return await conclude(end, this.granted, outputFile, this.stopCause);
  }

  private async performTests(
    spec: TestTaskSpec,
    { workspace }: RunDirectory,
    outputFile: string,
  ): Promise<TaskResult> {
    const { granted, host, stop } = this;
    const result = await performTests({
      granted,
      spec,
      workspace,
      outputFile,
      token: stepToken(host.directoryId, this.key),
      apiUrl: host.apiUrl,
      clock: host.clock,
      stop,
      masker: this.masker,
      output: this.commandOutput,
      openLog: host.openLog,
      reportTests: host.reportTests,
      host: this.executionHost,
      // The server itself says that another has the step.
      lost: () => this.abandon("FORCE"),
      isAbandoned: () => this.isAbandoned,
    });
    return { ...result, error: result.outcome === "ABORTED" ? this.stopCause : result.error };
  }

  private execute(directory: RunDirectory, outputFile: string): Promise<CommandEnd> {
    const { granted, host } = this;
    const { spec } = granted;
    const token = stepToken(host.directoryId, this.key);
    const { workspace } = directory;
    return execute(
      {
        argv: [...spec.shell.split(" ").filter((word) => word !== ""), "-c", spec.run],
        cwd: workspace,
        env: stepEnvironment(granted, { workspace, outputFile, token, apiUrl: host.apiUrl }, process.env),
        token,
        timeoutMs: spec.timeoutMs,
        graceMs: spec.graceMs,
      },
      this.stop,
      this.commandOutput,
      this.executionHost,
    );
  }

  private get commandOutput(): CommandOutput {
    return {
      write: (stream, chunk) => this.writer.write(stream, chunk),
      note: (text) => this.writer.system(text),
      backpressure: () => this.host.log.backpressure(),
    };
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
      error: message,
      struckDown: false,
    };
  }
}
