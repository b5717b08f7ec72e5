import { rm } from "node:fs/promises";
import type { SecretMasker } from "../domain/mask.ts";
import { checkOut } from "./checkout.ts";
import { stepToken } from "./cookie.ts";
import { stepEnvironment } from "./environment.ts";
import {
  type CommandEnd,
  type CommandOutput,
  type ExecutionHost,
  execute,
  shellArguments,
} from "./execute.ts";
import { performRequest } from "./http-step.ts";
import type { LogRecordWriter } from "./log-records.ts";
import type { GrantedTask, RequestSpec, SourcePin, TestTaskSpec } from "./protocol.ts";
import type { StopRequest } from "./stop-request.ts";
import { keepTaskArtifacts, placeTaskArtifacts, type TaskFiles } from "./task-artifacts.ts";
import type { TaskHost } from "./task-host.ts";
import { conclude, storableError, type TaskResult } from "./task-result.ts";
import { performTests } from "./tests/perform-tests.ts";
import { createOutputFile, type RunDirectory } from "./workspace.ts";

export interface TaskWorkOptions {
  readonly granted: GrantedTask;
  readonly host: TaskHost;
  readonly stop: StopRequest;
  /** Knows the step's secrets. */
  readonly masker: SecretMasker;
  readonly writer: LogRecordWriter;
  /** Why it is stopped, once it is. */
  readonly stopCause: () => string;
  readonly isAbandoned: () => boolean;
  /** Another runner has the step. */
  readonly lost: () => void;
}

/** What a task does: a request, or commands in the workspace of its run. */
export class TaskWork {
  constructor(private readonly options: TaskWorkOptions) {}

  async perform(): Promise<TaskResult> {
    const { http } = this.options.granted.spec;
    return http === null ? await this.performCommand() : await this.performRequest(http);
  }

  private async performRequest(http: RequestSpec): Promise<TaskResult> {
    const { host, writer, granted } = this.options;
    const end = await performRequest(
      { http, timeoutMs: granted.spec.timeoutMs },
      this.options.stop,
      { note: (text) => writer.system(text), write: (chunk) => writer.write("stdout", chunk) },
      { allowed: host.allowedPlaces, resolve: host.resolveHost, masker: this.options.masker },
    );
    const error = end.outcome === "ABORTED" ? this.options.stopCause() : end.error;
    return { ...end, error, exitCode: null, struckDown: false };
  }

  private async performCommand(): Promise<TaskResult> {
    const { workspaces } = this.options.host;
    const { workflowRunId } = this.options.granted;
    const directory = await workspaces.enter(workflowRunId);
    try {
      await this.checkOutSource(directory);
      await placeTaskArtifacts(this.files(directory));
      const outputFile = await createOutputFile(directory, this.options.granted);
      const result = await this.executeIn(directory, outputFile);
      await rm(outputFile, { recursive: true, force: true });
      return await this.keepArtifacts(directory, result);
    } finally {
      await workspaces.leave(workflowRunId);
    }
  }

  private async checkOutSource(directory: RunDirectory): Promise<void> {
    const { source } = this.options.granted.spec;
    if (source === null) return;
    const { host, stop, granted } = this.options;
    const options = {
      source,
      directory,
      stop,
      host: this.executionHost,
      token: this.token,
      allowFileSources: host.allowFileSources,
      timeoutMs: host.timing.checkoutTimeoutMs,
      note: (text: string) => this.options.writer.system(text),
      pin: (found: SourcePin) => host.pin(found, stop.signal),
    };
    try {
      await host.workspaces.exclusively(granted.workflowRunId, stop.signal, () => checkOut(options));
    } catch (error) {
      throw new Error(`checkout failed: ${(error as Error).message}`);
    }
  }

  private files(directory: RunDirectory): TaskFiles {
    const { granted, stop, host } = this.options;
    return { granted, directory, stop, host, note: (text) => this.options.writer.system(text) };
  }

  /** What was ended from outside keeps nothing. */
  private async keepArtifacts(directory: RunDirectory, result: TaskResult): Promise<TaskResult> {
    const ended = result.exitCode !== null || this.options.granted.spec.test;
    if (!ended || result.struckDown || !["SUCCEEDED", "FAILED"].includes(result.outcome)) return result;
    const fault = await keepTaskArtifacts(this.files(directory));
    if (fault === null) return result;
    if (result.error !== null) this.options.writer.system(fault);
    return { ...result, outcome: "FAILED", error: result.error ?? storableError(fault) };
  }

  private async executeIn(directory: RunDirectory, outputFile: string): Promise<TaskResult> {
    const { test } = this.options.granted.spec;
    if (test) return await this.performTests(test, directory, outputFile);
    const end = await this.execute(directory, outputFile);
    return await conclude(end, this.options.granted, outputFile, this.options.stopCause());
  }

  private async performTests(
    spec: TestTaskSpec,
    { workspace }: RunDirectory,
    outputFile: string,
  ): Promise<TaskResult> {
    const { granted, host, stop } = this.options;
    const result = await performTests({
      granted,
      spec,
      workspace,
      outputFile,
      token: this.token,
      apiUrl: host.apiUrl,
      clock: host.clock,
      stop,
      masker: this.options.masker,
      output: this.commandOutput,
      openLog: host.openLog,
      reportTests: host.reportTests,
      host: this.executionHost,
      lost: this.options.lost,
      isAbandoned: this.options.isAbandoned,
    });
    return { ...result, error: result.outcome === "ABORTED" ? this.options.stopCause() : result.error };
  }

  private execute(directory: RunDirectory, outputFile: string): Promise<CommandEnd> {
    const { granted, host } = this.options;
    const { spec } = granted;
    const { token } = this;
    const { workspace } = directory;
    return execute(
      {
        argv: [...shellArguments(spec.shell), spec.run],
        cwd: workspace,
        env: stepEnvironment(granted, { workspace, outputFile, token, apiUrl: host.apiUrl }, process.env),
        token,
        timeoutMs: spec.timeoutMs,
        graceMs: spec.graceMs,
      },
      this.options.stop,
      this.commandOutput,
      this.executionHost,
    );
  }

  private get commandOutput(): CommandOutput {
    return {
      write: (stream, chunk) => this.options.writer.write(stream, chunk),
      note: (text) => this.options.writer.system(text),
      backpressure: () => this.options.host.log.backpressure(),
    };
  }

  private get executionHost(): ExecutionHost {
    const { reaper, timing } = this.options.host;
    return { reaper, outputDrainMs: timing.outputDrainMs };
  }

  private get token(): string {
    const { host, granted } = this.options;
    return stepToken(host.directoryId, granted);
  }
}
