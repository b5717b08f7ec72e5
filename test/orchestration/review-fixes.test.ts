import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { cancelWorkflowRun } from "../../src/actions/cancel-workflow-run.ts";
import type { Bus } from "../../src/domain/bus.ts";
import { SessionLostError } from "../../src/domain/refusals.ts";
import { expireRuns } from "../../src/duties/expire-runs.ts";
import { sweepSessions } from "../../src/duties/sweep-sessions.ts";
import { wakeSteps } from "../../src/duties/wake-steps.ts";
import { RunnerSessions } from "../../src/orchestration/runners.ts";
import { openProject } from "../../src/persistence/account-store.ts";
import { migrate } from "../../src/persistence/migrate.ts";
import { delay, stage, step } from "../domain/workflow-builder.ts";
import { plainCommand } from "../support/commands.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { contradictions } from "./consistency.ts";
import { readRun } from "./run-record.ts";
import { ScriptedSession } from "./scripted-session.ts";
import { openWorkbench, type Workbench } from "./workbench.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;

let bench: Workbench;
let clock: ManualClock;

beforeEach(async () => {
  clock = new ManualClock();
  bench = await openWorkbench(clock);
});
afterEach(async () => await bench[Symbol.asyncDispose]());

async function look(runId: string) {
  const record = await readRun(bench.engine, runId);
  expect(contradictions(record)).toEqual([]);
  return record.state;
}

async function projectKey(name: string): Promise<string> {
  const { database } = bench.engine;
  return await database.transaction(async (transaction) => await openProject(transaction, name, clock));
}

describe("a session of a token that is limited to a project", () => {
  test("is over for every token of the account with another limit", async () => {
    const [mine, other] = [await projectKey("default"), await projectKey("other")];
    const id = await bench.session({ projectId: mine });
    const sessions = new RunnerSessions(bench.engine);
    const viewer = (onlyProjectId: string | null) => ({ ...bench.runner, onlyProjectId });
    await sessions.check(viewer(mine), id);
    for (const limit of [other, null]) {
      await expect(sessions.check(viewer(limit), id)).rejects.toBeInstanceOf(SessionLostError);
      await expect(sessions.heartbeat(viewer(limit), id, [])).rejects.toBeInstanceOf(SessionLostError);
    }
    await sessions.check(viewer(mine), id);
    await sessions.heartbeat(viewer(mine), id, []);
  });

  test("is given nothing of another project, also after the runner registered without the limit", async () => {
    const other = await projectKey("other");
    const limited = await ScriptedSession.open(bench, {
      name: "same",
      projectId: other,
      queues: ["default"],
    });
    const free = await ScriptedSession.open(bench, { name: "same" });
    await bench.trigger(await bench.deploy([stage("only", step("work"))]));
    expect(await limited.claim()).toEqual([]);
    expect(await free.claim()).toHaveLength(1);
  });
});

describe("a duty", () => {
  /** A run whose row cannot be written. */
  async function breakRun(runId: string): Promise<void> {
    await bench.database.query(`create function refuse() returns trigger language plpgsql as
      $$ begin raise exception 'broken'; end $$`);
    await bench.database.query(`create trigger broken before update on workflow_run for each row
      when (old.id = '${runId}') execute function refuse()`);
  }

  test("goes on with the other runs when one fails, and says so at the end", async () => {
    const waits = await bench.deploy([stage("only", delay("pause", 5_000))]);
    const works = await bench.deploy([stage("only", step("work"))]);
    const session = await ScriptedSession.open(bench);
    const runs = [];
    for (const workflow of [waits, waits, works, works]) runs.push(await bench.trigger(workflow));
    await breakRun(runs[0]!);
    clock.advance(5_000);
    await expect(wakeSteps.run(bench.engine)).rejects.toBeInstanceOf(AggregateError);
    expect((await look(runs[1]!)).status).toBe("SUCCEEDED");
    await bench.database.query("drop trigger broken on workflow_run; drop function refuse");

    for (const task of await session.claim()) await session.start(task);
    await breakRun(runs[2]!);
    clock.advance(30_001);
    await expect(sweepSessions.run(bench.engine)).rejects.toBeInstanceOf(AggregateError);
    expect((await look(runs[3]!)).steps[0]).toMatchObject({ status: "QUEUED", lost: 1 });

    clock.advance(2 * DAY_MS);
    await expect(expireRuns.run(bench.engine)).rejects.toBeInstanceOf(AggregateError);
    expect((await look(runs[3]!)).status).toBe("TIMED_OUT");
  });

  test("stops between runs when it is told to", async () => {
    const runId = await bench.trigger(await bench.deploy([stage("only", delay("pause", 5_000))]));
    clock.advance(5_000);
    await wakeSteps.run(bench.engine, AbortSignal.abort());
    expect((await look(runId)).status).toBe("WAITING");
  });
});

