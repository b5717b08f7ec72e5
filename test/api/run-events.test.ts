import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ProtocolRunner, startProtocolRunner } from "../support/protocol-runner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { deploy, type TriggeredRun, trigger } from "../support/workflows.ts";
import type { StreamMessage } from "./sockets.ts";
import { followEvents, HEAD, START } from "./streams.ts";

const FLOW = `name: followed
stages:
  - name: build
    steps:
      - { ref: one, run: "true" }
      - { ref: two, run: "true", needs: [one] }
  - name: after
    steps: [{ ref: three, run: "true" }]
`;
/** All that happens to a run that succeeds, step by step. */
const HISTORY = [
  ...["step one QUEUED", "run QUEUED"],
  ...["step one RUNNING", "stage build RUNNING", "run RUNNING"],
  ...["step one SUCCEEDED", "step two QUEUED", "step two RUNNING"],
  ...["step two SUCCEEDED", "step three QUEUED", "stage build SUCCEEDED"],
  ...["step three RUNNING", "stage after RUNNING", "step three SUCCEEDED", "stage after SUCCEEDED"],
  ...["run SUCCEEDED", "finished true"],
];

let server: TestServer;
let runner: ProtocolRunner;
let workflowId: string;
beforeAll(async () => {
  server = await startTestServer({ runDuties: false });
  runner = await startProtocolRunner(server);
  workflowId = await deploy(server.admin, FLOW);
});
afterAll(async () => await server[Symbol.asyncDispose]());

/** What a message says, in a few words. */
function words(message: StreamMessage): string {
  switch (message.__typename) {
    case "RunStatusChanged":
      return `run ${message["runStatus"]}`;
    case "RunFinished":
      return `finished ${message["success"]}`;
    case "StageStatusChanged":
      return `stage ${message["stageRun"].name} ${message["stageStatus"]}`;
    case "StepStatusChanged":
      return `step ${message["stepRun"].stepRef} ${message["stepStatus"]}`;
    default:
      return message.__typename;
  }
}

async function finishedRun(): Promise<TriggeredRun> {
  const run = await trigger(server.admin, workflowId);
  await runner.workOff();
  return run;
}

describe("a subscriber who is there from the start", () => {
  it("gets the history, CaughtUp once, then every change as it happens, and the end", async () => {
    const run = await trigger(server.admin, workflowId);
    await using events = followEvents(server, run.id);
    await events.until("CaughtUp");
    expect(events.messages.map(words)).toEqual([...HISTORY.slice(0, 2), "CaughtUp"]);
    for (const upTo of [
      ["one", 5, 7],
      ["two", 8, 11],
      ["three", 13, 17],
    ] as const) {
      const [ref, started, ended] = upTo;
      const task = await runner.claimOne();
      expect(task.stepRef).toBe(ref);
      await runner.start(task);
      await events.until(({ seq }) => seq === started);
      await runner.finish(task, "SUCCEEDED");
      await events.until(({ seq }) => seq === ended);
    }
    const all = await events.all();
    expect(all.map(words)).toEqual([...HISTORY.slice(0, 2), "CaughtUp", ...HISTORY.slice(2)]);
    const told = all.filter(({ __typename }) => __typename !== "CaughtUp");
    expect(told.map(({ seq }) => seq)).toEqual(HISTORY.map((_, i) => i + 1));
    expect(new Set(told.map(({ cursor }) => cursor)).size).toBe(HISTORY.length);
    expect(all.at(-1)).toMatchObject({
      __typename: "RunFinished",
      success: true,
      error: null,
      workflowRun: { status: "SUCCEEDED" },
    });
    const causeOf = (what: string) => told.find((message) => words(message) === what)!.actor.type;
    expect(["run QUEUED", "step one RUNNING", "step three SUCCEEDED"].map(causeOf)).toEqual([
      "USER",
      "RUNNER",
      "RUNNER",
    ]);
  });

  it("hears why a run failed", async () => {
    const run = await trigger(server.admin, workflowId);
    await using events = followEvents(server, run.id);
    await runner.finish(await runner.claimOne(), "FAILED", { exitCode: 3, error: "it broke" });
    const all = await events.all();
    const [status, finished] = all.filter(({ __typename }) => __typename !== "CaughtUp").slice(-2);
    expect(status).toMatchObject({
      __typename: "RunStatusChanged",
      runStatus: "FAILED",
      statusReason: { code: "EXIT_CODE" },
    });
    expect(finished).toMatchObject({
      __typename: "RunFinished",
      success: false,
      error: { message: expect.stringContaining("one") },
    });
    expect(
      all.filter(({ stepStatus }) => stepStatus === "SKIPPED").map(({ statusReason }) => statusReason.code),
    ).toEqual(["DEPENDENCY", "DEPENDENCY"]);
  });
});

