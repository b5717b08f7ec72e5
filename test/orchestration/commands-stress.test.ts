import fc from "fast-check";
import { expect, test } from "vitest";
import { resumeWorkflowRun } from "../../src/actions/pause-workflow-run.ts";
import { startWorkflowRun } from "../../src/actions/start-workflow-run.ts";
import { RefusedError } from "../../src/domain/refusals.ts";
import { purgeRuns } from "../../src/duties/purge-runs.ts";
import type { Engine } from "../../src/orchestration/transition.ts";
import { commandScenario } from "../domain/command-scenarios.ts";
import { stage, step } from "../domain/workflow-builder.ts";
import { plainCommand as command } from "../support/commands.ts";
import { waitFor } from "../support/wait-for.ts";
import { contradictions } from "./consistency.ts";
import { FastClock } from "./fast-clock.ts";
import { Fleet, type Ledger } from "./fleet.ts";
import { NO_OVERRIDES, People } from "./people.ts";
import { Random } from "./random.ts";
import { type RunRecord, readRun } from "./run-record.ts";
import { openWorkbench, type Workbench } from "./workbench.ts";

const SEED = Number(process.env["TEST_SEED"] ?? Date.now() % 1_000_000);
const RUNS = 10;
const BUSY_MS = 4_000;
/** What people must have been granted before they stop. */
const MUST_HAPPEN = "cancel pause resume abort retry replay skip force labels finalize delete retryRun".split(
  " ",
);

/** @returns the runs, and how to make one more: people use runs up, by deleting and finalizing them */
async function triggerRuns(bench: Workbench): Promise<{ runs: string[]; more: () => Promise<void> }> {
  const random = new Random(SEED);
  await bench.deploy([stage("only", step("a"), step("b", { needs: ["a"] }))], { name: "the child" });
  const scenarios = fc.sample(commandScenario, { numRuns: 6, seed: SEED });
  const workflows = await Promise.all(
    scenarios.map(async ({ stages }) => await bench.deploy(stages, { child: "the child" })),
  );
  const runs: string[] = [];
  const more = async (): Promise<void> => {
    const options = {
      timeoutMs: random.chance(0.2) ? 30_000 : 86_400_000,
      maxParallelSteps: random.pick([null, null, 1, 2]),
      stepRetries: random.pick([null, 0, 1]),
      start: random.chance(0.8) ? ("IMMEDIATE" as const) : ("MANUAL" as const),
    };
    runs.push(await bench.trigger(random.pick(workflows), options));
  };
  for (let i = 0; i < RUNS; i++) await more();
  return { runs, more };
}

async function openRuns({ database }: Workbench): Promise<string[]> {
  const rows = await database.query<{ id: string }>("select id from workflow_run where finished_at is null");
  return rows.map(({ id }) => id);
}

async function unlessRefused(work: Promise<unknown>): Promise<void> {
  await work.catch((error: unknown) => {
    if (!(error instanceof RefusedError)) throw error;
  });
}

/** Gives a run whatever it waits for; runners and duties do the rest. */
async function help(bench: Workbench, engine: Engine, people: People, runId: string): Promise<void> {
  const { state } = await readRun(engine, runId);
  const run = { runId, command };
  await unlessRefused(startWorkflowRun(engine, bench.person, { ...run, overrides: NO_OVERRIDES }));
  await unlessRefused(resumeWorkflowRun(engine, bench.person, run));
  for (const { index, status } of state.steps) {
    const { waitsFor } = state.graph.steps[index]!;
    if (status !== "WAITING") continue;
    if (waitsFor === "EXTERNAL") await unlessRefused(people.complete(engine, { runId, index }, true));
    if (waitsFor === "APPROVAL") await unlessRefused(people.decide(engine, { runId, index }, true));
  }
}

