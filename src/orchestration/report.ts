import type { RunCommand, TaskOutcome } from "../domain/commands.ts";
import type { RunDelta } from "../domain/decide.ts";
import { groupBy } from "../domain/group-by.ts";
import { BusyError } from "../domain/refusals.ts";
import { taskKey } from "../domain/task-key.ts";
import type { TestTally } from "../domain/tests.ts";
import { appliedFences, completeSteps, type StepCompletion } from "../persistence/report-store.ts";
import type { LockedRun } from "../persistence/run-store.ts";
import { talliesOf } from "./test-tallies.ts";
import { advance, type Engine } from "./transition.ts";

/** One thing that a runner says about one of its tasks. */
export interface TaskReport {
  readonly session: string;
  /** The runner's account: the actor of what the report causes. */
  readonly accountId: string;
  readonly runId: string;
  readonly step: number;
  readonly fence: number;
  readonly kind: "STARTED" | "FINISHED" | "RELEASED";
  readonly outcome: TaskOutcome | null;
  readonly exitCode: number | null;
  readonly output: Readonly<Record<string, unknown>> | null;
  readonly error: string | null;
  readonly log: { readonly length: number; readonly crc32: string } | null;
}

/** STALE: the step is not the session's any more, and this report never counted. */
export type ReportResult = "APPLIED" | "STALE";

/** What one caller reports, and where its answer goes. */
interface Call {
  readonly reports: readonly TaskReport[];
  readonly resolve: (results: ReportResult[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Reports that one transaction takes at most, if they are of several callers: it holds the locks of all their runs. */
const MAX_BATCH = 2_000;

/**
 * Gathers the reports of all runners of this process. One batch is in flight; whatever arrives meanwhile is the
 * next one. So batches grow with the load and an idle system waits for nothing.
 */
export class ReportCollector {
  readonly #engine: Engine;
  #waiting: Call[] = [];
  #running = false;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async report(reports: readonly TaskReport[]): Promise<ReportResult[]> {
    const results = new Promise<ReportResult[]>((resolve, reject) => {
      this.#waiting.push({ reports, resolve, reject });
    });
    void this.#drain();
    return await results;
  }

  async #drain(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    while (this.#waiting.length > 0) await this.#apply(this.#nextBatch());
    this.#running = false;
  }

  #nextBatch(): Call[] {
    let size = 0;
    const end = this.#waiting.findIndex(({ reports }, i) => {
      size += reports.length;
      return i > 0 && size > MAX_BATCH;
    });
    return this.#waiting.splice(0, end === -1 ? this.#waiting.length : end);
  }

  async #apply(calls: readonly Call[]): Promise<void> {
    try {
      const results = await applyReports(
        this.#engine,
        calls.flatMap(({ reports }) => reports),
      );
      let at = 0;
      for (const { reports, resolve } of calls) {
        resolve(results.slice(at, at + reports.length));
        at += reports.length;
      }
    } catch (error) {
      // What one caller sent must not be refused for what another did. A busy database is nobody's fault.
      if (calls.length > 1 && !(error instanceof BusyError))
        for (const call of calls) await this.#apply([call]);
      else for (const { reject } of calls) reject(error);
    }
  }
}

/** Applies reports in order; answers one result for each. */
export async function applyReports(engine: Engine, reports: readonly TaskReport[]): Promise<ReportResult[]> {
  const results = new Map<TaskReport, ReportResult>();
  const undecided = [...reports.filter((report) => !isPlain(report)), ...contested(reports)];
  const needDecision = new Set(undecided.map(({ runId }) => runId));
  await applyPlain(
    engine,
    reports.filter(({ runId }) => !needDecision.has(runId)),
    results,
  );
  await applyDecided(
    engine,
    reports.filter((report) => !results.has(report)),
    results,
  );
  return reports.map((report) => results.get(report)!);
}