describe("a started step", () => {
  test("that its runner does not list 20 s after the grant runs again", async () => {
    const session = await ScriptedSession.open(bench);
    const runId = await bench.trigger(await bench.deploy([stage("only", step("work"))]));
    const task = await session.claimOne();
    await session.start(task);
    clock.advance(20_000);
    await session.heartbeat([]);
    expect((await look(runId)).steps[0]).toMatchObject({ status: "RUNNING" });
    clock.advance(1);
    await session.heartbeat([]);
    expect((await look(runId)).steps[0]).toMatchObject({ status: "QUEUED", leased: false, lost: 1 });
    expect(await session.report(task)).toBe("STALE");
  });
});

describe("the sweep", () => {
  test("forgets dead sessions that hold nothing, after a day", async () => {
    const sessions = async () =>
      (await bench.database.query<{ id: string }>("select id from runner_session")).map(({ id }) => id);
    await bench.session();
    clock.advance(30_001);
    await sweepSessions.run(bench.engine);
    clock.advance(DAY_MS - 60_000);
    await sweepSessions.run(bench.engine);
    expect(await sessions()).toHaveLength(1);
    const living = await bench.session();
    clock.advance(60_000 - 30_001);
    await bench.database.query("update runner_session set lease_until = 'infinity' where id = $1", [living]);
    clock.advance(30_001);
    await sweepSessions.run(bench.engine);
    expect(await sessions()).toEqual([living]);
  });

  test("finds the steps of every dead session, and only those", async () => {
    const workflow = await bench.deploy([stage("only", step("a"), step("b"), step("c"))]);
    const runId = await bench.trigger(workflow);
    const [first, living, last] = [
      await ScriptedSession.open(bench),
      await ScriptedSession.open(bench),
      await ScriptedSession.open(bench),
    ];
    for (const session of [first, living, last]) await session.claim(1);
    clock.advance(29_000);
    await bench.database.query("update runner_session set lease_until = 'infinity' where id = $1", [
      living.id,
    ]);
    clock.advance(2_000);
    await sweepSessions.run(bench.engine);
    expect((await look(runId)).steps.map(({ leased }) => leased)).toEqual([false, true, false]);
  });
});

test("a cancel that becomes a forced one wakes the runner", async () => {
  const session = await ScriptedSession.open(bench);
  const runId = await bench.trigger(await bench.deploy([stage("only", step("work"))]));
  await session.start(await session.claimOne());
  const told: string[] = [];
  const { bus } = bench.engine;
  const watched: Bus = {
    publish: (notice) => {
      if (notice.topic === "cancel") told.push(notice.session);
    },
    watch: (keys, onNotice) => bus.watch(keys, onNotice),
    listen: (keys) => bus.listen(keys),
  };
  const engine = { ...bench.engine, bus: watched };
  for (const [mode, times] of [
    ["GRACEFUL", 1],
    ["FORCE", 2],
    ["FORCE", 2],
  ] as const) {
    await cancelWorkflowRun(engine, bench.person, { runId, mode, reason: null, command: plainCommand }).catch(
      () => undefined,
    );
    expect(told).toEqual(Array.from({ length: times }, () => session.id));
  }
});

describe("migrate", () => {
  test("leaves functions of other schemas alone", async () => {
    await bench.database.query("create schema elsewhere");
    await bench.database.query(
      "create function elsewhere.lock_runs() returns int language sql as 'select 1'",
    );
    await migrate(bench.database.url);
    expect(await bench.database.query("select elsewhere.lock_runs() as one")).toEqual([{ one: 1 }]);
  });

  test("refuses a function whose parameters changed, and keeps the old one", async () => {
    await bench.database.query("create function log_is_open(text) returns int language sql as 'select 1'");
    await expect(migrate(bench.database.url)).rejects.toThrow("log_is_open has other parameters");
    expect(await bench.database.query("select log_is_open('') as one")).toEqual([{ one: 1 }]);
  });
});
