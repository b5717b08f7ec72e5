import type { Viewer } from "../domain/access.ts";
import { invalidValue } from "../domain/refusals.ts";
import type { DiscoveredTest } from "../domain/test-reports.ts";
import type { TestRef } from "../domain/tests.ts";
import type { Engine } from "../orchestration/transition.ts";
import type { Transaction } from "../persistence/database.ts";
import { findRuns } from "../persistence/queries/runs.ts";
import type { LockedRun } from "../persistence/run-store.ts";
import { addTests, knownTests, queueTests, seeTests } from "../persistence/test-report-store.ts";
import { readTestStep, storeTestStep } from "../persistence/test-steps.ts";
import { commandStep, type StepAnswer, type StepRequest } from "./command-step.ts";

const MAX_TESTS = 500;
const MAX_TEXT = 500;
const MAX_RELEASES = 100;
const MAX_CONFIGURATION_BYTES = 64 * 1024;

export interface SubmitTests extends StepRequest {
  readonly testSuite: string | null;
  readonly releaseIds: readonly string[];
  readonly configuration: Readonly<Record<string, unknown>>;
  /** Executed without asking discovery; null = discovery finds them. */
  readonly tests: readonly DiscoveredTest[] | null;
}

/**
 * Gives a test step something to do: the tests that are named, or all that discovery finds. A step that had ended goes
 * on for it.
 */
export async function submitTests(
  engine: Engine,
  viewer: Viewer,
  request: SubmitTests,
): Promise<StepAnswer<null>> {
  checkSubmission(request);
  const { testSuite, releaseIds, configuration, tests } = request;
  const actorId = viewer.accountId;
  return await commandStep(engine, viewer, request, {
    action: "submitTests",
    details: { testSuite, releaseIds, tests: tests?.length ?? null },
    commandOn: async (run, step, transaction) => {
      const { id: runId, steps } = run.state;
      const { fence } = steps[step]!;
      const before = await readTestStep(transaction, runId, step);
      const asked =
        tests === null
          ? { askedFence: fence, startOver: true }
          : { discoveredFence: Math.max(before.discoveredFence, before.askedFence + 1) };
      await storeTestStep(transaction, runId, step, {
        ...before,
        testSuite,
        releaseIds,
        configuration,
        ...asked,
      });
      const queued = tests === null ? [] : await queueNamed(engine, transaction, run, step, tests);
      return { kind: "QUEUE_TESTS", step, tests: queued, actorId };
    },
    answer: () => null,
  });
}

/** Looks for tests anew: new ones are executed, those that are gone no longer count, the others keep their results. */
export async function rediscoverTests(
  engine: Engine,
  viewer: Viewer,
  request: StepRequest,
): Promise<StepAnswer<null>> {
  return await commandStep(engine, viewer, request, {
    action: "rediscoverTests",
    details: {},
    commandOn: async ({ state }, step, transaction) => {
      const { fence: askedFence } = state.steps[step]!;
      const before = await readTestStep(transaction, state.id, step);
      await storeTestStep(transaction, state.id, step, { ...before, askedFence });
      return { kind: "QUEUE_TESTS", step, tests: [], actorId: viewer.accountId };
    },
    answer: () => null,
  });
}

/** Those that are being executed already stay as they are. */
async function queueNamed(
  { clock }: Engine,
  transaction: Transaction,
  { state }: LockedRun,
  step: number,
  tests: readonly DiscoveredTest[],
): Promise<TestRef[]> {
  const now = clock.now();
  const lease = { runId: state.id, step, fence: state.steps[step]!.fence };
  const known = await knownTests(
    transaction,
    lease,
    tests.map(({ key }) => key),
  );
  const fresh = tests.filter(({ key }) => !known.has(key));
  const [run] = await findRuns(transaction, [state.id]);
  const { testCount: count } = await readTestStep(transaction, state.id, step);
  const added = await addTests(transaction, lease, { workflowId: run!.workflowId, count }, fresh, now);
  const named = tests.flatMap((test) => {
    const found = known.get(test.key);
    return found === undefined ? [] : [{ ...test, test: found.test }];
  });
  await seeTests(transaction, lease, named, now);
  const again = [...known.values()].filter(({ status }) => status !== "RUNNING");
  await queueTests(
    transaction,
    lease,
    again.map(({ test }) => test),
    now,
  );
  return [...again, ...added].map(({ test, key, attempt }) => ({ test, key, attempt }));
}

function checkSubmission({ testSuite, releaseIds, configuration, tests }: SubmitTests): void {
  checkText("input.testSuite", testSuite, 0);
  if (releaseIds.length > MAX_RELEASES) throw invalidValue("input.releaseIds", `at most ${MAX_RELEASES}`);
  // They reach the commands in one variable, with commas between them.
  for (const [i, id] of releaseIds.entries()) {
    checkText(`input.releaseIds.${i}`, id, 1);
    if (id.includes(",")) throw invalidValue(`input.releaseIds.${i}`, "must not contain a comma");
  }
  if (Buffer.byteLength(JSON.stringify(configuration)) > MAX_CONFIGURATION_BYTES) {
    throw invalidValue("input.configuration", `at most ${MAX_CONFIGURATION_BYTES} bytes of JSON`);
  }
  if (tests === null) return;
  if (tests.length === 0 || tests.length > MAX_TESTS) {
    throw invalidValue("input.tests", `1 to ${MAX_TESTS} tests; leave it out to discover them`);
  }
  const keys = new Set<string>();
  for (const [i, { key, name, suite, file }] of tests.entries()) {
    checkText(`input.tests.${i}.key`, key, 1);
    for (const text of [name, suite, file]) checkText(`input.tests.${i}`, text, 0);
    if (keys.has(key)) throw invalidValue(`input.tests.${i}.key`, "stands there twice");
    keys.add(key);
  }
}

function checkText(path: string, text: string | null, least: number): void {
  if (text === null || (text.length >= least && text.length <= MAX_TEXT && !text.includes("\0"))) return;
  throw invalidValue(path, `${least} to ${MAX_TEXT} characters and no NUL`);
}
