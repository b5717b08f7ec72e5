import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ProtocolRunner, type ProtocolTask, startProtocolRunner } from "../support/protocol-runner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { deploy, trigger } from "../support/workflows.ts";
import type { StreamMessage } from "./sockets.ts";
import { followEvents, followLogs, HEAD, START } from "./streams.ts";

const FLOW = `name: logged
stages: [{ name: a, steps: [{ ref: x, run: "true" }, { ref: y, run: "true", needs: [x] }] }]
`;

let server: TestServer;
let runner: ProtocolRunner;
let workflowId: string;
beforeAll(async () => {
  server = await startTestServer({ runDuties: false });
  runner = await startProtocolRunner(server);
  workflowId = await deploy(server.admin, FLOW);
});
afterAll(async () => await server[Symbol.asyncDispose]());

/** A run whose step x is claimed; what other tests left in the queue is worked off first. */
async function claimed(): Promise<{
  task: ProtocolTask;
  steps: Readonly<Record<string, string>>;
  id: string;
}> {
  await runner.workOff();
  const { id, steps } = await trigger(server.admin, workflowId);
  return { task: await runner.claimOne(), steps, id };
}

async function logged(texts: readonly string[]): Promise<ProtocolTask> {
  const { task } = await claimed();
  await runner.start(task);
  for (const text of texts) await runner.log(task, text);
  await runner.finish(task, "SUCCEEDED");
  return task;
}

const linesOf = (messages: readonly StreamMessage[]) =>
  messages.filter(({ __typename }) => __typename === "LogLines").flatMap(({ lines }) => lines);
const textsOf = (messages: readonly StreamMessage[]): string[] =>
  linesOf(messages).map(({ text }: { text: string }) => text);

describe("the log of a step that runs", () => {
  it("comes as it is written, and ends when all of it is there", async () => {
    const { task } = await claimed();
    await using log = followLogs(server, task.stepRunId);
    await log.until("CaughtUp");
    expect(log.types).toEqual(["CaughtUp"]);
    await runner.start(task);
    await runner.log(task, "first\nsecond");
    await log.until(({ lines }) => lines?.at(-1).text === "second");
    await runner.log(task, "oops", { stream: "stderr" });
    await runner.log(task, "killed", { stream: "system" });
    const { offset } = await runner.log(task, "größer 🙂");
    await log.until(({ lines }) => lines?.at(-1).text === "größer 🙂");
    expect(log.completed).toBe(false);
    await runner.finish(task, "SUCCEEDED");
    const all = await log.all();
    expect(linesOf(all)).toEqual(
      [
        ["stdout", "first"],
        ["stdout", "second"],
        ["stderr", "oops"],
        ["system", "killed"],
        ["stdout", "größer 🙂"],
      ].map(([stream, text], i) => ({
        number: i + 1,
        at: expect.stringMatching(/Z$/),
        stream,
        text,
        partial: false,
      })),
    );
    expect(all.filter(({ __typename }) => __typename === "CaughtUp")).toHaveLength(1);
    expect(all.at(-1)).toEqual({
      __typename: "LogEnd",
      cursor: expect.any(String),
      attempt: 1,
      finalOffset: offset,
      truncated: false,
      nextAttempt: null,
    });
  });

  it("is complete only when all that the runner announced has come, and takes no more then", async () => {
    const { task } = await claimed();
    await runner.start(task);
    const { offset } = await runner.log(task, "early");
    await using log = followLogs(server, task.stepRunId);
    await log.until("CaughtUp");
    await runner.finish(task, "SUCCEEDED", { logLength: 2 * offset });
    await using run = followEvents(server, task.workflowRunId, { types: ["StepStatusChanged"] });
    await run.until(({ stepStatus }) => stepStatus === "SUCCEEDED");
    expect(log.completed).toBe(false);
    expect(await runner.log(task, "later")).toEqual({ result: "APPENDED", offset: 2 * offset });
    const all = await log.all();
    expect(textsOf(all)).toEqual(["early", "later"]);
    expect(all.at(-1)).toMatchObject({ finalOffset: 2 * offset, truncated: false });
    expect((await runner.log(task, "too late")).result).toBe("SEALED");
    await runner.workOff();
  });

  it("may be empty", async () => {
    const task = await logged([]);
    await using log = followLogs(server, task.stepRunId);
    const all = await log.all();
    expect(log.types).toEqual(["CaughtUp", "LogEnd"]);
    expect(all.at(-1)).toMatchObject({ finalOffset: 0, truncated: false });
  });
});

