import { setTimeout } from "node:timers/promises";
import { cancelWorkflowRun } from "../../src/actions/cancel-workflow-run.ts";
import type { TaskOutcome } from "../../src/domain/commands.ts";
import { RefusedError, SessionLostError } from "../../src/domain/refusals.ts";
import { taskKey } from "../../src/domain/task-key.ts";
import { applySignals } from "../../src/duties/apply-signals.ts";
import { expireRuns } from "../../src/duties/expire-runs.ts";
import { sweepSessions } from "../../src/duties/sweep-sessions.ts";
import { wakeSteps } from "../../src/duties/wake-steps.ts";
import { applyReports, ReportCollector, type TaskReport } from "../../src/orchestration/report.ts";
import { RunnerSessions } from "../../src/orchestration/runners.ts";
import type { Engine } from "../../src/orchestration/transition.ts";
import { type ClaimedStep, claimSteps } from "../../src/persistence/runner-store.ts";
import { plainCommand } from "../support/commands.ts";
import { contradictions } from "./consistency.ts";
import { Random } from "./random.ts";
import { reportOf } from "./reports.ts";
import { readRun } from "./run-record.ts";
import type { Workbench } from "./workbench.ts";

/** What the runners saw, kept outside of the database: the promises are judged by it. */
export class Ledger {
  readonly granted = new Set<string>();
  /** The outcome of each report of an end that was answered APPLIED at least once. */
  readonly ended = new Map<string, TaskOutcome>();
  readonly problems: string[] = [];
  readonly counts = { claims: 0, lost: 0, forgotten: 0, late: 0, canceled: 0, inspected: 0 };
}

/** Runners, people and duties that do everything at once on several replicas, until they are stopped. */
export class Fleet implements AsyncDisposable {
  readonly ledger = new Ledger();
  readonly #bench: Workbench;
  readonly #random: Random;
  readonly #stop = new AbortController();
  readonly #loops: Promise<void>[] = [];
  #claims = 0;

  constructor(bench: Workbench, seed: number) {
    this.#bench = bench;
    this.#random = new Random(seed);
  }

  /** @param people what people do meanwhile, again and again; by default they cancel runs */
  run(engines: readonly Engine[], runs: readonly string[], people?: (engine: Engine) => Promise<void>): void {
    for (const engine of engines) {
      const reports = new ReportCollector(engine);
      for (let i = 0; i < 3; i++) this.#loop(() => this.#runnerLife(engine, reports));
      this.#loop(() => people?.(engine) ?? this.#cancelSomething(engine, runs));
      this.#loop(() => this.#duties(engine));
    }
    this.#loop(() => this.#inspect(engines[0]!, runs));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#loops);
  }