describe("a subscriber who comes after the end", () => {
  it("gets the whole history: seq 1 to n without a gap, CaughtUp, complete", async () => {
    const run = await finishedRun();
    await using events = followEvents(server, run.id);
    const all = await events.all();
    expect(all.map(words)).toEqual([...HISTORY, "CaughtUp"]);
    expect(all.slice(0, -1).map(({ seq }) => seq)).toEqual(HISTORY.map((_, i) => i + 1));
    expect(all.at(-1)!.cursor).toBe(all.at(-2)!.cursor);
  });

  it("gets exactly the rest from any cursor on", async () => {
    const run = await finishedRun();
    await using first = followEvents(server, run.id);
    const all = (await first.all()).slice(0, -1);
    for (const [i, { cursor }] of all.entries()) {
      await using resumed = followEvents(server, run.id, { after: { cursor } });
      const rest = await resumed.all();
      expect(rest.at(-1)).toEqual({ __typename: "CaughtUp", cursor: all.at(-1)!.cursor });
      expect(rest.slice(0, -1)).toEqual(all.slice(i + 1));
    }
  });

  it("gets CaughtUp and the end at HEAD", async () => {
    const run = await finishedRun();
    await using events = followEvents(server, run.id, { after: HEAD });
    expect((await events.all()).map(words)).toEqual(["CaughtUp"]);
  });

  it("stays until the run is deleted when asked to", async () => {
    const run = await finishedRun();
    await using staying = followEvents(server, run.id, { until: "DELETED" });
    await staying.until("CaughtUp");
    // Two rounds of a subscription that does end: time enough for the other to have ended too.
    for (let i = 0; i < 2; i++) {
      await using ending = followEvents(server, run.id);
      await ending.all();
    }
    expect(staying.completed).toBe(false);
    expect(staying.messages.map(words)).toEqual([...HISTORY, "CaughtUp"]);
  });
});

describe("HEAD", () => {
  it("leaves out what is stored, and nothing that comes after CaughtUp", async () => {
    const run = await trigger(server.admin, workflowId);
    await using events = followEvents(server, run.id, { after: HEAD });
    expect(await events.until("CaughtUp")).toHaveLength(1);
    await runner.workOff();
    expect((await events.all()).map(words)).toEqual(["CaughtUp", ...HISTORY.slice(2)]);
  });

  it("is the same place as the query's eventCursor and as the cursor of CaughtUp", async () => {
    const run = await trigger(server.admin, workflowId);
    await using events = followEvents(server, run.id, { after: HEAD });
    const [caughtUp] = await events.until("CaughtUp");
    const { body } = await server.post({ query: `{ workflowRun(id: "${run.id}") { eventCursor } }` });
    expect(body.data.workflowRun.eventCursor).toBe(caughtUp!.cursor);
    await runner.workOff();
    await using resumed = followEvents(server, run.id, { after: { cursor: caughtUp!.cursor } });
    expect((await resumed.all()).map(words)).toEqual([...HISTORY.slice(2), "CaughtUp"]);
  });
});

