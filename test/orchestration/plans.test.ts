import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cancelWorkflowRun } from "../../src/actions/cancel-workflow-run.ts";
import { expireRuns } from "../../src/duties/expire-runs.ts";
import { sweepSessions } from "../../src/duties/sweep-sessions.ts";
import { wakeSteps } from "../../src/duties/wake-steps.ts";
import { appendLogs } from "../../src/logs/append.ts";
import { applyReports } from "../../src/orchestration/report.ts";
import { buildTasks } from "../../src/orchestration/tasks.ts";
import type { ClaimedStep } from "../../src/persistence/runner-store.ts";
import { delay, stage, step } from "../domain/workflow-builder.ts";
import { plainCommand } from "../support/commands.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { NO_EQUIPMENT } from "./equipment.ts";
import { reportOf } from "./reports.ts";
import { ScriptedSession } from "./scripted-session.ts";
import { openWorkbench, type Workbench } from "./workbench.ts";

/**
 * PostgreSQL keeps the plan of a named statement, and of one inside a function, for as long as the connection
 * lives. Here one connection does everything while the tables are small, then the tables grow by 100,000 steps
 * and nobody analyzes them: what it visits from then on must still depend on what was asked for alone.
 */
const clock = new ManualClock();
let bench: Workbench;
let session: ScriptedSession;

const PAIRS = 5_000;
const pairs = Array.from({ length: PAIRS }, (_, i) => step(`first${i}`)).concat(
  Array.from({ length: PAIRS }, (_, i) => step(`then${i}`, { needs: [`first${i}`] })),
);
const queue = "small";
const retry = { attempts: 2, backoffMs: 100, factor: 1, maxBackoffMs: 100 };
const small = [
  stage(
    "one",
    step("a", { queue }),
    step("b", { queue }),
    step("c", { queue, needs: ["a"] }),
    delay("d", 1_000),
  ),
  stage("two", step("e", { queue, retry })),
];

beforeAll(async () => {
  bench = await openWorkbench(clock, { poolSize: 1 });
  const tables = await bench.database.query<{ name: string }>(
    "select relname as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace",
  );
  for (const { name } of tables) {
    await bench.database.query(`alter table ${name} set (autovacuum_enabled = off)`);
  }
  session = await ScriptedSession.open(bench, { queues: [queue] });
  const workflow = await bench.deploy(small);
  for (let i = 0; i < 8; i++) await everything(await bench.trigger(workflow));
});
afterAll(async () => await bench[Symbol.asyncDispose]());

/** Each statement of the orchestration once, on a run of the small workflow. */
async function everything(runId: string): Promise<void> {
  const [a, b] = await session.claim();
  await session.start(a!);
  await session.heartbeat([a!, b!]);
  await buildTasks(
    bench.engine,
    { session: session.id, accountId: bench.runner.accountId },
    [a!, b!],
    NO_EQUIPMENT,
  );
  for (const offset of [0, 4, 9])
    await appendLogs(bench.engine, session.id, [{ ...a!, part: 0, offset, data: "log\n" }]);
  await finish([a!, b!]);
  await finish([a!, b!]);
  await finish(await session.claim());
  clock.advance(1_000);
  await duties();
  const [e] = await session.claim();
  await session.report(e!, { outcome: "FAILED" });
  clock.advance(100);
  await duties();
  await session.start((await session.claim())[0]!);
  await cancelWorkflowRun(bench.engine, bench.person, {
    runId,
    mode: "FORCE",
    reason: null,
    command: plainCommand,
  });
  await session.report({ ...e!, fence: e!.fence + 1 }, { outcome: "ABORTED" });
}

async function duties(): Promise<void> {
  await session.heartbeat([]);
  for (const duty of [wakeSteps, expireRuns, sweepSessions]) await duty.run(bench.engine);
}

async function finish(tasks: readonly ClaimedStep[]): Promise<void> {
  const holder = { session: session.id, accountId: bench.runner.accountId };
  await applyReports(
    bench.engine,
    tasks.map((task) => reportOf({ ...holder, ...task })),
  );
}

/** Rows and index entries that the work visits in each table. */
async function visited(work: () => Promise<void>): Promise<Record<string, number>> {
  const look = async (): Promise<Map<string, number>> => {
    await bench.engine.database.query({ text: "select pg_stat_force_next_flush()" }, []);
    const rows = await bench.database.query<{ name: string; visits: number }>(
      `select t.relname as name, (t.seq_tup_read + coalesce((select sum(i.idx_tup_read + i.idx_tup_fetch)
          from pg_stat_user_indexes i where i.relid = t.relid), 0))::float8 as visits
        from pg_stat_user_tables t`,
    );
    return new Map(rows.map(({ name, visits }) => [name, visits]));
  };
  const before = await look();
  await work();
  const after = await look();
  return Object.fromEntries([...after].map(([name, visits]) => [name, visits - before.get(name)!]));
}

function expectAtMost(visits: Record<string, number>, most: number): void {
  const tooMany = Object.entries(visits).filter(([, count]) => count > most);
  expect(tooMany).toEqual([]);
}

describe("with 100,000 steps that came after the plans", () => {
  beforeAll(async () => {
    session = await ScriptedSession.open(bench);
    const workflow = await bench.deploy([stage("wide", ...pairs)]);
    // The first report of a run is decided by the domain, which loads all of it: not what is measured here.
    for (let i = 0; i < 10; i++) {
      await bench.trigger(workflow);
      clock.advance(1);
    }
    await finish(await session.claim(200));
    // As if all of them had run before.
    await bench.database.query(
      `with ended as (
        insert into step_attempt (run_id, step_idx, number, fence, status, started_at, finished_at)
        select run_id, idx, 0, 0, 'FAILED', now(), now() from step_run where attempt = 0 returning run_id, step_idx
      )
      insert into log_stream (run_id, step_idx, fence, length, line_count, crc32, sealed)
      select run_id, step_idx, 0, 0, 0, 0, true from ended`,
    );
  });

  test("a claim visits what it takes", async () => {
    const perStep = 20;
    for (const size of [1, 100]) {
      let taken = 0;
      const visits = await visited(async () => {
        const tasks = await session.claim(size);
        taken = tasks.length;
        await session.heartbeat(tasks);
        await buildTasks(
          bench.engine,
          { session: session.id, accountId: bench.runner.accountId },
          tasks,
          NO_EQUIPMENT,
        );
      });
      expect(taken).toBe(size);
      // What the last claims took out of the queue's index is passed over once.
      expectAtMost(visits, 2_000 + perStep * size);
    }
  });

  test("the fast path of reports visits its steps and their dependents", async () => {
    const perStep = 20;
    for (const size of [1, 100]) {
      const tasks = await session.claim(size);
      expectAtMost(await visited(async () => await finish(tasks)), 50 + perStep * size);
    }
  });

  test("whatever else happens to a small run visits that run", async () => {
    session = await ScriptedSession.open(bench, { queues: [queue] });
    const runId = await bench.trigger(await bench.deploy(small));
    expectAtMost(await visited(async () => await everything(runId)), 1_500);
  });
});