describe("a stored log", () => {
  const texts = Array.from({ length: 30 }, (_, i) => `line ${2 * i}\nline ${2 * i + 1}`);
  const everything = Array.from({ length: 60 }, (_, i) => `line ${i}`);

  it("comes whole, then CaughtUp, then its end", async () => {
    const task = await logged(texts);
    await using log = followLogs(server, task.stepRunId);
    const all = await log.all();
    expect(textsOf(all)).toEqual(everything);
    expect(linesOf(all).map(({ number }) => number)).toEqual(everything.map((_, i) => i + 1));
    expect(log.types.slice(-2)).toEqual(["CaughtUp", "LogEnd"]);
  });

  it("goes on from any cursor with exactly the rest", async () => {
    const task = await logged(texts);
    await using log = followLogs(server, task.stepRunId);
    const messages = (await log.all()).filter(({ __typename }) => __typename === "LogLines");
    expect(messages.length).toBeGreaterThan(2);
    for (const [i, { cursor }] of messages.entries()) {
      await using resumed = followLogs(server, task.stepRunId, { after: { cursor } });
      const rest = await resumed.all();
      expect(linesOf(rest)).toEqual(linesOf(messages.slice(i + 1)));
      expect(resumed.types.slice(-2)).toEqual(["CaughtUp", "LogEnd"]);
    }
  });

  it("goes on from the cursors of a log that was written meanwhile", async () => {
    const { task } = await claimed();
    await runner.start(task);
    const cursors = new Map<number, string>();
    await using log = followLogs(server, task.stepRunId);
    for (let i = 0; i < 10; i++) {
      await runner.log(task, `wäit ${i}`);
      const seen = await log.until(({ lines }) => lines?.at(-1).text === `wäit ${i}`);
      cursors.set(i, seen.at(-1)!.cursor);
    }
    await runner.finish(task, "SUCCEEDED");
    await log.all();
    for (const [i, cursor] of cursors) {
      await using resumed = followLogs(server, task.stepRunId, { after: { cursor } });
      expect(linesOf(await resumed.all()).map(({ number, text }) => [number, text])).toEqual(
        Array.from({ length: 9 - i }, (_, n) => [i + n + 2, `wäit ${i + n + 1}`]),
      );
    }
    await runner.workOff();
  });

  it("at HEAD is left out", async () => {
    const task = await logged(["stored"]);
    await using log = followLogs(server, task.stepRunId, { after: HEAD });
    await log.all();
    expect(log.types).toEqual(["CaughtUp", "LogEnd"]);
  });
});

describe("grep", () => {
  it("leaves the lines that contain the text, taken literally, stored and live", async () => {
    const { task } = await claimed();
    await runner.start(task);
    await runner.log(task, "a.c\nabc\nA.C\nxa.cx");
    await using log = followLogs(server, task.stepRunId, { grep: "a.c" });
    await log.until("CaughtUp");
    await runner.log(task, "nothing here");
    await runner.log(task, "[a.c]");
    await runner.finish(task, "SUCCEEDED");
    const all = await log.all();
    expect(linesOf(all).map(({ number, text }) => `${number} ${text}`)).toEqual([
      "1 a.c",
      "4 xa.cx",
      "6 [a.c]",
    ]);
    expect(all.at(-1)).toMatchObject({ __typename: "LogEnd", truncated: false });
    await using none = followLogs(server, task.stepRunId, { grep: "(" });
    await none.all();
    expect(none.types).toEqual(["CaughtUp", "LogEnd"]);
    await runner.workOff();
  });

  it("does not match what belongs to the record and not to the line", async () => {
    const task = await logged(["plain"]);
    for (const grep of ["stdout", " F ", "T", "\n"]) {
      await using log = followLogs(server, task.stepRunId, { grep });
      expect(textsOf(await log.all())).toEqual([]);
    }
  });
});