/** Reports about a lease of which two sessions speak: only one of them holds it, and only what that one says counts. */
function contested(reports: readonly TaskReport[]): TaskReport[] {
  return [...groupBy(reports, taskKey).values()].filter(hasTwoSessions).flat();
}

function hasTwoSessions(reports: readonly TaskReport[]): boolean {
  return reports.some(({ session }) => session !== reports[0]!.session);
}

/** A start or a success: mostly nothing has to be decided for it. */
function isPlain({ kind, outcome }: TaskReport): boolean {
  return kind === "STARTED" || (kind === "FINISHED" && outcome === "SUCCEEDED");
}

async function applyPlain(
  engine: Engine,
  reports: readonly TaskReport[],
  results: Map<TaskReport, ReportResult>,
): Promise<void> {
  if (reports.length === 0) return;
  const byTask = groupBy(reports, taskKey);
  const completions = [...byTask.values()].map(foldTask);
  const { applied, changes, workReady } = await completeSteps(
    engine.database,
    completions,
    engine.clock.now(),
  );
  for (const { runId, lastSeq } of changes) engine.bus.publish({ topic: "run", runId, lastSeq });
  if (workReady) engine.bus.publish({ topic: "work" });
  for (const reported of byTask.values()) {
    if (applied.has(taskKey(reported[0]!))) for (const report of reported) results.set(report, "APPLIED");
  }
}

/** What one batch says of one task: a start, an end, or both at once. */
function foldTask(reports: readonly TaskReport[]): StepCompletion {
  const { runId, step, fence, session } = reports[0]!;
  const end = reports.find(({ kind }) => kind === "FINISHED");
  return {
    runId,
    step,
    fence,
    session,
    done: end !== undefined,
    exitCode: end?.exitCode ?? null,
    output: end?.output ?? null,
    log: end?.log ?? null,
  };
}

async function applyDecided(
  engine: Engine,
  reports: readonly TaskReport[],
  results: Map<TaskReport, ReportResult>,
): Promise<void> {
  if (reports.length === 0) return;
  const byRun = groupBy(reports, ({ runId }) => runId);
  const accepted = new Map<string, TaskReport[]>();
  const deltas = await advance(engine, [...byRun.keys()], async (run, transaction) => {
    const own = byRun.get(run.state.id)!.filter((report) => holds(run, report));
    accepted.set(run.state.id, own);
    const tallies = await talliesOf(engine, transaction, run, own.filter(needsTally));
    return own.map((report) => commandOf(report, tallies.get(report.step) ?? null));
  });
  for (const [runId, own] of accepted) noteApplied(own, deltas.get(runId)!, results);
  const refused = reports.filter((report) => !results.has(report));
  const fences = await appliedFences(engine.database, refused);
  for (const report of refused) results.set(report, fences.has(taskKey(report)) ? "APPLIED" : "STALE");
}

function noteApplied(
  reports: readonly TaskReport[],
  { applied }: RunDelta,
  results: Map<TaskReport, ReportResult>,
): void {
  for (const [i, report] of reports.entries()) if (applied[i]) results.set(report, "APPLIED");
}

function holds({ sessions }: LockedRun, { session, step }: TaskReport): boolean {
  return sessions[step] === session;
}

/** Its tests decide what a test step's success is worth. */
function needsTally({ kind, outcome }: TaskReport): boolean {
  return kind === "FINISHED" && outcome === "SUCCEEDED";
}

function commandOf(report: TaskReport, tests: TestTally | null): RunCommand {
  const { step, fence, accountId, exitCode, output, error, log } = report;
  switch (report.kind) {
    case "STARTED":
      return { kind: "START_STEP", step, fence, actorId: accountId };
    case "RELEASED":
      return { kind: "RELEASE_STEP", step, fence };
    case "FINISHED": {
      const outcome = report.outcome ?? "FAILED";
      const end = { outcome, exitCode, output, error, log, tests };
      return { kind: "FINISH_STEP", step, fence, ...end, actorId: accountId };
    }
  }
}
