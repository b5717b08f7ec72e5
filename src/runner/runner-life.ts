import type { Clock } from "../domain/clock.ts";
import type { AllowedPlaces, ResolveHost } from "./address-guard.ts";
import { artifactHost } from "./artifact-host.ts";
import { ClaimLoop } from "./claim-loop.ts";
import { keepFence, keepHeartbeat } from "./heartbeat.ts";
import { LogShipper } from "./log-shipper.ts";
import type { RunnerLogger } from "./logger.ts";
import type {
  CancelMode,
  GrantedTask,
  LogAppend,
  LogAppendResult,
  RegisterRunnerInput,
  ReportResult,
  TaskReport,
} from "./protocol.ts";
import type { ProtocolClient } from "./protocol-client.ts";
import { isProtocolError, ProtocolError } from "./protocol-error.ts";
import type { Reaper } from "./reaper-client.ts";
import { ReportQueue } from "./report-queue.ts";
import { untilAnswered } from "./retry.ts";
import { Session } from "./session.ts";
import { Task } from "./task.ts";
import { TaskTable } from "./task-table.ts";
import type { RunnerTiming } from "./timing.ts";
import { monotonicMs, settlesWithin } from "./waiting.ts";
import type { Workspaces } from "./workspace.ts";

export interface RunnerParts {
  readonly registration: RegisterRunnerInput;
  readonly client: ProtocolClient;
  readonly logger: RunnerLogger;
  readonly timing: RunnerTiming;
  readonly clock: Clock;
  readonly directoryId: string;
  readonly allowFileSources: boolean;
  readonly allowedPlaces: AllowedPlaces;
  readonly resolveHost: ResolveHost | undefined;
  readonly workspaces: Workspaces;
  readonly reaper: Reaper;
}

/** How long the runner waits for processes that do not die before it goes on without them. */
const STOPPED_LIMIT_MS = 30_000;
/** After this the lease of a fenced session is over, and its reports are worth nothing. */
const FENCED_REPORTS_LIMIT_MS = 10_000;

/** Session after session until it is told to end: registers, works, and when a session is lost starts afresh. */
export class RunnerLife {
  readonly closed: Promise<void>;
  private session: Session | null = null;
  private readonly logs: LogShipper;
  private readonly tasks: TaskTable;
  private readonly closing = new AbortController();
  private claims: ClaimLoop | null = null;
  private reports: ReportQueue | null = null;
  private draining = false;

  constructor(private readonly parts: RunnerParts) {
    const { registration, timing, logger } = parts;
    this.tasks = new TaskTable({
      capacity: registration.capacity,
      cancelMemoryMs: timing.cancelMemoryMs,
      logger,
    });
    const append = this.appendLogs.bind(this);
    this.logs = new LogShipper({ timing, logger, append });
    this.closed = this.live();
  }

  async drain(deadlineMs: number): Promise<void> {
    this.parts.logger.info(`draining: ${this.tasks.running} task(s) may run on for ${deadlineMs / 1000} s`);
    this.draining = true;
    this.claims?.drain();
    if (!(await this.tasks.settledWithin(deadlineMs)) && !(await this.endTasks("GRACEFUL"))) {
      await this.endTasks("FORCE");
    }
    await this.close();
  }

  async stop(): Promise<void> {
    this.draining = true;
    this.claims?.drain();
    await this.endTasks("FORCE");
    await this.close();
  }

  /** Answers whether all are dead. */
  private endTasks(mode: CancelMode): Promise<boolean> {
    this.tasks.shutDown(mode);
    return this.tasks.settledWithin(STOPPED_LIMIT_MS);
  }

  private async close(): Promise<void> {
    const { timing } = this.parts;
    const flushed = Promise.all([this.reports?.flushed(), this.logs.idle()]);
    if (this.session !== null) await settlesWithin(flushed, timing.closingFlushMs);
    this.closing.abort();
    this.session?.end("CLOSED");
  }

  private async live(): Promise<void> {
    const { logger } = this.parts;
    try {
      while (!this.closing.signal.aborted) {
        const session = await this.register();
        await this.serve(session);
      }
    } catch (error) {
      if (!isProtocolError(error, "ABORTED")) throw error;
    } finally {
      this.reports?.close();
      this.logs.close();
      logger.info("closed");
    }
  }

