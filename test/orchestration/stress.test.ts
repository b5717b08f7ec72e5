import fc from "fast-check";
import { expect, test } from "vitest";
import type { StageSpec } from "../../src/domain/graph.ts";
import type { Engine } from "../../src/orchestration/transition.ts";
import { stagesArbitrary } from "../domain/scenarios.ts";
import { stage, step } from "../domain/workflow-builder.ts";
import { waitFor } from "../support/wait-for.ts";
import { contradictions } from "./consistency.ts";
import { FastClock } from "./fast-clock.ts";
import { Fleet, type Ledger } from "./fleet.ts";
import { Random } from "./random.ts";
import { type RunRecord, readRun } from "./run-record.ts";
import { openWorkbench, type Workbench } from "./workbench.ts";

const SEED = Number(process.env["TEST_SEED"] ?? Date.now() % 1_000_000);
const ROUNDS = 3;
const RUNS = 120;

const retry = { attempts: 3, backoffMs: 300, factor: 2, maxBackoffMs: 1_000 };
const many = (count: number, prefix: string) =>
  Array.from({ length: count }, (_, i) => step(`${prefix}${i}`, { retry }));
const WIDE: StageSpec[] = [
  stage("first", step("setup", { retry })),
  stage("wide", ...many(16, "w")),
  stage("last", step("join", { when: "always" }), step("alarm", { when: "on_failure" })),
];
const CHAINS: StageSpec[] = [
  stage(
    "chains",
    ...Array.from({ length: 18 }, (_, i) => step(`c${i}`, { retry, needs: i < 3 ? [] : [`c${i - 3}`] })),
  ),
  stage("end", step("end"), step("early", { needs: ["c2"], continueOnError: true })),
];

async function triggerRuns(bench: Workbench, seed: number): Promise<string[]> {
  const random = new Random(seed);
  const graphs = [WIDE, CHAINS, ...fc.sample(stagesArbitrary, { numRuns: 8, seed })];
  const workflows = await Promise.all(graphs.map(async (stages) => await bench.deploy(stages)));
  const runs: string[] = [];
  for (let i = 0; i < RUNS; i++) {
    const timeoutMs = random.chance(0.1) ? random.between(2_000, 30_000) : 86_400_000;
    runs.push(await bench.trigger(random.pick(workflows), { timeoutMs }));
  }
  return runs;
}

/** The runs that hang, with what contradicts itself in them, if they are not over in time. */
async function untilFinished(bench: Workbench, runs: readonly string[]): Promise<void> {
  const open = async () =>
    await bench.database.query<{ id: string }>("select id from workflow_run where finished_at is null");
  try {
    await waitFor("all runs to end", async () => (await open()).length === 0, { timeoutMs: 20_000 });
  } catch {
    const stuck = (await open()).map(({ id }) => id).filter((id) => runs.includes(id));
    const records = await Promise.all(stuck.map(async (id) => await readRun(bench.engine, id)));
    const steps = records.map(({ id, state }) => ({ id, status: state.status, steps: state.steps }));
    expect({ stuck: steps, contradictions: records.flatMap(contradictions) }).toEqual({});
  }
}

/** The ends that runners were told were counted are exactly the ends that are stored. */
function expectEachEndOnce(records: readonly RunRecord[], { ended }: Ledger): void {
  const stored = records.flatMap(({ id, state, attempts }) =>
    attempts.flatMap(({ step_idx, number, fence, status, code, message }) => {
      const { attempt, cancelProof } = state.steps[step_idx]!;
      const swept = code === "LEASE_LOST" && message === "its runner was lost";
      const unproven = status === "CANCELED" && cancelProof === "LEASE_EXPIRED" && number === attempt;
      return swept || unproven ? [] : [`${id} ${step_idx} ${fence}`];
    }),
  );
  expect(stored.sort()).toEqual([...ended.keys()].sort());
}

test(`many runners, cancels, deaths and timers on two replicas (seed ${SEED})`, {
  timeout: 90_000,
}, async () => {
  await using bench = await openWorkbench(new FastClock());
  const engines: readonly Engine[] = [bench.engine, await bench.replica()];
  const seen = new Set<string>();
  for (let round = 0; round < ROUNDS; round++) {
    const runs = await triggerRuns(bench, SEED + round);
    const fleet = new Fleet(bench, SEED + round);
    {
      await using _ = fleet;
      fleet.run(engines, runs);
      await untilFinished(bench, runs);
    }
    expect(fleet.ledger.problems).toEqual([]);
    const records: RunRecord[] = [];
    for (const id of runs) records.push(await readRun(bench.engine, id));
    expect(records.flatMap(contradictions)).toEqual([]);
    expectEachEndOnce(records, fleet.ledger);
    for (const { state } of records) seen.add(state.status);
    for (const [what, count] of Object.entries(fleet.ledger.counts)) if (count > 0) seen.add(what);
  }
  const [left] = await bench.database.query(
    "select count(*)::integer as count from step_run where ready_pool is not null or session_id is not null",
  );
  expect(left).toEqual({ count: 0 });
  // The fleet must have met what it is for.
  expect([...seen]).toEqual(
    expect.arrayContaining([
      "SUCCEEDED",
      "FAILED",
      "CANCELED",
      "TIMED_OUT",
      "lost",
      "forgotten",
      "late",
      "canceled",
      "inspected",
    ]),
  );
  await expectNoDeadlock(bench);
});

/** PostgreSQL counts them when a connection ends, also those that were solved by running a transaction again. */
async function expectNoDeadlock(bench: Workbench): Promise<void> {
  await bench.closeEngines();
  const [row] = await waitFor("connections to end", async () => {
    const rows = await bench.database.query<{ deadlocks: number; others: number }>(
      `select deadlocks::integer, (select count(*)::integer from pg_stat_activity a where a.datname = d.datname
          and a.application_name = 'runcast') as others
        from pg_stat_database d where datname = current_database()`,
    );
    return rows[0]?.others === 0 && rows;
  });
  expect(row?.deadlocks).toBe(0);
}
