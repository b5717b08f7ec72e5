import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { WorkflowGraph } from "../../src/domain/graph.ts";
import { type OriginalStep, planRetry, RETRY_MODES, type RetryRequest } from "../../src/domain/retry-plan.ts";
import { DrivenRun, PERSON } from "./driven-run.ts";
import { undisturbedScenario } from "./scenarios.ts";
import { graphOf, stage, step } from "./workflow-builder.ts";
import { World } from "./world.ts";

const FROM_FAILED: RetryRequest = { mode: "FROM_FAILED", stepRefs: [], includeDownstream: true };

function originalOf({ state }: DrivenRun): OriginalStep[] {
  return state.graph.steps.map(({ ref, index }) => ({
    ref,
    status: state.steps[index]!.status,
    reasonCode: state.steps[index]!.reason?.code ?? null,
  }));
}

/** Everything that waits for one of these, over any distance. */
function closure({ steps }: WorkflowGraph, from: ReadonlySet<number>): Set<number> {
  const found = new Set(from);
  for (let size = -1; size < found.size; ) {
    size = found.size;
    for (const { index, needs, behindBarrier, stage: at } of steps) {
      const barred = behindBarrier && [...found].some((other) => steps[other]!.stage < at);
      if (barred || needs.some((need) => found.has(need))) found.add(index);
    }
  }
  return found;
}