  private async register(): Promise<Session> {
    const { client, registration, timing, logger } = this.parts;
    const { signal } = this.closing;
    const first = this.reports === null;
    let sentAt = 0;
    const request = () => {
      sentAt = monotonicMs();
      return client.registerRunner(registration, { signal });
    };
    // A token that never worked is a mistake to be told at once; one that worked may work again.
    const retry = { timing, logger, signal, ...(first && { giveUpOn: "UNAUTHORIZED" as const }) };
    const granted = await untilAnswered(request, retry);
    logger.info(`registered as ${registration.name} for ${registration.queues.join(", ")}`);
    return new Session(granted, sentAt, timing);
  }

  private async serve(session: Session): Promise<void> {
    const { client, timing, logger } = this.parts;
    const { tasks } = this;
    const reports = this.openReports(session);
    const report = (entry: TaskReport) => reports.add(entry);
    const start = (granted: GrantedTask) => this.start(granted, session, report);
    const claims = new ClaimLoop({ session, client, tasks, timing, logger, start, report });
    if (this.draining) claims.drain();
    this.session = session;
    this.reports = reports;
    this.claims = claims;
    if (this.closing.signal.aborted) session.end("CLOSED");
    const loops = { session, client, tasks, timing, logger };
    await Promise.all([claims.run(), keepHeartbeat(loops), keepFence(loops)]);
    this.session = null;
    const cause = await session.ended;
    if (cause === "CLOSED") return;
    logger.warn(`the session ended (${cause}); registering again`);
    if (cause === "LOST") tasks.abandonRunning("FORCE");
    await tasks.settledWithin(STOPPED_LIMIT_MS);
    // What ended by itself before the fence is still worth telling while the lease may last.
    if (cause === "FENCED") await settlesWithin(reports.flushed(), FENCED_REPORTS_LIMIT_MS);
    reports.close();
  }

  /** Logs outlive their session: the server decides by the fence whether it still wants them. */
  private async appendLogs(
    appends: readonly LogAppend[],
    signal: AbortSignal,
  ): Promise<readonly LogAppendResult[]> {
    const { session } = this;
    if (session === null) throw new ProtocolError("SESSION_LOST", "there is no session");
    const request = this.parts.client.appendLogs({ session: session.id, appends }, { signal });
    const { results } = await session.heed(request);
    return results;
  }

  private openReports(session: Session): ReportQueue {
    const { client, timing, logger } = this.parts;
    return new ReportQueue({
      timing,
      logger,
      send: (reports, signal) =>
        session.heed(client.reportTasks({ session: session.id, reports }, { signal })),
      onResult: (report: TaskReport, result: ReportResult) => {
        if (report.kind === "FINISHED") this.tasks.forget(report);
        if (result === "APPLIED") return;
        logger.warn(`the report ${report.kind} of ${report.stepRunId} (fence ${report.fence}) came too late`);
        if (report.kind === "STARTED") this.tasks.lose(report, "the server has given it to another");
      },
      onDropped: (report) => this.tasks.forget(report),
    });
  }

  private start(granted: GrantedTask, session: Session, report: (entry: TaskReport) => void): void {
    const { client, timing, logger } = this.parts;
    const key = { stepRunId: granted.stepRunId, fence: granted.fence };
    const task = new Task(granted, {
      ...this.parts,
      apiUrl: client.url,
      log: this.logs.open({ ...key, part: 0 }),
      openLog: (part) => this.logs.open({ ...key, part }),
      report,
      isHeld: () => session.isFresh,
      artifacts: artifactHost(client, session, key, { timing, logger }),
      pin: async (found, signal) => {
        const input = { session: session.id, ...key, ...found };
        const request = () => session.heed(client.pinRunSource(input, { signal }));
        return await untilAnswered(request, { timing, logger, signal });
      },
      reportTests: async (report, signal) => {
        const input = { session: session.id, ...key, ...report };
        const request = () => session.heed(client.reportTestRuns(input, { signal }));
        return await untilAnswered(request, { timing, logger, signal });
      },
    });
    this.tasks.add(task);
  }
}
