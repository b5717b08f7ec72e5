import { afterEach, beforeEach, expect, test } from "vitest";
import { pauseWorkflowRun, resumeWorkflowRun } from "../../src/actions/pause-workflow-run.ts";
import { stage, step } from "../domain/workflow-builder.ts";
import { plainCommand as command } from "../support/commands.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { contradictions } from "./consistency.ts";
import { readRun } from "./run-record.ts";
import { ScriptedSession } from "./scripted-session.ts";
import { openWorkbench, type Workbench } from "./workbench.ts";

let bench: Workbench;
let session: ScriptedSession;

beforeEach(async () => {
  bench = await openWorkbench(new ManualClock());
  session = await ScriptedSession.open(bench);
});
afterEach(async () => await bench[Symbol.asyncDispose]());

const pairs = ["a", "b", "c", "d"].flatMap((ref) => [step(ref), step(`after-${ref}`, { needs: [ref] })]);

async function consistent(runId: string): Promise<void> {
  expect(contradictions(await readRun(bench.engine, runId))).toEqual([]);
}

test("a limited run gives a slot back with each report, and never more than it has", async () => {
  const workflow = await bench.deploy([stage("only", ...pairs)]);
  const runId = await bench.trigger(workflow, { maxParallelSteps: 2 });
  let done = 0;
  for (let held = await session.claim(); held.length > 0; held = await session.claim()) {
    expect(held.length).toBeLessThanOrEqual(2);
    for (const task of held) {
      await session.start(task);
      await session.report(task);
      await consistent(runId);
      done++;
    }
  }
  expect(done).toBe(8);
});

test("a report to a paused run frees steps that nobody may claim before it is resumed", async () => {
  const runId = await bench.trigger(await bench.deploy([stage("only", ...pairs)]));
  const held = await session.claim();
  await session.start(held[0]!);
  await session.start(held[1]!);
  await pauseWorkflowRun(bench.engine, bench.person, { runId, command, mode: "DRAIN", reason: null });
  await session.report(held[0]!);
  await consistent(runId);
  expect(await session.claim()).toEqual([]);
  await resumeWorkflowRun(bench.engine, bench.person, { runId, command });
  expect((await session.claim()).map(({ step: index }) => index)).toEqual([1]);
  await consistent(runId);
});
