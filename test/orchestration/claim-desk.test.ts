import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { cancelWorkflowRun } from "../../src/actions/cancel-workflow-run.ts";
import type { Bus } from "../../src/domain/bus.ts";
import { wakeSteps } from "../../src/duties/wake-steps.ts";
import { type Claim, ClaimDesk } from "../../src/orchestration/claim.ts";
import { InProcessBus } from "../../src/realtime/in-process-bus.ts";
import { delay, stage, step } from "../domain/workflow-builder.ts";
import { plainCommand } from "../support/commands.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { ScriptedSession } from "./scripted-session.ts";
import { openWorkbench, type Workbench } from "./workbench.ts";

let bench: Workbench;
let clock: ManualClock;
let session: ScriptedSession;

beforeEach(async () => {
  clock = new ManualClock();
  bench = await openWorkbench(clock);
  session = await ScriptedSession.open(bench);
});
afterEach(async () => await bench[Symbol.asyncDispose]());

/** Says when its first listener waits, who is woken only as the test wants it. */
function watched(inner: Bus, waitMs: (asked: number) => number): { bus: Bus; asleep: Promise<void> } {
  let fellAsleep = (): void => undefined;
  const asleep = new Promise<void>((resolve) => {
    fellAsleep = resolve;
  });
  const bus: Bus = {
    publish: (notice) => inner.publish(notice),
    watch: (keys, onNotice) => inner.watch(keys, onNotice),
    listen: (keys) => {
      const listener = inner.listen(keys);
      return {
        heard: async (timeoutMs, signal) => {
          fellAsleep();
          await listener.heard(waitMs(timeoutMs), signal);
        },
        close: () => listener.close(),
      };
    },
  };
  return { bus, asleep };
}

/** Time wakes nobody: what is noticed, a hint told. */
const hintsOnly = (bus: Bus) => watched(bus, () => 2 ** 31 - 1);
/** Nobody rings: what is noticed was looked for. */
const noHints = () => watched(new InProcessBus(), (asked) => asked);

function claim(
  desk: ClaimDesk,
  options: { max?: number; waitMs?: number; signal?: AbortSignal } = {},
): Promise<Claim> {
  const { max = 10, waitMs = 10_000, signal = new AbortController().signal } = options;
  return desk.claim({ session: session.id, claimId: randomUUID(), max, waitMs, signal });
}

describe("an open claim", () => {
  test("is answered as soon as a run is triggered, by the hint", async () => {
    const workflow = await bench.deploy([stage("only", step("work"))]);
    const { bus, asleep } = hintsOnly(bench.engine.bus);
    const answer = claim(new ClaimDesk({ ...bench.engine, bus }));
    await asleep;
    const runId = await bench.trigger(workflow);
    expect(await answer).toMatchObject({ steps: [{ runId, step: 0 }], cancels: [] });
  });

  test("hears of steps that a report, a timer or a lost lease makes ready", async () => {
    const workflow = await bench.deploy([
      stage("one", step("a"), delay("b", 60_000)),
      stage("two", step("c")),
    ]);
    await bench.trigger(workflow);
    const task = await session.claimOne();
    await session.report(task);
    const { bus, asleep } = hintsOnly(bench.engine.bus);
    const answer = claim(new ClaimDesk({ ...bench.engine, bus }));
    await asleep;
    clock.advance(60_000);
    await bench.database.query("update runner_session set lease_until = 'infinity'");
    await wakeSteps.run(bench.engine);
    expect((await answer).steps.map(({ step: index }) => index)).toEqual([2]);
  });

  test("brings a cancel at once, without room for tasks, and repeats only an unheard one later", async () => {
    const runId = await bench.trigger(await bench.deploy([stage("only", step("work"))]));
    const task = await session.claimOne();
    await session.start(task);
    const { bus, asleep } = hintsOnly(bench.engine.bus);
    const desk = new ClaimDesk({ ...bench.engine, bus });
    const answer = claim(desk, { max: 0 });
    await asleep;
    await cancelWorkflowRun(bench.engine, bench.person, {
      runId,
      mode: "GRACEFUL",
      reason: null,
      command: plainCommand,
    });
    const told = { runId, step: 0, fence: task.fence, mode: "GRACEFUL" };
    expect(await answer).toEqual({ steps: [], cancels: [told] });
    // Told a moment ago: no news, the claim stays open until its time is over, and then says it again.
    const patient = new ClaimDesk(bench.engine);
    expect((await claim(patient, { waitMs: 0 })).cancels).toEqual([told]);
    const asked = performance.now();
    expect((await claim(patient, { waitMs: 300 })).cancels).toEqual([told]);
    expect(performance.now() - asked).toBeGreaterThan(250);
    await session.report(task, { outcome: "ABORTED" });
    expect((await claim(patient, { waitMs: 0 })).cancels).toEqual([]);
  });

  test("finds by itself what no hint told it of", async () => {
    const workflow = await bench.deploy([stage("only", step("work"))]);
    const { bus, asleep } = noHints();
    const answer = claim(new ClaimDesk({ ...bench.engine, bus }));
    await asleep;
    const runId = await bench.trigger(workflow);
    expect((await answer).steps).toMatchObject([{ runId }]);
  });

  test("ends when the runner hangs up, and takes nothing afterwards", async () => {
    const workflow = await bench.deploy([stage("only", step("work"))]);
    const hangUp = new AbortController();
    const { bus, asleep } = hintsOnly(bench.engine.bus);
    const answer = claim(new ClaimDesk({ ...bench.engine, bus }), { signal: hangUp.signal });
    await asleep;
    hangUp.abort();
    expect(await answer).toEqual({ steps: [], cancels: [] });
    await bench.trigger(workflow);
    expect(await session.claim()).toHaveLength(1);
  });
});
