import type { TestTally } from "../domain/tests.ts";
import type { Transaction } from "../persistence/database.ts";
import type { LockedRun } from "../persistence/run-store.ts";
import { tallyTests } from "../persistence/test-steps.ts";
import type { Engine } from "./transition.ts";

/** How the tests of some steps of a locked run stand. Steps that are no test steps are left out, at no cost. */
export async function talliesOf(
  { versions, clock }: Engine,
  transaction: Transaction,
  { state, versionId }: LockedRun,
  steps: readonly { readonly step: number }[],
): Promise<ReadonlyMap<number, TestTally>> {
  const tallies = new Map<number, TestTally>();
  const tested = steps.filter(({ step }) => state.graph.steps[step]!.type === "TEST");
  if (tested.length === 0) return tallies;
  const version = await versions.get(transaction, versionId);
  for (const { step } of tested) {
    const { fence, attempt, startedAt } = state.steps[step]!;
    const allowEmpty = version.steps[step]!.test?.allowEmpty ?? false;
    // An end may come along with its start.
    const place = { runId: state.id, step, fence, attempt: attempt + Number(startedAt === null) };
    tallies.set(step, await tallyTests(transaction, place, allowEmpty, clock.now()));
  }
  return tallies;
}
