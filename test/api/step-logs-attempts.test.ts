import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sweepSessions } from "../../src/duties/sweep-sessions.ts";
import { wakeSteps } from "../../src/duties/wake-steps.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { type ProtocolRunner, startProtocolRunner } from "../support/protocol-runner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { deploy, type TriggeredRun, trigger } from "../support/workflows.ts";
import type { StreamMessage } from "./sockets.ts";
import { followLogs, type LogsOptions } from "./streams.ts";

const FLOW = `name: retried
stages: [{ name: a, steps: [{ ref: x, run: "true", retry: { attempts: 3, backoff: 1s } }] }]
`;
const BACKOFF_MS = 5_000;
const LEASE_MS = 30_000;

let clock: ManualClock;
let server: TestServer;
let runner: ProtocolRunner;
let run: TriggeredRun;
let step: string;
beforeEach(async () => {
  clock = new ManualClock();
  server = await startTestServer({ clock, runDuties: false });
  runner = await startProtocolRunner(server);
  run = await trigger(server.admin, await deploy(server.admin, FLOW));
  step = run.steps["x"]!;
});
afterEach(async () => await server[Symbol.asyncDispose]());

const textsOf = (messages: readonly StreamMessage[]): string[] =>
  messages.flatMap(({ lines }) => (lines ?? []).map(({ text }: { text: string }) => text));

async function attempt(text: string, outcome: "SUCCEEDED" | "FAILED", by = runner): Promise<void> {
  const task = await by.claimOne();
  await by.start(task);
  await by.log(task, text);
  await by.finish(task, outcome);
}

async function backoffOver(): Promise<void> {
  clock.advance(BACKOFF_MS);
  await wakeSteps.run(server.app.engine);
}

async function wholeLog(options: LogsOptions): Promise<StreamMessage[]> {
  await using log = followLogs(server, step, options);
  return [...(await log.all())];
}

describe("the attempts of a step", () => {
  it("have a log each, and its end names the next one", async () => {
    await using first = followLogs(server, step);
    await attempt("one", "FAILED");
    const ended = await first.all();
    expect(textsOf(ended)).toEqual(["one"]);
    expect(ended.at(-1)).toMatchObject({
      __typename: "LogEnd",
      attempt: 1,
      truncated: false,
      nextAttempt: 2,
    });

    await using second = followLogs(server, step, { attempt: 2 });
    await second.until("CaughtUp");
    await backoffOver();
    await attempt("two", "SUCCEEDED");
    const all = await second.all();
    expect(second.types).toEqual(["CaughtUp", "LogLines", "LogEnd"]);
    expect(textsOf(all)).toEqual(["two"]);
    expect(all.at(-1)).toMatchObject({ attempt: 2, nextAttempt: null });

    expect(textsOf(await wholeLog({ attempt: 1 }))).toEqual(["one"]);
    expect(textsOf(await wholeLog({}))).toEqual(["two"]);
    expect((await wholeLog({ attempt: 1 })).at(-1)).toMatchObject({ attempt: 1, nextAttempt: 2 });
    expect((await wholeLog({ attempt: 3 })).map(({ __typename }) => __typename)).toEqual(["CaughtUp"]);
  });

  it("keep their cursors: one of attempt 1 goes on in attempt 1, and in no other", async () => {
    await attempt("one", "FAILED");
    const [lines, caughtUp] = await wholeLog({});
    await backoffOver();
    await attempt("two", "SUCCEEDED");
    const rest = await wholeLog({ after: { cursor: caughtUp!.cursor } });
    expect(rest.map(({ __typename }) => __typename)).toEqual(["CaughtUp", "LogEnd"]);
    expect(rest.at(-1)).toMatchObject({ attempt: 1, nextAttempt: 2 });
    await using wrong = followLogs(server, step, { attempt: 2, after: { cursor: lines!.cursor } });
    expect((await wrong.refusal())[0]!.extensions.code).toBe("INVALID_CURSOR");
  });

  it("count from 1", async () => {
    for (const attempt of [0, -1]) {
      await using refused = followLogs(server, step, { attempt });
      expect((await refused.refusal())[0]!.extensions.code).toBe("BAD_USER_INPUT");
    }
  });
});

describe("a runner that dies", () => {
  it("in the middle of a step leaves a truncated log, and the next attempt one of its own", async () => {
    const task = await runner.claimOne();
    await runner.start(task);
    const { offset } = await runner.log(task, "last words");
    await using log = followLogs(server, step);
    await log.until("CaughtUp");
    clock.advance(LEASE_MS + 1);
    await sweepSessions.run(server.app.engine);
    const all = await log.all();
    expect(textsOf(all)).toEqual(["last words"]);
    expect(all.at(-1)).toMatchObject({
      __typename: "LogEnd",
      attempt: 1,
      finalOffset: offset,
      truncated: true,
      nextAttempt: 2,
    });
    expect((await runner.log(task, "from the grave")).result).not.toBe("APPENDED");

    const other = await startProtocolRunner(server);
    await attempt("again", "SUCCEEDED", other);
    expect(textsOf(await wholeLog({}))).toEqual(["again"]);
    expect(textsOf(await wholeLog({ attempt: 1 }))).toEqual(["last words"]);
    expect((await wholeLog({ attempt: 1 })).at(-1)).toMatchObject({ truncated: true, nextAttempt: 2 });
  });

  it("after a step's end, before it sent the rest of the log, leaves a truncated log when its lease is over", async () => {
    const task = await runner.claimOne();
    await runner.start(task);
    const { offset } = await runner.log(task, "half");
    await runner.finish(task, "SUCCEEDED", { logLength: 2 * offset });
    await using log = followLogs(server, step);
    await log.until("CaughtUp");
    clock.advance(LEASE_MS - 1);
    await using early = followLogs(server, step);
    await early.until("CaughtUp");
    expect([log.completed, early.completed]).toEqual([false, false]);
    clock.advance(2);
    for (const each of [log, early])
      expect((await each.all()).at(-1)).toMatchObject({
        __typename: "LogEnd",
        finalOffset: offset,
        truncated: true,
        nextAttempt: null,
      });
  });

  it("while its step waits in the queue leaves nothing", async () => {
    await runner.claimOne();
    await using log = followLogs(server, step);
    await log.until("CaughtUp");
    clock.advance(LEASE_MS + 1);
    await sweepSessions.run(server.app.engine);
    await attempt("first after all", "SUCCEEDED", await startProtocolRunner(server));
    const all = await log.all();
    expect(textsOf(all)).toEqual(["first after all"]);
    expect(all.at(-1)).toMatchObject({ attempt: 1, nextAttempt: null, truncated: false });
  });
});