describe("types", () => {
  it("leave only events of these types, live and stored, with the seq that they have", async () => {
    const types = ["RunStatusChanged", "RunFinished"];
    const run = await trigger(server.admin, workflowId);
    await using live = followEvents(server, run.id, { types });
    await live.until("CaughtUp");
    await runner.workOff();
    const told = ["run QUEUED", "run RUNNING", "run SUCCEEDED", "finished true"];
    expect((await live.all()).map(words)).toEqual([told[0], "CaughtUp", ...told.slice(1)]);
    await using late = followEvents(server, run.id, { types });
    const stored = await late.all();
    expect(stored.map(words)).toEqual([...told, "CaughtUp"]);
    expect(stored.slice(0, -1).map(({ seq }) => seq)).toEqual([2, 5, 16, 17]);
  });

  it("may leave nothing, and the stream still ends with the run", async () => {
    const run = await trigger(server.admin, workflowId);
    await using none = followEvents(server, run.id, { types: [] });
    await none.until("CaughtUp");
    await runner.workOff();
    expect((await none.all()).map(words)).toEqual(["CaughtUp"]);
  });
});

describe("a position", () => {
  const refusalAt = async (id: string, cursor: string) => {
    await using events = followEvents(server, id, { after: { cursor } });
    return (await events.refusal()).map(({ extensions }) => extensions.code);
  };

  it("of another run, of a log or of nothing is refused", async () => {
    const [run, other] = [await finishedRun(), await finishedRun()];
    await using events = followEvents(server, other.id);
    const foreign = (await events.all())[3]!.cursor;
    const change = (by: (text: string) => string) => btoa(by(atob(foreign)));
    const own = change((text) => text.replace(/\|run [^|]+\|/, "|log x|"));
    for (const cursor of [
      foreign,
      own,
      "",
      "x",
      "%%",
      btoa("a|b|c"),
      change((text) => `${text}|1`),
      change((text) => `${text}.1`),
      change((text) => text.replace(/\d+$/, "-1")),
      change((text) => text.replace(/\d+$/, "99999999999")),
    ])
      expect([cursor, await refusalAt(cursor === foreign ? run.id : other.id, cursor)]).toEqual([
        cursor,
        ["INVALID_CURSOR"],
      ]);
  });

  it("beyond the newest event is reset to it", async () => {
    const run = await finishedRun();
    await using events = followEvents(server, run.id);
    const last = (await events.all()).at(-1)!.cursor;
    const beyond = btoa(atob(last).replace(/17$/, "18"));
    await using resumed = followEvents(server, run.id, { after: { cursor: beyond } });
    const messages = await resumed.all();
    expect(messages).toEqual([
      { __typename: "Reset", cursor: last, reason: expect.stringContaining("beyond") },
      { __typename: "CaughtUp", cursor: last },
    ]);
  });

  it("of a database that was restored since is reset, and the stream goes on", async () => {
    const run = await trigger(server.admin, workflowId);
    await using before = followEvents(server, run.id);
    const [{ cursor: old }] = (await before.until("CaughtUp")) as [StreamMessage, ...StreamMessage[]];
    await server.database.query("update installation set restore_counter = restore_counter + 1");
    await using after = followEvents(server, run.id, { after: { cursor: old } });
    const [reset, caughtUp] = await after.until("CaughtUp");
    expect(reset).toMatchObject({ __typename: "Reset", reason: expect.stringContaining("restored") });
    expect(caughtUp!.cursor).toBe(reset!.cursor);
    await runner.workOff();
    expect((await after.all()).map(words)).toEqual(["Reset", "CaughtUp", ...HISTORY.slice(2)]);
    await using fresh = followEvents(server, run.id, { after: START });
    expect((await fresh.all()).map(words)).toEqual([...HISTORY, "CaughtUp"]);
  });
});
