import type { RunEventDraft } from "../domain/events.ts";
import { isTerminal } from "../domain/statuses.ts";
import type { DiscoveredTest, ReportedResult } from "../domain/test-reports.ts";
import { isTestEnd } from "../domain/tests.ts";
import type { Transaction } from "../persistence/database.ts";
import { addEvents } from "../persistence/delta-rows.ts";
import { releaseOtherTests, testEvent } from "../persistence/test-changes.ts";
import {
  addTests,
  completeDiscovery,
  countOpenTests,
  type KnownTest,
  knownTests,
  type LockedTestStep,
  lockTestStep,
  moveRunOn,
  queueTests,
  seeTests,
  type TakenTest,
  type TestLease,
  takeTests,
  testsToAbort,
} from "../persistence/test-report-store.ts";
import { endTests } from "../persistence/test-result-store.ts";
import { isUndiscovered, readTestStep, type TestStepRow } from "../persistence/test-steps.ts";
import type { Engine } from "./transition.ts";

/** What a runner says of the tests of a step that it holds, and how many more it wants. */
export interface TestReport extends TestLease {
  readonly session: string;
  readonly accountId: string;
  readonly discovered: readonly DiscoveredTest[];
  readonly discoveryComplete: boolean;
  readonly results: readonly ReportedResult[];
  readonly running: readonly number[];
  readonly take: number;
}

export interface TestReportAnswer {
  readonly tests: readonly TakenTest[];
  readonly aborts: readonly number[];
  readonly open: number;
  readonly stale: boolean;
}

const STALE: TestReportAnswer = { tests: [], aborts: [], open: 0, stale: true };

/**
 * Takes a report of tests and hands out more of them, in one transaction under the lock of the run. The same report
 * again counts once: results count for what runs under their lease, and what was handed out in an answer that got lost
 * is handed out again.
 */
export async function reportTests(engine: Engine, report: TestReport): Promise<TestReportAnswer> {
  const { database, clock, bus } = engine;
  const { answer, lastSeq } = await database.transaction(async (transaction) => {
    const step = await lockTestStep(transaction, report, report.session);
    if (step === null || step.type !== "TEST" || isTerminal(step.status))
      return { answer: STALE, lastSeq: null };
    const now = clock.now();
    const { events, tests } = await applyReport(transaction, report, step, now);
    const aborts = await testsToAbort(transaction, report);
    const open = await countOpenTests(transaction, report);
    const stored = await storeEvents(transaction, report.runId, step.lastSeq, events, now);
    // Which tests count may have changed though no event tells of it: lists look at that.
    if (stored === null && report.discoveryComplete)
      await moveRunOn(transaction, report.runId, step.lastSeq, now);
    return { answer: { tests, aborts, open, stale: false }, lastSeq: stored };
  });
  if (lastSeq !== null) bus.publish({ topic: "run", runId: report.runId, lastSeq });
  return answer;
}

async function applyReport(
  transaction: Transaction,
  report: TestReport,
  step: LockedTestStep,
  now: Date,
): Promise<{ events: RunEventDraft[]; tests: TakenTest[] }> {
  const { accountId, discoveryComplete, running, take } = report;
  const asked = await readTestStep(transaction, report.runId, report.step);
  const found = await noteDiscovered(transaction, report, step, asked, now);
  const ended = await endTests(
    transaction,
    report,
    { stepAttempt: step.attempt, branch: step.branch },
    report.results.map(({ imported, test, ...result }) => ({
      ...result,
      test: test ?? found.known.get(imported!.key)!.test,
      imported: imported !== null,
    })),
    now,
  );
  const discovers = discoveryComplete && isUndiscovered(asked);
  const gone = discovers ? await completeDiscovery(transaction, report, now) : [];
  const released = await releaseOtherTests(transaction, report, running, now);
  // What is being stopped gets nothing new.
  const tests = step.status === "CANCELING" ? [] : await takeTests(transaction, report, take, now);
  const moved = [...ended, ...gone, ...released, ...tests];
  const events = [...found.events, ...moved.map((test) => testEvent(report.step, test, accountId))];
  return { events, tests };
}

/** Adds what is new among the tests that discovery or a report names. */
async function noteDiscovered(
  transaction: Transaction,
  report: TestReport,
  { workflowId }: LockedTestStep,
  { startOver, testCount: count }: TestStepRow,
  now: Date,
): Promise<{ known: ReadonlyMap<string, KnownTest>; events: RunEventDraft[] }> {
  const { step, fence, accountId: actorId } = report;
  const imported = report.results.flatMap(({ imported }) => (imported === null ? [] : [imported]));
  const named = new Map([...report.discovered, ...imported].map((test) => [test.key, test]));
  if (named.size === 0) return { known: new Map(), events: [] };
  const known = await knownTests(transaction, report, [...named.keys()]);
  const fresh = [...named.values()].filter(({ key }) => !known.has(key));
  const added = await addTests(transaction, report, { workflowId, count }, fresh, now);
  const seen = [...known.values()].filter(({ seenFence }) => seenFence !== fence);
  await seeTests(
    transaction,
    report,
    seen.map(({ test, key }) => ({ ...named.get(key)!, test })),
    now,
  );
  // A report brings the new results along; what discovery finds has to be executed.
  const isImported = new Set(imported.map(({ key }) => key));
  const again = startOver ? seen.filter(({ key, status }) => isTestEnd(status) && !isImported.has(key)) : [];
  await queueTests(
    transaction,
    report,
    again.map(({ test }) => test),
    now,
  );
  const total = count + added.length;
  const payload = { step, count: added.length, total };
  return {
    known: new Map([...known, ...added.map((test) => [test.key, test] as const)]),
    events: [
      ...(added.length > 0 ? [{ type: "TestsDiscovered" as const, payload, actorId }] : []),
      ...again.map((test) => testEvent(step, { ...test, status: "QUEUED" }, actorId)),
    ],
  };
}

/** @returns the seq of the last one; null when there are none */
async function storeEvents(
  transaction: Transaction,
  runId: string,
  lastSeq: number,
  events: readonly RunEventDraft[],
  now: Date,
): Promise<number | null> {
  if (events.length === 0) return null;
  await addEvents(transaction, runId, events, lastSeq, now);
  await moveRunOn(transaction, runId, lastSeq + events.length, now);
  return lastSeq + events.length;
}
