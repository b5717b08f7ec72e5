import { SecretMasker } from "../domain/mask.ts";
import { LogRecordWriter } from "./log-records.ts";
import { maskOutput } from "./mask-output.ts";
import type { CancelMode, GrantedTask, TaskKey } from "./protocol.ts";
import { StopRequest } from "./stop-request.ts";
import type { TaskHost } from "./task-host.ts";
import { storableError, type TaskResult } from "./task-result.ts";
import { TaskWork } from "./task-work.ts";

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
    const result = this.masked(await this.perform());
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
    const { granted, host, stop, masker, writer } = this;
    const lease = {
      stopCause: () => this.stopCause,
      isAbandoned: () => this.isAbandoned,
      // The server itself says that another has the step.
      lost: () => this.abandon("FORCE"),
    };
    try {
      return await new TaskWork({ granted, host, stop, masker, writer, ...lease }).perform();
    } catch (error) {
      return this.failure(error as Error);
    }
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
