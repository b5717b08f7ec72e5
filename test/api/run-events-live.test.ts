import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { expireRuns } from "../../src/duties/expire-runs.ts";
import { sweepSessions } from "../../src/duties/sweep-sessions.ts";
import { wakeSteps } from "../../src/duties/wake-steps.ts";
import { countWatches } from "../support/count-watches.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { startProtocolRunner } from "../support/protocol-runner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { waitFor } from "../support/wait-for.ts";
import { deploy, trigger } from "../support/workflows.ts";
import { nextFrame, openSocket, type StreamMessage } from "./sockets.ts";
import { followEvents, followLogs, HEAD } from "./streams.ts";

/** Steps one after the other, so that every change has to be waited for. */
const CHAIN = (length: number) =>
  `name: chain-${length}\nstages:\n  - name: a\n    steps:\n${Array.from(
    { length },
    (_, i) => `      - { ref: s${i}, run: "true"${i === 0 ? "" : `, needs: [s${i - 1}]`} }\n`,
  ).join("")}`;
/** Much less than 100 looks at the database that are a second apart, much more than 100 notices take. */
const GENEROUS_MS = 25_000;

const clock = new ManualClock();
let server: TestServer;
let listening: () => number;
beforeAll(async () => {
  server = await startTestServer({ clock, runDuties: false });
  listening = countWatches(server.app.engine.bus);
});
afterAll(async () => await server[Symbol.asyncDispose]());

describe("a live event", () => {
  it("comes with its commit, not with the next look at the database", async () => {
    const runner = await startProtocolRunner(server);
    const run = await trigger(server.admin, await deploy(server.admin, CHAIN(50)));
    await using events = followEvents(server, run.id, { types: ["StepStatusChanged", "RunFinished"] });
    await events.until("CaughtUp");
    const told = async (ref: string, status: string) =>
      await events.until(({ stepRun, stepStatus }) => stepRun?.stepRef === ref && stepStatus === status);
    const started = performance.now();
    for (let i = 0; i < 50; i++) {
      const task = await runner.claimOne();
      await runner.start(task);
      await told(`s${i}`, "RUNNING");
      await runner.finish(task, "SUCCEEDED");
      await told(`s${i}`, "SUCCEEDED");
    }
    expect(performance.now() - started).toBeLessThan(GENEROUS_MS);
    await events.all();
  }, 60_000);

  it("comes to every subscriber, each with the same sequence", async () => {
    const runner = await startProtocolRunner(server);
    const run = await trigger(server.admin, await deploy(server.admin, CHAIN(5)));
    const subscribers = Array.from({ length: 10 }, () => followEvents(server, run.id));
    await Promise.all(subscribers.map(async (each) => await each.until("CaughtUp")));
    await runner.workOff();
    const all = await Promise.all(subscribers.map(async (each) => await each.all()));
    const cursors = all.map((messages) => messages.map(({ cursor }) => cursor));
    for (const each of cursors) expect(each).toEqual(cursors[0]);
    for (const each of subscribers) await each[Symbol.asyncDispose]();
  });
});

describe("a subscription that is over", () => {
  it("leaves no listener behind: completed, unsubscribed, or its socket gone", async () => {
    const runner = await startProtocolRunner(server);
    const workflowId = await deploy(server.admin, CHAIN(2));
    const run = await trigger(server.admin, workflowId);
    const others = await Promise.all([1, 2, 3].map(async () => await trigger(server.admin, workflowId)));
    expect(listening()).toBe(0);

    const events = Array.from({ length: 5 }, () => followEvents(server, run.id));
    const logs = Array.from({ length: 5 }, () => followLogs(server, run.steps["s1"]!));
    await Promise.all([...events, ...logs].map(async (each) => await each.until("CaughtUp")));
    expect(listening()).toBe(2);
    for (const each of [events[0]!, logs[0]!]) await each[Symbol.asyncDispose]();

    const socket = await openSocket(server.url, { authorization: `Bearer ${server.adminToken}` });
    socket.send(JSON.stringify({ type: "connection_init" }));
    await nextFrame(socket);
    for (const { id } of others) {
      const query = `subscription { runEvents(workflowRunId: "${id}", after: { at: HEAD }) { cursor } }`;
      socket.send(JSON.stringify({ id, type: "subscribe", payload: { query } }));
      await nextFrame(socket);
    }
    expect(listening()).toBe(5);
    socket.send(JSON.stringify({ id: others[0]!.id, type: "complete" }));
    await waitFor("the unsubscribed one to be gone", () => listening() === 4);
    expect(socket.readyState).toBe(WebSocket.OPEN);
    socket.terminate();
    await waitFor("those of the lost socket to be gone", () => listening() === 2);

    await runner.workOff();
    await Promise.all([...events.slice(1), ...logs.slice(1)].map(async (each) => await each.all()));
    await waitFor("the completed ones to be gone", () => listening() === 0);
    for (const each of [...events, ...logs]) await each[Symbol.asyncDispose]();
  });

  it("leaves none behind either when it was refused, or left before it began", async () => {
    const run = await trigger(server.admin, await deploy(server.admin, CHAIN(1)));
    for (const id of [run.id, "run_x"]) {
      await using refused = followEvents(server, id, { after: { cursor: "nonsense" } });
      await refused.refusal();
    }
    for (let i = 0; i < 10; i++) {
      const hasty = followEvents(server, run.id, { after: HEAD });
      await hasty[Symbol.asyncDispose]();
    }
    await using last = followEvents(server, run.id, { after: HEAD });
    await last.until("CaughtUp");
    await waitFor("all but the last to be gone", () => listening() === 1);
    await (await startProtocolRunner(server)).workOff();
  });
});

