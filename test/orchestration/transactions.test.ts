import pg from "pg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { cancelWorkflowRun } from "../../src/actions/cancel-workflow-run.ts";
import { BusyError } from "../../src/domain/refusals.ts";
import { ReportCollector } from "../../src/orchestration/report.ts";
import type { Transaction } from "../../src/persistence/database.ts";
import { stage, step } from "../domain/workflow-builder.ts";
import { plainCommand } from "../support/commands.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { reportOf } from "./reports.ts";
import { ScriptedSession } from "./scripted-session.ts";
import { openWorkbench, type Workbench } from "./workbench.ts";

let bench: Workbench;
let runs: string[];

beforeEach(async () => {
  bench = await openWorkbench(new ManualClock());
  const workflow = await bench.deploy([stage("only", step("work"))]);
  runs = [await bench.trigger(workflow), await bench.trigger(workflow)];
});
afterEach(async () => await bench[Symbol.asyncDispose]());

async function raiseRevision(transaction: Transaction, runId: string): Promise<void> {
  await transaction.query({ text: "update workflow_run set revision = revision + 1 where id = $1" }, [runId]);
}

async function revisions(): Promise<number[]> {
  const rows = await bench.database.query<{ revision: number }>(
    "select revision from workflow_run order by number",
  );
  return rows.map(({ revision }) => revision);
}

describe("a transaction", () => {
  test("that cannot get its lock in time is refused as busy, and changes nothing", async () => {
    const holder = new pg.Client({ connectionString: bench.database.url });
    await holder.connect();
    await holder.query("begin");
    await holder.query("select from workflow_run where id = $1 for update", [runs[0]]);
    const cancel = { runId: runs[0]!, mode: "GRACEFUL", reason: null, command: plainCommand } as const;
    await expect(cancelWorkflowRun(bench.engine, bench.person, cancel)).rejects.toBeInstanceOf(BusyError);
    await holder.query("rollback");
    await holder.end();
    expect(await revisions()).toEqual([1, 1]);
    await cancelWorkflowRun(bench.engine, bench.person, cancel);
    expect(await revisions()).toEqual([2, 1]);
  });

  test("that was the victim of a deadlock runs again, and counts once", async () => {
    let tries = 0;
    let met = 0;
    let bothHold = (): void => undefined;
    const meeting = new Promise<void>((resolve) => {
      bothHold = resolve;
    });
    const both = async (first: string, second: string): Promise<void> =>
      await bench.engine.database.transaction(async (transaction) => {
        tries++;
        await raiseRevision(transaction, first);
        if (++met === 2) bothHold();
        await meeting;
        await raiseRevision(transaction, second);
      });
    await Promise.all([both(runs[0]!, runs[1]!), both(runs[1]!, runs[0]!)]);
    expect(tries).toBe(3);
    expect(await revisions()).toEqual([3, 3]);
  });

  test("that read what another changed meanwhile runs again", async () => {
    let tries = 0;
    await bench.engine.database.transaction(async (transaction) => {
      await transaction.query({ text: "set transaction isolation level repeatable read" }, []);
      await transaction.query({ text: "select from workflow_run" }, []);
      if (++tries === 1) {
        await bench.engine.database.transaction(async (other) => await raiseRevision(other, runs[0]!));
      }
      await raiseRevision(transaction, runs[0]!);
    });
    expect(tries).toBe(2);
    expect(await revisions()).toEqual([3, 1]);
  });

  test("whose connection the server ends runs again on another one", async () => {
    let tries = 0;
    await bench.engine.database.transaction(async (transaction) => {
      const [row] = await transaction.query<{ pid: number }>({ text: "select pg_backend_pid() as pid" }, []);
      await raiseRevision(transaction, runs[0]!);
      if (++tries === 1) await bench.database.query("select pg_terminate_backend($1)", [row!.pid]);
      await raiseRevision(transaction, runs[1]!);
    });
    expect(tries).toBe(2);
    expect(await revisions()).toEqual([2, 2]);
  });

  test("that meets a conflict every time fails in the end, with that conflict", async () => {
    let tries = 0;
    const hopeless = bench.engine.database.transaction(async (transaction) => {
      tries++;
      await raiseRevision(transaction, runs[0]!);
      const conflict = "do $$ begin raise exception 'conflict' using errcode = '40001'; end $$";
      await transaction.query({ text: conflict }, []);
    });
    await expect(hopeless).rejects.toMatchObject({ code: "40001" });
    expect(tries).toBe(4);
    expect(await revisions()).toEqual([1, 1]);
  });

  test("that fails for any other reason does not run again", async () => {
    let tries = 0;
    const faulty = bench.engine.database.transaction(async (transaction) => {
      tries++;
      await transaction.query({ text: "select 1 / 0" }, []);
    });
    await expect(faulty).rejects.toMatchObject({ code: "22012" });
    expect(tries).toBe(1);
  });
});

test("a report that the database refuses does not take those of other runners with it", async () => {
  const session = await ScriptedSession.open(bench);
  const [good, other] = await session.claim();
  const holder = { session: session.id, accountId: bench.runner.accountId };
  const reports = new ReportCollector(bench.engine);
  const answers = await Promise.allSettled([
    // The first is under way when the others gather.
    reports.report([reportOf({ ...holder, ...good! }, { kind: "STARTED" })]),
    reports.report([reportOf({ ...holder, ...good! })]),
    reports.report([reportOf({ ...holder, ...other!, step: 2 ** 31 })]),
    reports.report([reportOf({ ...holder, ...other! })]),
  ]);
  expect(answers.map((answer) => (answer.status === "fulfilled" ? answer.value : answer.status))).toEqual([
    ["APPLIED"],
    ["APPLIED"],
    "rejected",
    ["APPLIED"],
  ]);
});
