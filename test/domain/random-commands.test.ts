import assert from "node:assert/strict";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type CommandScenario, commandScenario } from "./command-scenarios.ts";
import { CommandWorld } from "./command-world.ts";
import { isEnd } from "./reference.ts";
import { LEGAL_STEP_MOVES } from "./step-moves.ts";

/** A failure prints the seed and the smallest scenario; TEST_SEED plays it again. */
const SEED = Number(process.env["TEST_SEED"] ?? Date.now() % 1_000_000_000);
const RUNS = Number(process.env["TEST_RUNS"] ?? 400);

function finish(scenario: CommandScenario): CommandWorld {
  const world = new CommandWorld(scenario);
  const run = world.play();
  assert.ok(run.steps.every(({ status }) => isEnd(status)));
  assert.ok(run.stages.every(({ status }) => isEnd(status)));
  assertAttempts(world);
  return world;
}

/** Each start has one end, in the order of their numbers: nothing is overwritten and nothing is missing. */
function assertAttempts({ run }: CommandWorld): void {
  for (const { index, attempt } of run.state.steps) {
    const ends = run.attempts.filter(({ step }) => step === index);
    assert.deepEqual(
      ends.map(({ number }) => number),
      Array.from({ length: attempt }, (_, at) => at + 1),
    );
    for (const { startedAt, finishedAt } of ends) assert.ok(startedAt <= finishedAt);
    if (run.state.graph.steps[index]!.waitsFor !== "RUNNER") continue;
    assert.equal(new Set(ends.map(({ fence }) => fence)).size, ends.length);
  }
}

test(`whatever is asked of a run, and whenever: it stays consistent and comes to its end (seed ${SEED})`, () => {
  fc.assert(
    fc.property(commandScenario, (scenario) => void finish(scenario)),
    { numRuns: RUNS, seed: SEED },
  );
});

test("the scenarios reach every move of a step and every command", () => {
  const seen = new Set<string>();
  for (const scenario of fc.sample(commandScenario, { numRuns: 600, seed: 11 })) {
    for (const what of finish(scenario).seen) seen.add(what);
  }
  const moves = LEGAL_STEP_MOVES.map(([from, , to]) => `${from} ${to}`);
  expect(moves.filter((move) => !seen.has(move))).toEqual([]);
  expect([...seen].filter((what) => /^[A-Z_]+$/.test(what)).sort()).toEqual([
    "ABORT_STEP",
    "ABORT_TESTS",
    "ANNOTATE_RUN",
    "CANCEL_RUN",
    "CHANGE_LABELS",
    "CHILD_ENDED",
    "COMPLETE_STEP",
    "DECIDE_APPROVAL",
    "EXPIRE_RUN",
    "FINALIZE_RUN",
    "FINISH_STEP",
    "FORCE_COMPLETE_STEP",
    "LOSE_LEASE",
    "PAUSE_RUN",
    "QUEUE_TESTS",
    "RELEASE_STEP",
    "REPLAY_SUBTREE",
    "RESUME_RUN",
    "RETRY_STEP",
    "REUSE_STEPS",
    "REVIEW_TESTS",
    "SKIP_STEP",
    "START_RUN",
    "START_STEP",
    "WAKE_STEP",
  ]);
  expect([...seen]).toEqual(expect.arrayContaining(["RunReopened", "ApprovalRequested", "ApprovalDecided"]));
});