describe("a step that has not started", () => {
  it.each([START, HEAD])("is waited for at %j, and none of its lines are lost", async (after) => {
    const { task } = await claimed();
    await using log = followLogs(server, task.stepRunId, { after });
    await log.until("CaughtUp");
    await Promise.all([runner.start(task), runner.log(task, "from the first moment")]);
    await runner.finish(task, "SUCCEEDED");
    const all = await log.all();
    expect(textsOf(all)).toEqual(["from the first moment"]);
    expect(log.types).toEqual(["CaughtUp", "LogLines", "LogEnd"]);
    await using resumed = followLogs(server, task.stepRunId, { after: { cursor: all[0]!.cursor } });
    expect(textsOf(await resumed.all())).toEqual(["from the first moment"]);
    await runner.workOff();
  });

  it("and never will ends the stream without a log", async () => {
    const { task, steps } = await claimed();
    await using waiting = followLogs(server, steps["y"]!);
    await waiting.until("CaughtUp");
    await runner.finish(task, "FAILED");
    expect(await waiting.all()).toHaveLength(1);
    await using late = followLogs(server, steps["y"]!);
    await late.all();
    expect(late.types).toEqual(["CaughtUp"]);
  });
});

describe("a position in a log", () => {
  it("of another step, of a run or of nothing is refused", async () => {
    const [task, other] = [await logged(["one"]), await logged(["two"])];
    await using log = followLogs(server, other.stepRunId);
    const [{ cursor }] = (await log.all()) as [StreamMessage];
    const change = (by: (text: string) => string) => btoa(by(atob(cursor)));
    await using run = followEvents(server, task.workflowRunId);
    const ofRun = (await run.all())[0]!.cursor;
    const broken = [
      ofRun,
      "",
      "x",
      change((text) => text.replace(/\.\d+$/, "")),
      change((text) => text.replace(/\d+$/, "x")),
      change((text) => `${text}.1`),
      change((text) => text.replace(/\d+\.\d+$/, "99999999999.0")),
    ];
    for (const bad of [cursor, ...broken]) {
      await using refused = followLogs(server, task.stepRunId, { after: { cursor: bad } });
      expect((await refused.refusal()).map(({ extensions }) => extensions.code)).toEqual(["INVALID_CURSOR"]);
    }
    for (const bad of broken) {
      await using refused = followLogs(server, other.stepRunId, { after: { cursor: bad } });
      expect([bad, (await refused.refusal()).map(({ extensions }) => extensions.code)]).toEqual([
        bad,
        ["INVALID_CURSOR"],
      ]);
    }
  });

  it("beyond its end, or of a database that was restored since, is reset", async () => {
    const task = await logged(["one", "two"]);
    await using log = followLogs(server, task.stepRunId);
    const last = (await log.all()).at(-1)!.cursor;
    await using beyond = followLogs(server, task.stepRunId, {
      after: { cursor: btoa(atob(last).replace(/\d+$/, "9999")) },
    });
    const messages = await beyond.all();
    expect(beyond.types).toEqual(["Reset", "LogLines", "CaughtUp", "LogEnd"]);
    expect(textsOf(messages)).toEqual(["one", "two"]);
    await server.database.query("update installation set restore_counter = restore_counter + 1");
    await using restored = followLogs(server, task.stepRunId, { after: { cursor: last } });
    expect(textsOf(await restored.all())).toEqual(["one", "two"]);
    expect(restored.messages[0]).toMatchObject({
      __typename: "Reset",
      reason: expect.stringContaining("restored"),
    });
  });
});
