import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { expireRuns } from "../../src/duties/expire-runs.ts";
import { wakeSteps } from "../../src/duties/wake-steps.ts";
import { delay, stage, step } from "../domain/workflow-builder.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { contradictions } from "./consistency.ts";
import { readRun } from "./run-record.ts";
import { ScriptedSession } from "./scripted-session.ts";
import { openWorkbench, type Workbench } from "./workbench.ts";

let bench: Workbench;
let clock: ManualClock;
let session: ScriptedSession;

beforeEach(async () => {
  clock = new ManualClock();
  bench = await openWorkbench(clock);
  session = await ScriptedSession.open(bench);
  await bench.database.query("update runner_session set lease_until = 'infinity'");
});
afterEach(async () => await bench[Symbol.asyncDispose]());

async function look(runId: string) {
  const record = await readRun(bench.engine, runId);
  expect(contradictions(record)).toEqual([]);
  const { status, steps, finishedAt } = record.state;
  return { status, finishedAt, steps: steps.map((each) => each.status), first: steps[0]!, record };
}

describe("a delay", () => {
  test("ends at its time and not before; then its dependents go", async () => {
    const workflow = await bench.deploy([
      stage("only", delay("pause", 5_000), step("next", { needs: ["pause"] })),
    ]);
    const runId = await bench.trigger(workflow);
    expect(await look(runId)).toMatchObject({ status: "WAITING", steps: ["WAITING", "PENDING"] });
    clock.advance(4_999);
    await wakeSteps.run(bench.engine);
    expect((await look(runId)).steps).toEqual(["WAITING", "PENDING"]);
    clock.advance(1);
    await wakeSteps.run(bench.engine);
    expect(await look(runId)).toMatchObject({ status: "RUNNING", steps: ["SUCCEEDED", "QUEUED"] });
  });

  test("the duty asks to run again when the next one is due, and at least every second", async () => {
    const workflow = await bench.deploy([stage("only", delay("short", 300), delay("long", 60_000))]);
    expect(await wakeSteps.run(bench.engine)).toBe(1_000);
    await bench.trigger(workflow);
    expect(await wakeSteps.run(bench.engine)).toBe(300);
    clock.advance(300);
    expect(await wakeSteps.run(bench.engine)).toBe(1_000);
  });

  test("hundreds that are due together all end", async () => {
    const steps = Array.from({ length: 1_100 }, (_, i) => delay(`d${i}`, 1_000));
    const runId = await bench.trigger(await bench.deploy([stage("only", ...steps)]));
    clock.advance(1_000);
    let again: number | undefined = 0;
    for (let turn = 0; again === 0 && turn < 5; turn++) again = await wakeSteps.run(bench.engine);
    expect(await look(runId)).toMatchObject({ status: "SUCCEEDED" });
  });
});

describe("a failed try", () => {
  const retry = { attempts: 4, backoffMs: 1_000, factor: 3, maxBackoffMs: 5_000 };

  test("is repeated after a growing backoff, up to its greatest", async () => {
    const runId = await bench.trigger(await bench.deploy([stage("only", step("flaky", { retry }))]));
    for (const backoffMs of [1_000, 3_000, 5_000]) {
      const task = await session.claimOne();
      await session.report(task, { outcome: "FAILED" });
      const { first } = await look(runId);
      expect(first).toMatchObject({ status: "WAITING", leased: false });
      expect(first.dueAt!.getTime() - clock.now().getTime()).toBe(backoffMs);
      clock.advance(backoffMs - 1);
      await wakeSteps.run(bench.engine);
      expect(await session.claim()).toEqual([]);
      clock.advance(1);
      await wakeSteps.run(bench.engine);
    }
    await session.report(await session.claimOne(), { outcome: "FAILED" });
    const { status, record } = await look(runId);
    expect(status).toBe("FAILED");
    expect(record.attempts.map((end) => `${end.number} ${end.status}`)).toEqual(
      [1, 2, 3, 4].map((number) => `${number} FAILED`),
    );
  });

  test("without backoff goes straight back to the queue, and an aborted one costs no try", async () => {
    const once = { attempts: 2, backoffMs: 0, factor: 1, maxBackoffMs: 0 };
    const runId = await bench.trigger(await bench.deploy([stage("only", step("flaky", { retry: once }))]));
    await session.report(await session.claimOne(), { outcome: "ABORTED" });
    await session.report(await session.claimOne(), { outcome: "TIMED_OUT" });
    await session.report(await session.claimOne(), { outcome: "SUCCEEDED" });
    const { status, first } = await look(runId);
    expect([status, first.attempt, first.lost]).toEqual(["SUCCEEDED", 3, 1]);
  });
});

describe("a run's timeout", () => {
  test("ends what waits at once and what runs when its death is confirmed", async () => {
    const stages = [stage("one", step("busy"), delay("pause", 60_000)), stage("two", step("after"))];
    const runId = await bench.trigger(await bench.deploy(stages), { timeoutMs: 10_000 });
    const task = await session.claimOne();
    await session.start(task);
    clock.advance(9_999);
    await expireRuns.run(bench.engine);
    expect((await look(runId)).status).toBe("RUNNING");
    clock.advance(1);
    await expireRuns.run(bench.engine);
    expect(await look(runId)).toMatchObject({
      status: "CANCELING",
      finishedAt: null,
      steps: ["CANCELING", "CANCELED", "CANCELED"],
    });
    await session.report(task, { outcome: "ABORTED" });
    expect(await look(runId)).toMatchObject({ status: "TIMED_OUT", finishedAt: clock.now() });
  });

  test("of a finished run means nothing", async () => {
    const runId = await bench.trigger(await bench.deploy([stage("only", step("work"))]), {
      timeoutMs: 10_000,
    });
    await session.report(await session.claimOne());
    clock.advance(20_000);
    await expireRuns.run(bench.engine);
    expect((await look(runId)).status).toBe("SUCCEEDED");
  });

  test("of many runs at once", async () => {
    const workflow = await bench.deploy([stage("only", step("work"))]);
    const runs: string[] = [];
    for (let i = 0; i < 60; i++) runs.push(await bench.trigger(workflow, { timeoutMs: 1_000 }));
    clock.advance(1_000);
    // Two replicas at the same time, as it happens.
    const replica = await bench.replica();
    await Promise.all([expireRuns.run(bench.engine), expireRuns.run(replica)]);
    await expireRuns.run(bench.engine);
    for (const runId of runs) expect((await look(runId)).status).toBe("TIMED_OUT");
  });
});
