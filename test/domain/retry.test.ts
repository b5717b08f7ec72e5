import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decideRetry } from "../../src/domain/retry.ts";
import { DrivenRun } from "./driven-run.ts";
import { stage, step } from "./workflow-builder.ts";

const DOUBLING = { attempts: 5, backoffMs: 1_000, factor: 2, maxBackoffMs: 3_000 };

describe("retry decision", () => {
  test("attempts counts every try, the first one included", () => {
    const twice = { attempts: 2, backoffMs: 10, factor: 1, maxBackoffMs: 10 };
    expect(decideRetry(twice, 1, 0)).toEqual({ retry: true, delayMs: 10 });
    expect(decideRetry(twice, 2, 0)).toEqual({ retry: false });
    expect(decideRetry({ ...twice, attempts: 1 }, 1, 0)).toEqual({ retry: false });
  });

  test("each wait is longer than the one before, up to the cap", () => {
    const waits = [1, 2, 3, 4].map((starts) => decideRetry(DOUBLING, starts, 0));
    expect(waits).toEqual([1_000, 2_000, 3_000, 3_000].map((delayMs) => ({ retry: true, delayMs })));
    expect(decideRetry(DOUBLING, 5, 0)).toEqual({ retry: false });
  });

  test("a lost lease costs no try and lengthens no wait", () => {
    expect(decideRetry(DOUBLING, 5, 4)).toEqual({ retry: true, delayMs: 1_000 });
    expect(decideRetry(DOUBLING, 8, 4)).toEqual({ retry: true, delayMs: 3_000 });
    expect(decideRetry(DOUBLING, 9, 4)).toEqual({ retry: false });
  });

  test("random policies: exactly `attempts` tries, waits as multiplied by hand", () => {
    const policies = fc.record({
      attempts: fc.integer({ min: 1, max: 12 }),
      backoffMs: fc.integer({ min: 0, max: 60_000 }),
      factor: fc.constantFrom(1, 1.5, 2, 3),
      maxBackoffMs: fc.integer({ min: 0, max: 600_000 }),
    });
    fc.assert(
      fc.property(policies, fc.integer({ min: 0, max: 4 }), (policy, lost) => {
        let wait = policy.backoffMs;
        for (let tries = 1; tries < policy.attempts; tries++) {
          const decision = decideRetry(policy, tries + lost, lost);
          expect(decision.retry).toBe(true);
          if (!decision.retry) return;
          expect(Number.isInteger(decision.delayMs)).toBe(true);
          expect(Math.abs(decision.delayMs - Math.min(wait, policy.maxBackoffMs))).toBeLessThanOrEqual(0.51);
          wait *= policy.factor;
        }
        expect(decideRetry(policy, policy.attempts + lost, lost)).toEqual({ retry: false });
      }),
      { numRuns: 300 },
    );
  });
});

describe("retry of a step", () => {
  const withRetry = (retry = DOUBLING) => new DrivenRun([stage("one", step("a", { retry }))]).start();

  test("waits for its backoff, longer each time, and keeps every attempt", () => {
    const run = withRetry({ ...DOUBLING, attempts: 3 });
    run.run("a", "FAILED");
    expect(run.step("a")).toMatchObject({ status: "WAITING", attempt: 1, leased: false });
    expect(run.step("a").dueAt?.getTime()).toBe(run.now.getTime() + 1_000);
    expect(run.state.status).toBe("WAITING");
    run.advance(999);
    expect(run.wake("a").applied).toEqual([false]);
    run.advance(1);
    expect(run.wake("a").applied).toEqual([true]);
    run.run("a", "TIMED_OUT");
    expect(run.step("a").dueAt?.getTime()).toBe(run.now.getTime() + 2_000);
    run.advance(2_000);
    run.wake("a");
    run.run("a", "FAILED");
    expect(run.step("a")).toMatchObject({ status: "FAILED", attempt: 3, exitCode: 7 });
    expect(run.step("a").reason?.code).toBe("EXIT_CODE");
    expect(run.attempts.map(({ number, status }) => [number, status])).toEqual([
      [1, "FAILED"],
      [2, "TIMED_OUT"],
      [3, "FAILED"],
    ]);
    expect(run.state.status).toBe("FAILED");
  });

  test("without backoff it is queued again at once", () => {
    const run = withRetry({ attempts: 2, backoffMs: 0, factor: 1, maxBackoffMs: 0 });
    run.run("a", "FAILED");
    expect(run.step("a")).toMatchObject({ status: "QUEUED", attempt: 1, leased: false, dueAt: null });
    expect(run.state.status).toBe("RUNNING");
    run.run("a");
    expect(run.step("a")).toMatchObject({ status: "SUCCEEDED", attempt: 2, reason: null, exitCode: 0 });
    expect(run.state.status).toBe("SUCCEEDED");
  });

  test("the last try that runs out of time ends TIMED_OUT", () => {
    const run = withRetry({ ...DOUBLING, attempts: 1 });
    run.run("a", "TIMED_OUT");
    expect(run.step("a")).toMatchObject({ status: "TIMED_OUT" });
    expect(run.step("a").reason?.code).toBe("TIMEOUT");
    expect(run.state.status).toBe("FAILED");
  });

  test("four lost runners cost no try; the fifth ends the step", () => {
    const run = withRetry({ ...DOUBLING, attempts: 1 });
    for (let lost = 1; lost <= 4; lost++) {
      run.begin("a");
      expect(run.loseLease("a").applied).toEqual([true]);
      expect(run.step("a")).toMatchObject({ status: "QUEUED", attempt: lost, lost, leased: false });
    }
    run.begin("a");
    run.loseLease("a");
    expect(run.step("a")).toMatchObject({ status: "FAILED", attempt: 5 });
    expect(run.step("a").reason?.code).toBe("LEASE_LOST");
    expect(run.attempts.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5]);
    expect(run.state.status).toBe("FAILED");
  });

  test("a try after four lost runners still counts as the first", () => {
    const run = withRetry({ ...DOUBLING, attempts: 2 });
    for (let lost = 1; lost <= 4; lost++) {
      run.begin("a");
      run.loseLease("a");
    }
    run.run("a", "FAILED");
    expect(run.step("a")).toMatchObject({ status: "WAITING", attempt: 5, lost: 4 });
    expect(run.step("a").dueAt?.getTime()).toBe(run.now.getTime() + 1_000);
  });

  test("leases that never started count for nothing", () => {
    const run = withRetry({ ...DOUBLING, attempts: 1 });
    for (let lost = 0; lost < 12; lost++) {
      run.claim("a");
      expect((lost % 2 === 0 ? run.loseLease("a") : run.release("a")).applied).toEqual([true]);
      expect(run.step("a")).toMatchObject({ status: "QUEUED", attempt: 0, lost: 0, leased: false });
    }
    expect(run.attempts).toEqual([]);
    run.run("a");
    expect(run.step("a")).toMatchObject({ status: "SUCCEEDED", attempt: 1 });
  });
});