  #loop(turn: () => Promise<void>): void {
    const loop = async (): Promise<void> => {
      while (!this.#stop.signal.aborted) {
        try {
          await turn();
        } catch (error) {
          if (error instanceof SessionLostError || error instanceof RefusedError) continue;
          this.ledger.problems.push(String(error));
          return;
        }
      }
    };
    this.#loops.push(loop());
  }

  async #runnerLife(engine: Engine, reports: ReportCollector): Promise<void> {
    const runner = new FleetRunner(engine, reports, this.#bench, this.#random, this.ledger);
    await runner.live(this.#stop.signal, () => `claim ${this.#claims++}`);
  }

  async #cancelSomething(engine: Engine, runs: readonly string[]): Promise<void> {
    await setTimeout(this.#random.between(20, 120));
    const mode = this.#random.chance(0.5) ? "GRACEFUL" : "FORCE";
    const request = { runId: this.#random.pick(runs), mode, reason: null, command: plainCommand } as const;
    await cancelWorkflowRun(engine, this.#bench.person, request);
    this.ledger.counts.canceled++;
  }

  /** Whatever is going on, what is stored of a run agrees with itself. */
  async #inspect(engine: Engine, runs: readonly string[]): Promise<void> {
    await setTimeout(5);
    this.ledger.problems.push(...contradictions(await readRun(engine, this.#random.pick(runs))));
    this.ledger.counts.inspected++;
  }

  async #duties(engine: Engine): Promise<void> {
    for (const duty of [sweepSessions, wakeSteps, expireRuns, applySignals]) await duty.run(engine);
    await setTimeout(this.#random.between(1, 20));
  }
}

/** One session of a runner, from its registration to its death. */
class FleetRunner {
  #session = "";
  #forgotten: ClaimedStep[] = [];

  constructor(
    private readonly engine: Engine,
    private readonly reports: ReportCollector,
    private readonly bench: Workbench,
    private readonly random: Random,
    private readonly ledger: Ledger,
  ) {}

  async live(signal: AbortSignal, newClaimId: () => string): Promise<void> {
    this.#session = await this.bench.session();
    const sessions = new RunnerSessions(this.engine);
    while (!signal.aborted) {
      const tasks = await this.#claim(newClaimId());
      if (tasks.length === 0) await setTimeout(this.random.between(1, 5));
      const fate = tasks.length === 0 ? 1 : this.random.next();
      if (fate < 0.05) return await this.#die(tasks);
      if (fate < 0.07) this.#forget(tasks);
      else if (fate < 0.1) await this.#report(tasks.map((task) => this.#say(task, { kind: "RELEASED" })));
      else await this.#execute(tasks);
      const late = this.#forgotten.length > 0 && this.random.chance(0.2) ? this.#forgotten.splice(0) : [];
      await Promise.all([
        sessions.heartbeat(this.bench.runner, this.#session, this.#forgotten.slice(1)),
        this.#report(late.map((task) => this.#end(task))),
      ]);
    }
  }

  async #claim(claimId: string): Promise<ClaimedStep[]> {
    const max = this.random.chance(0.1) ? 50 : this.random.between(1, 6);
    const ask = async () =>
      await claimSteps(this.engine.database, this.#session, claimId, max, this.engine.clock.now());
    const tasks = await ask();
    this.ledger.counts.claims++;
    for (const task of tasks) {
      if (this.ledger.granted.has(taskKey(task))) this.ledger.problems.push(`given twice: ${taskKey(task)}`);
      this.ledger.granted.add(taskKey(task));
    }
    if (tasks.length > 0 && this.random.chance(0.1)) {
      // Steps that were canceled meanwhile are missing, but none is new.
      const known = new Set(tasks.map(taskKey));
      const others = (await ask()).filter((task) => !known.has(taskKey(task)));
      if (others.length > 0) this.ledger.problems.push(`a repeated claim got ${others.length} other steps`);
    }
    return tasks;
  }

  /** One or two batches, in which some processes fail; then perhaps everything once more. */
  async #execute(tasks: readonly ClaimedStep[]): Promise<void> {
    const starts = tasks.map((task) => this.#say(task, { kind: "STARTED" }));
    const ends = tasks.map((task) => this.#end(task));
    if (this.random.chance(0.5)) await this.#report(starts);
    await this.#report(this.random.chance(0.3) ? [...starts, ...ends] : ends);
    if (this.random.chance(0.1)) await this.#report([...starts, ...ends]);
  }

  /** Falls silent, while its last reports race the sweep and others come too late. */
  async #die(tasks: readonly ClaimedStep[]): Promise<void> {
    this.ledger.counts.lost++;
    if (this.random.chance(0.5))
      await this.#report(tasks.map((task) => this.#say(task, { kind: "STARTED" })));
    const silent = "update runner_session set lease_until = $2 where id = $1";
    await this.engine.database.query({ text: silent }, [this.#session, this.engine.clock.now()]);
    const racing = this.random.chance(0.5) ? tasks : [];
    await Promise.all([
      sweepSessions.run(this.engine),
      this.#report(racing.map((task) => this.#end(task))),
      this.#claim(`last words of ${this.#session}`).catch((error: unknown) => {
        if (!(error instanceof SessionLostError)) throw error;
      }),
    ]);
    this.ledger.counts.late += tasks.length;
    await this.#report(tasks.map((task) => this.#end(task)));
  }

  #forget(tasks: readonly ClaimedStep[]): void {
    this.ledger.counts.forgotten += tasks.length;
    this.#forgotten.push(...tasks);
  }

  #end(task: ClaimedStep): TaskReport {
    const fate = this.random.next();
    const outcome =
      fate < 0.88 ? "SUCCEEDED" : fate < 0.94 ? "FAILED" : fate < 0.97 ? "TIMED_OUT" : "ABORTED";
    return this.#say(task, { outcome });
  }

  #say(task: ClaimedStep, said: Partial<TaskReport>): TaskReport {
    return reportOf({ ...task, session: this.#session, accountId: this.bench.runner.accountId }, said);
  }

  async #report(reports: readonly TaskReport[]): Promise<void> {
    if (reports.length === 0) return;
    const alone = this.random.chance(0.3);
    const results = alone ? await applyReports(this.engine, reports) : await this.reports.report(reports);
    for (const [i, report] of reports.entries()) {
      if (report.kind !== "FINISHED") continue;
      const key = taskKey(report);
      const before = this.ledger.ended.get(key);
      if (results[i] === "APPLIED") this.ledger.ended.set(key, before ?? report.outcome!);
      else if (before !== undefined && before !== "ABORTED") {
        this.ledger.problems.push(`the repeated report of ${key} (${before}) is refused`);
      }
    }
  }
}
