import fc from "fast-check";
import { expect, test } from "vitest";
import { taskKey } from "../../src/domain/task-key.ts";
import { wakeSteps } from "../../src/duties/wake-steps.ts";
import { applyReports, type TaskReport } from "../../src/orchestration/report.ts";
import { completeSteps } from "../../src/persistence/report-store.ts";
import { type ClaimedStep, claimSteps } from "../../src/persistence/runner-store.ts";
import { stagesArbitrary } from "../domain/scenarios.ts";
import { stage, step } from "../domain/workflow-builder.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { Random } from "./random.ts";
import { reportOf } from "./reports.ts";
import { openWorkbench, type Workbench } from "./workbench.ts";

const SEED = Number(process.env["TEST_SEED"] ?? Date.now() % 1_000_000);
const clock = new ManualClock();
/** Held by nobody: a report of it is refused, but it makes the whole run be decided by the domain. */
const NO_FENCE = 1_000_000;

/** All that is stored of a run, without what differs between any two runs. */
async function story({ database }: Workbench, runId: string) {
  const [row] = await database.query(
    `select
      (select to_jsonb(r) - '{id,number,created_at}'::text[] from workflow_run r where r.id = $1) as run,
      (select jsonb_agg(to_jsonb(g) - 'run_id' order by g.idx) from stage_run g where g.run_id = $1) as stages,
      (select jsonb_agg(to_jsonb(s) - 'run_id' order by s.idx) from step_run s where s.run_id = $1) as steps,
      (select jsonb_agg(to_jsonb(a) - 'run_id' order by a.step_idx, a.number) from step_attempt a
        where a.run_id = $1) as attempts`,
    [runId],
  );
  return row!;
}

/** Events of one batch: each object's in their order. Between objects the two paths may differ. */
async function eventsAfter({ database }: Workbench, runId: string, seq: number) {
  const events = await database.query<{ seq: number; type: string; payload: { step?: number } }>(
    `select seq, type, at, actor_id, payload from run_event where run_id = $1 and seq > $2
      order by type, payload ->> 'step', payload ->> 'stage', seq`,
    [runId, seq],
  );
  expect(events.map((event) => event.seq).sort((a, b) => a - b)).toEqual(events.map((_, i) => seq + 1 + i));
  return events.map(({ seq: _, ...event }) => event);
}

async function claimAll({ engine }: Workbench, session: string): Promise<ClaimedStep[]> {
  return await claimSteps(engine.database, session, `claim ${Math.random()}`, 1_000, clock.now());
}

const counts = { fast: 0, deferred: 0 };

/** Reports the same batch for two copies of a run, one of them past the fast path, and compares everything. */
async function reportBoth(
  bench: Workbench,
  [fast, slow]: readonly [string, string],
  reports: readonly TaskReport[],
): Promise<void> {
  const { engine, database } = bench;
  const seqOf = async (id: string) =>
    (await database.query<{ last_seq: number }>("select last_seq from workflow_run where id = $1", [id]))[0]!
      .last_seq;
  const before = [await seqOf(fast), await seqOf(slow)] as const;
  const plain = reports.every(({ kind, outcome }) => kind === "STARTED" || outcome === "SUCCEEDED");
  if (plain) {
    const untouched = await story(bench, fast);
    const completions = reports.map((report) => ({
      ...report,
      runId: fast,
      done: report.kind === "FINISHED",
      exitCode: report.kind === "FINISHED" ? report.exitCode : null,
    }));
    const { applied } = await completeSteps(engine.database, completions, clock.now());
    if (applied.size === 0) {
      counts.deferred++;
      expect(await story(bench, fast)).toEqual(untouched);
      await applyReports(engine, forRun(fast, reports));
    } else {
      counts.fast++;
      expect(applied).toEqual(new Set(forRun(fast, reports).map(taskKey)));
    }
  } else await applyReports(engine, forRun(fast, reports));
  const nothing = reportOf({ ...reports[0]!, runId: slow, step: 0, fence: NO_FENCE }, { kind: "RELEASED" });
  const results = await applyReports(engine, [...forRun(slow, reports), nothing]);
  expect(results.at(-1)).toBe("STALE");
  expect(await story(bench, fast)).toEqual(await story(bench, slow));
  expect(await eventsAfter(bench, fast, before[0])).toEqual(await eventsAfter(bench, slow, before[1]));
}

function forRun(runId: string, reports: readonly TaskReport[]): TaskReport[] {
  return reports.map((report) => ({ ...report, runId }));
}

/** Plays a workflow twice side by side, with few failures, until nothing is left to do. */
async function playBoth(
  bench: Workbench,
  session: string,
  workflow: string,
  random: Random,
  fails: (step: number) => boolean,
): Promise<void> {
  const runs = [await bench.trigger(workflow), await bench.trigger(workflow)] as const;
  let held: { readonly step: number; readonly fence: number; started: boolean }[] = [];
  for (let turn = 0; turn < 60; turn++) {
    const claimed = await claimAll(bench, session);
    const own = claimed.filter(({ runId }) => runId === runs[0]);
    expect(claimed.length).toBe(2 * own.length);
    held.push(...own.map(({ step, fence }) => ({ step, fence, started: false })));
    if (held.length === 0) {
      clock.advance(5_000);
      await wakeSteps.run(bench.engine);
      const [open] = await bench.database.query(
        "select 1 from workflow_run where id = $1 and finished_at is null",
        [runs[0]],
      );
      if (open === undefined) return;
      continue;
    }
    const chosen = held.filter(() => random.chance(0.6));
    const batch = chosen.length > 0 ? chosen : held.slice(0, 1);
    const reports = batch.map((task) => {
      const key = { ...task, session, accountId: bench.runner.accountId, runId: runs[0] };
      if (!task.started && random.chance(0.3)) return reportOf(key, { kind: "STARTED", exitCode: null });
      return reportOf(key, { outcome: fails(task.step) ? "FAILED" : "SUCCEEDED", output: { turn } });
    });
    await reportBoth(bench, runs, reports);
    const ended = new Set(reports.filter(({ kind }) => kind === "FINISHED").map(({ step: index }) => index));
    for (const task of batch) task.started = true;
    held = held.filter((task) => !ended.has(task.step));
    clock.advance(random.between(0, 900));
    await wakeSteps.run(bench.engine);
  }
  throw new Error("the run does not come to an end");
}

test(`the fast path of reports writes what the domain decides (seed ${SEED})`, async () => {
  await using bench = await openWorkbench(clock);
  const session = await bench.session();
  const extend = "update runner_session set lease_until = 'infinity'";
  await bench.database.query(extend);
  for (const [i, stages] of fc.sample(stagesArbitrary, { numRuns: 40, seed: SEED }).entries()) {
    const random = new Random(SEED + i);
    await playBoth(bench, session, await bench.deploy(stages), random, () => random.chance(0.1));
  }
  expect(counts.fast).toBeGreaterThan(10);
  expect(counts.deferred).toBeGreaterThan(10);
}, 60_000);

test("behind a failed stage, a success frees only what asks for it", async () => {
  await using bench = await openWorkbench(clock);
  const session = await bench.session();
  await bench.database.query("update runner_session set lease_until = 'infinity'");
  const always = { when: "always" } as const;
  const stages = [
    stage("breaks", step("broken")),
    stage(
      "goes on",
      step("a", always),
      step("b", always),
      step("never", { needs: ["a"] }),
      step("c", always),
    ),
  ];
  const workflow = await bench.deploy(stages);
  for (let seed = 0; seed < 5; seed++) {
    await playBoth(bench, session, workflow, new Random(seed), (index) => index === 0);
  }
});