async function driveToTheEnd(bench: Workbench, people: People): Promise<void> {
  try {
    await waitFor(
      "all runs to end",
      async () => {
        const open = await openRuns(bench);
        for (const runId of open) await help(bench, bench.engine, people, runId);
        return open.length === 0;
      },
      { timeoutMs: 10_000 },
    );
  } catch {
    const records = await Promise.all((await openRuns(bench)).map((id) => readRun(bench.engine, id)));
    const stuck = records.map(({ id, state }) => ({ id, status: state.status, steps: state.steps }));
    expect({ stuck, contradictions: records.flatMap(contradictions) }).toEqual({});
  }
}

/** Each end that a runner was told was counted is stored once, and only lost or stopped attempts are stored besides. */
function expectEachEndOnce(records: readonly RunRecord[], { ended }: Ledger): void {
  const stored = records.flatMap(({ id, state, attempts }) =>
    attempts
      .filter(({ step_idx }) => state.graph.steps[step_idx]!.waitsFor === "RUNNER")
      .map(({ step_idx, fence, status, code }) => ({ key: `${id} ${step_idx} ${fence}`, status, code })),
  );
  const keys = stored.map(({ key }) => key);
  expect(keys.filter((key, at) => keys.indexOf(key) !== at)).toEqual([]);
  const here = new Set(records.map(({ id }) => id));
  const told = [...ended.keys()].filter((key) => here.has(key.split(" ")[0]!));
  expect(told.filter((key) => !keys.includes(key))).toEqual([]);
  const untold = stored.filter(({ key }) => !ended.has(key));
  expect(untold.filter(({ status, code }) => status !== "CANCELED" && code !== "LEASE_LOST")).toEqual([]);
}

test(`people who ask for anything, on two replicas, while runners work (seed ${SEED})`, {
  timeout: 120_000,
}, async () => {
  await using bench = await openWorkbench(new FastClock());
  const engines = [bench.engine, await bench.replica()];
  const { runs, more } = await triggerRuns(bench);
  const people = new People(bench.person, runs, new Random(SEED));
  const fleet = new Fleet(bench, SEED);
  {
    await using _ = fleet;
    let busy = true;
    fleet.run(engines, runs, async (engine) => {
      if (busy) await Promise.all([people.wish(engine), people.wish(engine), people.wish(engine)]);
      else await new Promise((resolve) => setTimeout(resolve, 20));
    });
    const end = Date.now() + BUSY_MS;
    const wanted = () => MUST_HAPPEN.filter((wish) => !people.done.has(wish));
    await waitFor(
      "people to be granted everything",
      async () => {
        if (Date.now() <= end) return false;
        if (wanted().length > 0) await more();
        return wanted().length === 0;
      },
      { timeoutMs: 60_000, everyMs: 500 },
    );
    busy = false;
    await driveToTheEnd(bench, people);
  }
  const rows = await bench.database.query<{ id: string; deleted: boolean }>(
    "select id, deleted_at is not null as deleted from workflow_run",
  );
  const records: RunRecord[] = [];
  for (const { id } of rows) records.push(await readRun(bench.engine, id));
  expect(records.flatMap(contradictions)).toEqual([]);
  expectEachEndOnce(records, fleet.ledger);
  expect(fleet.ledger.problems).toEqual([]);
  await expectDeletedGone(
    bench,
    rows.filter(({ deleted }) => deleted).map(({ id }) => id),
  );
});

/** What was deleted is purged when nothing of it runs any more, and leaves a mark. */
async function expectDeletedGone({ database, engine }: Workbench, deleted: readonly string[]): Promise<void> {
  await purgeRuns.run(engine);
  const left = await database.query(
    "select id from workflow_run where id = any ($1) union select run_id from step_run where run_id = any ($1)",
    [deleted],
  );
  expect(left).toEqual([]);
  const marks = await database.query<{ id: string }>("select run_id as id from run_tombstone");
  expect(marks.map(({ id }) => id).sort()).toEqual([...deleted].sort());
}