const EVENTFUL = `name: eventful
timeout: 1h
stages:
  - name: build
    steps:
      - { ref: retried, run: "true", retry: { attempts: 2, backoff: 5s } }
      - { ref: forgiven, run: "true", continueOnError: true }
      - { ref: pause, type: delay, duration: 10s }
  - name: test
    steps:
      - { ref: lost, run: "true" }
      - { ref: broken, run: "true" }
      - { ref: rest, run: "true", needs: [broken] }
      - { ref: cleanup, run: "true", needs: [broken], when: on_failure }
  - name: never
    steps: [{ ref: unreached, run: "true" }]
`;

/** What the events say that the statuses are. */
function fold(messages: readonly StreamMessage[]) {
  const told = { run: "PENDING", stages: {} as Record<string, string>, steps: {} as Record<string, string> };
  for (const message of messages) {
    if (message.__typename === "RunStatusChanged") told.run = message["runStatus"];
    if (message.__typename === "StageStatusChanged")
      told.stages[message["stageRun"].name] = message["stageStatus"];
    if (message.__typename === "StepStatusChanged")
      told.steps[message["stepRun"].stepRef] = `${message["stepStatus"]} #${message["attempt"]}`;
  }
  return told;
}

async function rows(id: string) {
  const { body } = await server.post({
    query: `query ($id: ID!) { workflowRun(id: $id) { status eventCursor stageRuns { name status } stepRuns { nodes { stepRef status attempt } } } }`,
    variables: { id },
  });
  const { status, eventCursor, stageRuns, stepRuns } = body.data.workflowRun;
  const named = (pairs: [string, string][]) =>
    Object.fromEntries(pairs.filter(([, value]) => !value.startsWith("PENDING")));
  return {
    cursor: eventCursor as string,
    run: status as string,
    stages: named(stageRuns.map((stage: { name: string; status: string }) => [stage.name, stage.status])),
    steps: named(
      stepRuns.nodes.map((step: { stepRef: string; status: string; attempt: number }) => [
        step.stepRef,
        `${step.status} #${step.attempt}`,
      ]),
    ),
  };
}

describe("the events of a run, folded,", () => {
  it("are its rows, at every point of an eventful life", async () => {
    const { engine } = server.app;
    const runner = await startProtocolRunner(server, { queues: ["eventful"] });
    const source = EVENTFUL.replaceAll('run: "true"', 'run: "true", queue: eventful');
    const run = await trigger(server.admin, await deploy(server.admin, source));
    await using events = followEvents(server, run.id, { until: "DELETED" });
    const same = async () => {
      const { cursor, ...stored } = await rows(run.id);
      const told = await events.until(
        (message) => message.cursor === cursor && message.__typename !== "CaughtUp",
      );
      expect(fold(told)).toEqual(stored);
      return stored;
    };
    await events.until("CaughtUp");
    await same();
    for (const task of await runner.claim()) {
      await runner.start(task);
      await same();
      await runner.finish(task, "FAILED");
      await same();
    }
    clock.advance(5_000);
    await wakeSteps.run(engine);
    await same();
    await runner.finish(await runner.claimOne(), "SUCCEEDED");
    expect((await same()).run).toBe("WAITING");
    clock.advance(5_000);
    await wakeSteps.run(engine);
    expect((await same()).steps).toMatchObject({
      pause: "SUCCEEDED #0",
      lost: "QUEUED #0",
      broken: "QUEUED #0",
    });
    const doomed = await startProtocolRunner(server, { queues: ["eventful"] });
    const lost = await doomed.claimOne();
    await doomed.start(lost);
    await same();
    clock.advance(30_001);
    await sweepSessions.run(engine);
    expect((await same()).steps).toMatchObject({ lost: "QUEUED #1" });
    const next = await startProtocolRunner(server, { queues: ["eventful"] });
    for (const task of await next.claim()) {
      await next.start(task);
      await next.finish(task, task.stepRef === "lost" ? "SUCCEEDED" : "FAILED");
      await same();
    }
    const cleanup = await next.claimOne();
    expect(cleanup.stepRef).toBe("cleanup");
    await next.start(cleanup);
    await same();
    clock.advance(60 * 60 * 1_000);
    await expireRuns.run(engine);
    expect((await same()).run).toBe("CANCELING");
    await sweepSessions.run(engine);
    expect(await same()).toMatchObject({
      run: "TIMED_OUT",
      steps: {
        retried: "SUCCEEDED #2",
        forgiven: "FAILED #1",
        lost: "SUCCEEDED #2",
        broken: "FAILED #1",
        rest: "SKIPPED #0",
      },
    });
  });
});
