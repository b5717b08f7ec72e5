import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { RunState } from "../../src/domain/run-state.ts";
import { isEnd, referenceEnds, referenceRunStatus, referenceStageStatus } from "./reference.ts";
import {
  interruptedScenario,
  repeatedlyCanceledScenario,
  type Scenario,
  undisturbedScenario,
} from "./scenarios.ts";
import { World } from "./world.ts";

const RUNS = 250;

/** What every finished world has in common. Most of it was asserted on the way, after each decision. */
function finish(scenario: Scenario): { world: World; run: RunState } {
  const world = new World(scenario);
  const run = world.play();
  assert.ok(run.steps.every(({ status }) => isEnd(status)));
  assert.ok(run.stages.every(({ status }) => isEnd(status)));
  assert.equal(new Set(world.applied).size, world.applied.length, "a completion was applied twice");
  assertAttempts(world, run);
  return { world, run };
}

/** Each start has exactly one end, and the tries that counted are no more than the author allowed. */
function assertAttempts(world: World, run: RunState): void {
  for (const { index, attempt, status, finishedAt } of run.steps) {
    const ends = world.run.attempts.filter(({ step }) => step === index);
    assert.deepEqual(
      ends.map(({ number }) => number),
      Array.from({ length: attempt }, (_, at) => at + 1),
    );
    assert.equal(new Set(ends.map(({ fence }) => fence)).size, ends.length);
    const tries = ends.filter(({ reason }) => reason?.code === "EXIT_CODE" || reason?.code === "TIMEOUT");
    const { retry } = run.graph.steps[index]!;
    assert.ok(tries.length <= retry.attempts);
    assert.ok(finishedAt !== null);
    for (const { startedAt, finishedAt } of ends) assert.ok(startedAt <= finishedAt);
    if (status === "SUCCEEDED" && attempt > 0) assert.equal(ends.at(-1)?.status, "SUCCEEDED");
  }
}

/** Statuses and reasons as the reference has them; what an accepted end found open is CANCELED. */
function assertMatchesReference({ stages, script }: Scenario, world: World, run: RunState): void {
  const ends = referenceEnds(stages, script);
  const { interrupted } = world;
  const kind = run.ending?.kind ?? null;
  assert.equal(kind === null, interrupted === null);
  const views = run.graph.steps.map(({ index, ref, continueOnError }) => {
    const cut = interrupted !== null && !isEnd(interrupted.steps[index]!.status);
    const code = kind === "TIMED_OUT" ? "EXPIRED" : "RUN_CANCELED";
    const expected = cut ? ({ status: "CANCELED" as const, code } as const) : ends.get(ref)!;
    const { status, reason } = run.steps[index]!;
    assert.deepEqual({ ref, status, code: reason?.code ?? null }, { ref, ...expected });
    return { status: expected.status, reasonCode: expected.code, continueOnError, started: true };
  });
  assert.equal(run.status, referenceRunStatus(views, kind, true));
  for (const [at, { steps }] of run.graph.stages.entries()) {
    const members = steps.map((index) => views[index]!);
    assert.equal(run.stages[at]?.status, referenceStageStatus(members, kind));
  }
}

describe("random runs", () => {
  test("undisturbed: every step ends as the definition and its own acts say, in whatever order", () => {
    fc.assert(
      fc.property(undisturbedScenario, (scenario) => {
        const { world, run } = finish(scenario);
        assertMatchesReference(scenario, world, run);
      }),
      { numRuns: RUNS },
    );
  });

  test("canceled or expired in the middle: what had ended stays, the rest dies", () => {
    fc.assert(
      fc.property(interruptedScenario, (scenario) => {
        const { world, run } = finish(scenario);
        assertMatchesReference(scenario, world, run);
      }),
      { numRuns: RUNS },
    );
  });

  test("canceled again and again: only the first counts, only force adds to it", () => {
    fc.assert(
      fc.property(repeatedlyCanceledScenario, (scenario) => {
        const { world, run } = finish(scenario);
        assertMatchesReference(scenario, world, run);
      }),
      { numRuns: RUNS },
    );
  });

  test("the scenarios reach every way to end a run or a step", () => {
    const seen = new Set<string>();
    const sample = [undisturbedScenario, interruptedScenario].flatMap((scenario) =>
      fc.sample(scenario, { numRuns: 150, seed: 7 }),
    );
    for (const scenario of sample) {
      const { run } = finish(scenario);
      seen.add(`run ${run.status}`);
      for (const { status, reason } of run.steps) seen.add(`step ${status} ${reason?.code ?? ""}`.trim());
    }
    expect([...seen].sort()).toEqual([
      "run CANCELED",
      "run FAILED",
      "run SKIPPED",
      "run SUCCEEDED",
      "run TIMED_OUT",
      "step CANCELED EXPIRED",
      "step CANCELED RUN_CANCELED",
      "step FAILED EXIT_CODE",
      "step FAILED LEASE_LOST",
      "step SKIPPED CONDITION",
      "step SKIPPED DEPENDENCY",
      "step SUCCEEDED",
      "step TIMED_OUT TIMEOUT",
    ]);
  });
});
