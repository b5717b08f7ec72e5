import { GraphQLError } from "graphql";
import type {
  CancelMode,
  ClaimTasksInput,
  ClaimTasksPayload,
  GrantedTask,
  HeartbeatRunnerInput,
  LogAppend,
  LogAppendOutcome,
  PinRunSourceInput,
  RegisterRunnerInput,
  TaskCancel,
  TaskKey,
  TaskOutcome,
  TaskReport,
} from "../../src/runner/protocol.ts";
import type { ReportTestRunsInput } from "../../src/runner/protocol-tests.ts";
import { StubTransport } from "./stub-transport.ts";
import { TestLedger } from "./test-ledger.ts";

export interface ClaimRecord extends ClaimTasksInput {
  readonly granted: number;
}

const key = ({ stepRunId, fence }: TaskKey) => `${stepRunId}#${fence}`;
/** A task's own log has the task's key. */
const logKey = (log: TaskKey, part: number) => (part === 0 ? key(log) : `${key(log)}/${part}`);

/** A server that speaks the runner protocol and keeps nothing but what tests ask about. */
export class ProtocolStub extends StubTransport {
  leaseMs = 30_000;
  heartbeatMs = 100;
  readonly registrations: RegisterRunnerInput[] = [];
  readonly claims: ClaimRecord[] = [];
  readonly heartbeats: HeartbeatRunnerInput[] = [];
  readonly reports: TaskReport[] = [];
  readonly pins: PinRunSourceInput[] = [];
  readonly appends: LogAppend[] = [];
  readonly logs = new Map<string, Buffer>();
  readonly logOutcomes = new Map<string, LogAppendOutcome>();
  readonly stale = new Set<string>();
  readonly lost: TaskKey[] = [];
  pinnedCommit: string | null = null;
  previousCommit: string | null = null;
  private readonly offers: GrantedTask[] = [];
  private readonly cancels = new Map<string, TaskCancel>();
  private readonly answered = new Map<string, readonly GrantedTask[]>();
  private readonly waiting = new Set<() => void>();
  private readonly ledgers = new Map<string, TestLedger>();
  private sessions = 0;
  private liveSession = "";

  static async start(port = 0): Promise<ProtocolStub> {
    const stub = new ProtocolStub();
    await stub.listen(port);
    return stub;
  }

  private constructor() {
    super();
  }

  override async close(): Promise<void> {
    this.wake();
    await super.close();
  }

  offer(...tasks: GrantedTask[]): void {
    this.offers.push(...tasks);
    this.wake();
  }

  cancel(task: TaskKey, mode: CancelMode = "GRACEFUL"): void {
    this.cancels.set(key(task), { stepRunId: task.stepRunId, fence: task.fence, mode });
    this.wake();
  }

  loseSession(): void {
    this.liveSession = "";
    this.wake();
  }

  reportsOf(task: TaskKey): TaskReport[] {
    return this.reports.filter((report) => key(report) === key(task));
  }

  finished(task: TaskKey) {
    const report = this.reportsOf(task).find(({ kind }) => kind === "FINISHED");
    return report?.kind === "FINISHED" ? report : undefined;
  }

  outcome(task: TaskKey): TaskOutcome | undefined {
    return this.finished(task)?.outcome;
  }

  logBytes(task: TaskKey, part = 0): number {
    return this.logs.get(logKey(task, part))?.length ?? 0;
  }

  log(task: TaskKey, part = 0): string {
    return this.logs.get(logKey(task, part))?.toString("utf8") ?? "";
  }

  /** What the server knows of the tests of a step. */
  tests({ stepRunId }: Pick<TaskKey, "stepRunId">): TestLedger {
    const known = this.ledgers.get(stepRunId) ?? new TestLedger();
    this.ledgers.set(stepRunId, known);
    return known;
  }

  /** The log's texts of one stream, partial records joined. */
  lines(task: TaskKey, stream: "stdout" | "stderr" | "system", part = 0): string[] {
    const lines: string[] = [];
    let open = "";
    for (const record of this.log(task, part).split("\n").slice(0, -1)) {
      const [, name, tag, ...words] = record.split(" ");
      if (name !== stream) continue;
      open += words.join(" ");
      if (tag === "P") continue;
      lines.push(open);
      open = "";
    }
    return lines;
  }

