import type { Viewer } from "../domain/access.ts";
import type { RunCommand } from "../domain/commands.ts";
import { groupBy } from "../domain/group-by.ts";
import { type TestAction, testedRunObstacle, testObstacle } from "../domain/legal.ts";
import { invalidState, notFound, RefusedError } from "../domain/refusals.ts";
import type { Engine } from "../orchestration/transition.ts";
import type { Transaction } from "../persistence/database.ts";
import { findStepPlace } from "../persistence/queries/step-places.ts";
import { listStepTests, type TestFilter } from "../persistence/queries/test-list.ts";
import type { TestPlace } from "../persistence/queries/tests.ts";
import type { LockedRun } from "../persistence/run-store.ts";
import { type CommandedTest, commandedTests } from "../persistence/test-command-store.ts";
import type { CommandOptions } from "./command.ts";
import { commandRun } from "./command-run.ts";
import type { StepSelector } from "./command-step.ts";

/** Which tests: by their places, all in one run, or those of a step that a filter matches. */
export type TestSelector =
  | {
      readonly runId: string;
      /** In the order of the input; null for an id that names nothing. */
      readonly places: readonly (TestPlace | null)[];
    }
  | { readonly runId: string; readonly step: StepSelector; readonly filter: TestFilter };

export interface TestsRequest {
  readonly tests: TestSelector;
  readonly command: CommandOptions;
}

export const TEST_OUTCOMES = ["DONE", "NOT_ELIGIBLE", "NOT_FOUND"] as const;
export type TestOutcome = (typeof TEST_OUTCOMES)[number];

export interface TestItem {
  /** Null when there is no such test in the run. */
  readonly place: TestPlace | null;
  readonly outcome: TestOutcome;
  readonly error: string | null;
}

export interface TestsAnswer {
  readonly runId: string;
  /** One for each place of the input; none for tests that a filter chose. */
  readonly items: readonly TestItem[];
  /** How many tests it was done to. */
  readonly count: number;
}

/** The tests of one step that a command is for. */
export interface StepTests {
  readonly runId: string;
  readonly step: number;
  readonly tests: readonly CommandedTest[];
}

export interface TestsCommanding {
  readonly action: TestAction;
  readonly details: Readonly<Record<string, unknown>>;
  readonly commandOn: (
    run: LockedRun,
    tests: StepTests,
    transaction: Transaction,
  ) => RunCommand | Promise<RunCommand>;
  /** Stores what becomes of the tests, once it is decided. */
  readonly store: (transaction: Transaction, tests: StepTests) => Promise<void>;
}

export const TESTS_PATH = "input.tests";
/** More at once would hold the run's lock for too long. */
const MAX_MATCHING = 10_000;
/** The audit names some of the tests, and the number of all. */
const MAX_NAMED = 20;

/** The way of every command to tests: see `commandRun`. Each test has an outcome of its own. */
export async function commandTests(
  engine: Engine,
  viewer: Viewer,
  { tests: selector, command }: TestsRequest,
  { action, details, commandOn, store }: TestsCommanding,
): Promise<TestsAnswer> {
  const { runId } = selector;
  const stepIndex = "step" in selector ? await stepOf(engine, selector.step) : null;
  let eligible: StepTests[] = [];
  let items: TestItem[] = [];
  const named: { tests?: readonly string[]; count?: number } = {};
  return await commandRun<TestsAnswer>(
    engine,
    viewer,
    { runId, command },
    {
      mutation: action,
      path: TESTS_PATH,
      // Filled in once the tests are known, before the audit reads it.
      details: Object.assign(named, details),
      decideOn: async (run, transaction) => {
        refuseRun(action, run);
        const found = await findTests(transaction, selector, stepIndex);
        const judged = found.map((test) => ({ test, obstacle: obstacleOf(action, run, test) }));
        items = "places" in selector ? itemsOf(selector.places, judged) : [];
        const chosen = judged.flatMap(({ test, obstacle }) => (obstacle === null ? [test] : []));
        named.tests = chosen.slice(0, MAX_NAMED).map(({ key }) => key);
        named.count = chosen.length;
        eligible = [...groupBy(chosen, ({ step }) => String(step)).values()].map((tests) => ({
          runId,
          step: tests[0]!.step,
          tests,
        }));
        const commands: RunCommand[] = [];
        for (const tests of eligible) commands.push(await commandOn(run, tests, transaction));
        return commands;
      },
      afterwards: async (transaction) => {
        for (const tests of eligible) await store(transaction, tests);
      },
      answer: () => ({
        runId,
        items,
        count: eligible.reduce((sum, { tests }) => sum + tests.length, 0),
      }),
    },
  );
}

async function stepOf({ database }: Engine, step: StepSelector): Promise<number> {
  const index = "index" in step ? step.index : await findStepPlace(database, step.runId, step.ref);
  if (index === null) throw notFound(TESTS_PATH);
  return index;
}

function refuseRun(action: TestAction, { state }: LockedRun): void {
  const obstacle = testedRunObstacle(action, state);
  if (obstacle !== null) throw invalidState(TESTS_PATH, obstacle.message, obstacle.current, obstacle.allowed);
}

function obstacleOf(action: TestAction, { state }: LockedRun, test: CommandedTest): string | null {
  return testObstacle(action, state.steps[test.step]!, test)?.message ?? null;
}

async function findTests(
  transaction: Transaction,
  selector: TestSelector,
  step: number | null,
): Promise<CommandedTest[]> {
  const { runId } = selector;
  if ("places" in selector) {
    const own = selector.places.filter((place) => place !== null && place.runId === runId);
    const unique = new Map(own.map((place) => [placeKey(place!), place!]));
    return await commandedTests(transaction, runId, [...unique.values()]);
  }
  const { filter } = selector;
  const page = {
    runId,
    step: step!,
    filter,
    order: "ORDER",
    from: null,
    backward: false,
    offset: 0,
  } as const;
  const found = await listStepTests(transaction, { ...page, limit: MAX_MATCHING + 1 });
  if (found.length > MAX_MATCHING) {
    const message = `at most ${MAX_MATCHING} tests at once`;
    throw new RefusedError({ kind: "LimitExceeded", message, path: TESTS_PATH, limit: MAX_MATCHING });
  }
  return found.map(({ index, key, attempt, status }) => ({ step: step!, test: index, key, attempt, status }));
}

function itemsOf(
  places: readonly (TestPlace | null)[],
  judged: readonly { readonly test: CommandedTest; readonly obstacle: string | null }[],
): TestItem[] {
  const byPlace = new Map(judged.map((entry) => [`${entry.test.step} ${entry.test.test}`, entry.obstacle]));
  return places.map((place) => {
    const obstacle = place === null ? undefined : byPlace.get(placeKey(place));
    if (obstacle === undefined)
      return { place: null, outcome: "NOT_FOUND", error: "no such test in this run" };
    return { place, outcome: obstacle === null ? "DONE" : "NOT_ELIGIBLE", error: obstacle };
  });
}

function placeKey({ step, index }: TestPlace): string {
  return `${step} ${index}`;
}