describe("retry plan", () => {
  const refs = Array.from({ length: 20 }, (_, at) => `s${at + 1}`);
  const chain = [
    stage("one", ...refs.map((ref, at) => step(ref, { needs: at === 0 ? [] : [refs[at - 1]!] }))),
  ];

  test("from the failed step of a chain: the 14 before it are reused, 15 to 20 are done", () => {
    const run = new DrivenRun(chain).start();
    for (const ref of refs.slice(0, 14)) run.run(ref);
    run.run("s15", "FAILED");
    const plan = planRetry(run.state.graph, originalOf(run), FROM_FAILED);
    expect(plan.execute).toEqual([14, 15, 16, 17, 18, 19]);
    expect(plan.reuse).toEqual(refs.slice(0, 14).map((_, at) => ({ step: at, from: at })));
  });

  test("of chosen steps, with or without what comes after them", () => {
    const original = refs.map((ref): OriginalStep => ({ ref, status: "SUCCEEDED", reasonCode: null }));
    const graph = graphOf(chain);
    const chosen = { mode: "FROM_STEPS", stepRefs: ["s18"] } as const;
    expect(planRetry(graph, original, { ...chosen, includeDownstream: true }).execute).toEqual([17, 18, 19]);
    expect(planRetry(graph, original, { ...chosen, includeDownstream: false }).execute).toEqual([17]);
    expect(planRetry(graph, original, { ...FROM_FAILED, mode: "ALL" }).reuse).toEqual([]);
    expect(planRetry(graph, original, FROM_FAILED).execute).toEqual([]);
  });

  test("of a chosen step that follows a failed one goes on after it", () => {
    const original: OriginalStep[] = [
      { ref: "s1", status: "FAILED", reasonCode: "EXIT_CODE" },
      { ref: "s2", status: "SUCCEEDED", reasonCode: null },
      { ref: "s3", status: "SUCCEEDED", reasonCode: null },
    ];
    const [head, middle, last] = ["s1", "s2", "s3"].map((ref, at) =>
      step(ref, { needs: at === 0 ? [] : [`s${at}`], when: at === 1 ? "always" : "on_success" }),
    );
    const graph = graphOf([stage("one", head!, middle!, last!)]);
    const request = { mode: "FROM_STEPS", stepRefs: ["s2"], includeDownstream: false } as const;
    expect(planRetry(graph, original, request).execute).toEqual([0, 1, 2]);
  });

  test("follows a later version: what it names anew is done, and so is what comes after that", () => {
    const original: OriginalStep[] = [
      { ref: "a", status: "SUCCEEDED", reasonCode: null },
      { ref: "gone", status: "SUCCEEDED", reasonCode: null },
      { ref: "c", status: "SUCCEEDED", reasonCode: null },
    ];
    const graph = graphOf([stage("one", step("new"), step("a")), stage("two", step("c"))]);
    expect(planRetry(graph, original, FROM_FAILED)).toEqual({
      execute: [0, 2],
      reuse: [{ step: 1, from: 0 }],
    });
  });

  const requests = fc.record({
    mode: fc.constantFrom(...RETRY_MODES),
    picks: fc.array(fc.nat(20), { minLength: 1, maxLength: 3 }),
    includeDownstream: fc.boolean(),
  });

  test("random runs: what is done is closed under what comes after; what is reused had a result", () => {
    fc.assert(
      fc.property(undisturbedScenario, requests, (scenario, { mode, picks, includeDownstream }) => {
        const world = new World(scenario);
        const { graph, steps } = world.play();
        const stepRefs =
          mode === "FROM_STEPS" ? picks.map((at) => graph.steps[at % graph.steps.length]!.ref) : [];
        const original = originalOf(world.run);
        const { execute, reuse } = planRetry(graph, original, { mode, stepRefs, includeDownstream });
        expect([...execute, ...reuse.map((each) => each.step)].sort((a, b) => a - b)).toEqual(
          graph.steps.map(({ index }) => index),
        );
        const done = new Set(execute);
        for (const ref of stepRefs) assert.ok(done.has(graph.steps.find((node) => node.ref === ref)!.index));
        for (const { index } of graph.steps) {
          const bad = steps[index]!.status === "FAILED" || steps[index]!.status === "TIMED_OUT";
          assert.ok(!bad || done.has(index), "a failed step is reused");
        }
        for (const { step: index, from } of reuse) {
          assert.equal(index, from);
          const { status, reason } = steps[from]!;
          const skipped = status === "SKIPPED" && reason?.code !== "DEPENDENCY";
          assert.ok(status === "SUCCEEDED" || skipped, `${status} is reused`);
        }
        const single = mode === "FROM_STEPS" && !includeDownstream;
        const leading = single ? execute.filter((at) => !stepRefs.includes(graph.steps[at]!.ref)) : execute;
        for (const index of closure(graph, new Set(leading))) assert.ok(done.has(index), "not closed");
        if (mode === "ALL") assert.equal(reuse.length, 0);
      }),
      { numRuns: 300 },
    );
  });

  test("random runs: the new run, with what it reuses, comes to its end", () => {
    fc.assert(
      fc.property(undisturbedScenario, (scenario) => {
        const world = new World(scenario);
        world.play();
        const plan = planRetry(world.run.state.graph, originalOf(world.run), FROM_FAILED);
        const run = new DrivenRun(scenario.stages);
        const steps = plan.reuse.map(({ step: index, from }) => {
          const { status } = world.run.state.steps[from]!;
          assert.ok(status === "SUCCEEDED" || status === "SKIPPED");
          return { step: index, status, output: {}, from: { runId: "run_0", step: from } };
        });
        run.decide({ kind: "REUSE_STEPS", steps, actorId: PERSON }, { kind: "START_RUN", actorId: PERSON });
        for (let moves = 0; run.state.finishedAt === null; moves++) {
          assert.ok(moves < 200, "the retry does not come to its end");
          for (const { index, ready, dueAt } of run.state.steps) {
            const { ref } = run.state.graph.steps[index]!;
            if (ready && run.step(ref).ready) run.run(ref);
            if (dueAt !== null) run.advance(Math.max(0, dueAt.getTime() - run.now.getTime()));
            if (dueAt !== null) run.wake(ref);
          }
        }
        const executed = run.state.steps.filter(({ attempt }) => attempt > 0).map(({ index }) => index);
        for (const index of executed) assert.ok(plan.execute.includes(index), "a reused step was executed");
      }),
      { numRuns: 150 },
    );
  });
});