  private wake(): void {
    for (const resolve of this.waiting) resolve();
    this.waiting.clear();
  }

  protected resolvers(gone: Promise<void>) {
    const known =
      <I extends { session: string }, P>(apply: (input: I) => P) =>
      (input: I) => {
        this.requireSession(input.session);
        return apply(input);
      };
    return {
      registerRunner: (input: RegisterRunnerInput) => this.register(input),
      claimTasks: known((input: ClaimTasksInput) => this.claim(input, gone)),
      heartbeatRunner: known((input: HeartbeatRunnerInput) => this.heartbeat(input)),
      reportTasks: known(({ reports }: { session: string; reports: TaskReport[] }) => this.report(reports)),
      appendLogs: known(({ appends }: { session: string; appends: LogAppend[] }) => ({
        results: appends.map((append) => this.append(append)),
      })),
      pinRunSource: known((input: PinRunSourceInput) => this.pin(input)),
      reportTestRuns: known((input: ReportTestRunsInput & { session: string }) =>
        this.tests(input).report(input),
      ),
    };
  }

  private requireSession(session: string): void {
    if (session === this.liveSession) return;
    throw new GraphQLError("the session is over", { extensions: { code: "SESSION_LOST" } });
  }

  private register(input: RegisterRunnerInput) {
    this.registrations.push(input);
    this.liveSession = `session_${++this.sessions}`;
    const { leaseMs, heartbeatMs } = this;
    const maxArtifactBytes = 1_000_000;
    return { session: this.liveSession, runnerId: "runner_1", leaseMs, heartbeatMs, maxArtifactBytes };
  }

  private async claim(input: ClaimTasksInput, gone: Promise<void>): Promise<ClaimTasksPayload> {
    const repeated = this.answered.get(input.claimId);
    if (repeated) {
      this.claims.push({ ...input, granted: repeated.length });
      return { tasks: repeated, cancels: [] };
    }
    let left = true;
    const hungUp = gone.then(() => {
      left = false;
    });
    const ready = () => (input.max > 0 && this.offers.length > 0) || this.cancels.size > 0;
    const deadline = new Promise<void>((resolve) => setTimeout(resolve, input.waitMs).unref());
    if (!ready()) {
      await Promise.race([new Promise<void>((resolve) => this.waiting.add(resolve)), deadline, hungUp]);
    }
    this.requireSession(input.session);
    const tasks = left ? this.offers.splice(0, input.max) : [];
    if (tasks.length > 0) this.answered.set(input.claimId, tasks);
    this.claims.push({ ...input, granted: tasks.length });
    return { tasks, cancels: [...this.cancels.values()] };
  }

  private heartbeat(input: HeartbeatRunnerInput) {
    this.heartbeats.push(input);
    return {
      leaseUntil: new Date(Date.now() + this.leaseMs).toISOString(),
      cancels: [...this.cancels.values()],
      lost: this.lost,
    };
  }

  private report(reports: readonly TaskReport[]) {
    this.reports.push(...reports);
    for (const report of reports) if (report.kind !== "STARTED") this.cancels.delete(key(report));
    return {
      results: reports.map((report) => ({
        stepRunId: report.stepRunId,
        fence: report.fence,
        kind: report.kind,
        result: this.stale.has(key(report)) ? "STALE" : "APPLIED",
      })),
    };
  }

  private append(append: LogAppend) {
    this.appends.push(append);
    const { stepRunId, fence, part } = append;
    const stored = this.logs.get(logKey(append, part)) ?? Buffer.alloc(0);
    const forced = this.logOutcomes.get(logKey(append, part));
    const fits = append.offset === stored.length;
    const result = forced ?? (fits ? "APPENDED" : "MISMATCH");
    const log = result === "APPENDED" ? Buffer.concat([stored, Buffer.from(append.data)]) : stored;
    this.logs.set(logKey(append, part), log);
    return { stepRunId, fence, part, offset: log.length, result };
  }

  private pin(input: PinRunSourceInput) {
    this.pins.push(input);
    this.pinnedCommit ??= input.commit;
    return { commit: this.pinnedCommit, previousCommit: this.previousCommit };
  }
}
