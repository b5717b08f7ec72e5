import { randomUUID } from "node:crypto";
import { applyReports, type ReportResult, type TaskReport } from "../../src/orchestration/report.ts";
import { type HeartbeatAnswer, RunnerSessions } from "../../src/orchestration/runners.ts";
import type { RunnerRegistration } from "../../src/persistence/runner-store.ts";
import { type ClaimedStep, claimSteps, type HeldStep } from "../../src/persistence/runner-store.ts";
import { reportOf } from "./reports.ts";
import type { Workbench } from "./workbench.ts";

/** A runner's session of which a test plays every move. */
export class ScriptedSession {
  readonly id: string;
  readonly #bench: Workbench;
  readonly #sessions: RunnerSessions;

  readonly #projectId: string | null;

  private constructor(bench: Workbench, id: string, projectId: string | null) {
    this.#projectId = projectId;
    this.#bench = bench;
    this.id = id;
    this.#sessions = new RunnerSessions(bench.engine);
  }

  static async open(bench: Workbench, options?: Partial<RunnerRegistration>): Promise<ScriptedSession> {
    return new ScriptedSession(bench, await bench.session(options), options?.projectId ?? null);
  }

  async claim(max = 100, claimId: string = randomUUID()): Promise<ClaimedStep[]> {
    const { database, clock } = this.#bench.engine;
    return await claimSteps(database, this.id, claimId, max, clock.now());
  }

  /** For runs with one ready step. */
  async claimOne(): Promise<ClaimedStep> {
    const [task, ...others] = await this.claim();
    if (task === undefined || others.length > 0) throw new Error(`${others.length + 1} steps, not one`);
    return task;
  }

  async report(task: HeldStep, said: Partial<TaskReport> = {}): Promise<ReportResult> {
    const { accountId } = this.#bench.runner;
    const report = reportOf({ ...task, session: this.id, accountId }, said);
    return (await applyReports(this.#bench.engine, [report]))[0]!;
  }

  async start(task: HeldStep): Promise<ReportResult> {
    return await this.report(task, { kind: "STARTED" });
  }

  async heartbeat(held: readonly HeldStep[]): Promise<HeartbeatAnswer> {
    const viewer = { ...this.#bench.runner, onlyProjectId: this.#projectId };
    return await this.#sessions.heartbeat(viewer, this.id, held);
  }
}
