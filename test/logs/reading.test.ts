import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { expireLogs } from "../../src/duties/expire-logs.ts";
import { purgeRuns } from "../../src/duties/purge-runs.ts";
import { RunPosition } from "../../src/logs/run-position.ts";
import { followLogs } from "../api/streams.ts";
import { type Answer, LoggedServer } from "./logged-server.ts";

const LOGS = "logs { downloadUrl sizeBytes lineCount ended truncated expired }";
const STEP = `query ($id: ID!, $from: Int! = 1, $count: Int! = 100) { node(id: $id) { ... on StepRun { ${LOGS}
  currentAttempt { ${LOGS} logLines(fromLine: $from, count: $count) { number stream text } } } } }`;
const SEARCH = `query ($text: String!, $first: Int! = 20, $after: String, $ids: [ID!]) {
  logSearch(projectId: "default", text: $text, first: $first, after: $after, filter: { ids: $ids }) {
    hasMore endCursor scannedUntil matches { workflowRun { id } stepRun { stepRef } attempt line { number text } } } }`;
const DAY_MS = 24 * 60 * 60 * 1_000;
const LIMIT = 400_000;

let system: LoggedServer;
beforeAll(async () => {
  system = await LoggedServer.start({ maxLogBytes: LIMIT });
});
afterAll(async () => await system[Symbol.asyncDispose]());

const line = (i: number): string => `line ${i} ${"x".repeat(60)}`;
const linesOf = (messages: Answer[]): Answer[] => messages.flatMap(({ lines }) => lines ?? []);

/** A run whose step x has logged so many lines, in appends of 200. */
async function logged(count: number): Promise<{ id: string; step: string }> {
  const { id, x, y } = await system.started();
  for (let i = 0; i < count; i += 200) {
    const texts = Array.from({ length: Math.min(200, count - i) }, (_, n) => line(i + n + 1));
    expect((await system.runner.log(x, texts.join("\n"))).result).toBe("APPENDED");
  }
  await system.finish(x, y);
  return { id, step: x.stepRunId };
}

async function everything(step: string): Promise<Answer[]> {
  await using log = followLogs(system.server, step);
  return linesOf(await log.all());
}

describe("a log that becomes too long", () => {
  it("keeps what fits, says so, takes no more and does not fail its step", async () => {
    const { x, y } = await system.started();
    const long = Array.from({ length: 1_000 }, () => "y".repeat(100)).join("\n");
    const answers = [];
    for (let i = 0; i < 4; i++) answers.push(await system.runner.log(x, long));
    expect(answers.map(({ result }) => result)).toEqual(["APPENDED", "APPENDED", "SEALED", "SEALED"]);
    expect(answers[2]).toEqual(answers[3]);
    await system.finish(x, y);
    await using log = followLogs(system.server, x.stepRunId);
    const all = await log.all();
    const last = linesOf(all).at(-1);
    const at = Number(/^log truncated at (\d+) bytes$/.exec(last.text)?.[1]);
    expect(at).toBeGreaterThan(LIMIT - 200);
    expect(at).toBeLessThanOrEqual(LIMIT);
    expect(last.stream).toBe("system");
    expect(all.at(-1)).toMatchObject({ finalOffset: answers[3]!.offset, truncated: true });
    const { logs } = await system.ask(STEP, { id: x.stepRunId });
    expect(logs).toMatchObject({ sizeBytes: answers[3]!.offset, truncated: true, ended: true });
    const raw = await (await system.get(`/steps/${x.stepRunId}/logs?format=raw`)).text();
    expect(Buffer.byteLength(raw)).toBe(answers[3]!.offset);
    expect(raw.lastIndexOf("\n", raw.length - 2) + 1).toBe(at);
  });
});

describe("a log that moves to a file", () => {
  it("reads the same before, while and after it moves, from every position", async () => {
    const { id, step } = await logged(2_600);
    const before = await everything(step);
    expect(before.map(({ number, text }) => [number, text])).toEqual(
      Array.from({ length: 2_600 }, (_, i) => [i + 1, line(i + 1)]),
    );
    await using log = followLogs(system.server, step);
    const cursors = (await log.all()).filter(({ __typename }) => __typename === "LogLines");
    const raw = await (await system.get(`/steps/${step}/logs?format=raw`)).text();
    const chunks = await system.chunks();
    const [, during] = await Promise.all([system.compact(), everything(step)]);
    expect(during).toEqual(before);
    expect(await system.chunks()).toBeLessThan(chunks);
    expect(await everything(step)).toEqual(before);
    for (const { cursor, lines } of cursors) {
      await using rest = followLogs(system.server, step, { after: { cursor } });
      expect(linesOf(await rest.all())).toEqual(before.slice(lines.at(-1).number));
    }
    expect(await (await system.get(`/steps/${step}/logs?format=raw`)).text()).toBe(raw);
    for (const from of [1, 899, 2_599]) {
      const { currentAttempt } = await system.ask(STEP, { id: step, from, count: 3 });
      expect(currentAttempt.logLines.map(({ number }: Answer) => number)).toEqual(
        [from, from + 1, from + 2].filter((number) => number <= 2_600),
      );
    }
    const found = await system.ask(SEARCH, { text: "line 2501 ", ids: [id] });
    expect(found.matches.map(({ line }: Answer) => line.number)).toEqual([2_501]);
  });

  it("leaves nothing behind when it is moved twice at once, or again", async () => {
    const { step } = await logged(1_200);
    await Promise.all([system.compact(), system.compact()]);
    await system.compact();
    expect(await everything(step)).toHaveLength(1_200);
    const before = system.stored();
    await system.advance(DAY_MS + 1);
    await system.sweep();
    expect(system.stored()).toBeLessThanOrEqual(before);
    expect(await everything(step)).toHaveLength(1_200);
    expect(await system.server.database.query("select from orphan_blob")).toEqual([]);
  });
});

describe("downloads", () => {
  it("000: download logs of a step: text, records, ranges, gzip, HEAD", async () => {
    const { x, y } = await system.started();
    await system.runner.log(x, "größer\nplain");
    await system.runner.log(x, "oops", { stream: "stderr" });
    await system.finish(x, y);
    const path = `/steps/${x.stepRunId}/logs`;
    const text = await system.get(path);
    expect(text.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(text.headers.get("x-content-type-options")).toBe("nosniff");
    expect(text.headers.get("content-disposition")).toMatch(/^attachment; filename="[\w.-]+\.log"$/);
    const body = await text.text();
    expect(body).toMatch(/^\S+Z stdout größer\n\S+Z stdout plain\n\S+Z stderr oops\n$/);
    const raw = Buffer.from(await (await system.get(`${path}?format=raw`)).arrayBuffer());
    expect(raw.toString()).toMatch(/^\S+Z stdout F größer\n/);
    for (const [range, start, end] of [
      ["bytes=0-0", 0, 1],
      ["bytes=5-9", 5, 10],
      ["bytes=7-", 7, raw.length],
      ["bytes=-4", raw.length - 4, raw.length],
      ["bytes=1-99999", 1, raw.length],
    ] as const) {
      const part = await system.get(`${path}?format=raw`, { range });
      expect([range, part.status, part.headers.get("content-range")]).toEqual([
        range,
        206,
        `bytes ${start}-${end - 1}/${raw.length}`,
      ]);
      expect(Buffer.from(await part.arrayBuffer())).toEqual(raw.subarray(start, end));
    }
    const beyond = await system.get(`${path}?format=raw`, { range: `bytes=${raw.length}-` });
    expect([beyond.status, beyond.headers.get("content-range")]).toEqual([416, `bytes */${raw.length}`]);
    const zipped = await system.get(path, { "accept-encoding": "gzip" });
    expect(zipped.headers.get("content-encoding")).toBe("gzip");
    expect(await zipped.text()).toBe(body);
    const head = await system.get(`${path}?format=raw`, {}, "HEAD");
    expect([head.status, head.headers.get("content-length")]).toEqual([200, String(raw.length)]);
    expect((await system.get(`${path}?attempt=2`)).status).toBe(404);
    expect((await system.get(`${path}?attempt=0`)).status).toBe(400);
  });

  it("000: download logs of a run: every step below its name", async () => {
    const { id, x, y } = await system.started();
    await system.runner.log(y, "of y");
    await system.runner.log(x, "of x");
    await system.finish(x, y);
    const text = await (await system.get(`/runs/${id}/logs`)).text();
    expect(text.replaceAll(/\S+Z /g, "")).toBe(
      "=== x (attempt 1) ===\nstdout of x\n\n=== y (attempt 1) ===\nstdout of y\n\n",
    );
  });

  it("need a token or a link that is still good, and tell strangers nothing", async () => {
    const { x, y } = await system.started();
    await system.runner.log(x, "secret");
    await system.finish(x, y);
    const { logs } = await system.ask(STEP, { id: x.stepRunId });
    expect(await (await fetch(logs.downloadUrl)).text()).toContain("secret");
    const path = `/steps/${x.stepRunId}/logs`;
    expect((await fetch(system.server.url + path)).status).toBe(401);
    expect((await fetch(logs.downloadUrl.replace("attempt=1", "attempt=2"))).status).toBe(401);
    await system.advance(5 * 60_000);
    expect((await fetch(logs.downloadUrl)).status).toBe(401);
    const stranger = await system.server.tokenWith("elsewhere", "PROJECT_ADMIN");
    const answers = [];
    for (const url of [path, "/steps/nothing/logs", "/runs/nothing/logs", "/log-files/nothing"]) {
      const answer = await system.get(url, { authorization: `Bearer ${stranger}` });
      const { errors } = (await answer.json()) as Answer;
      answers.push([answer.status, errors[0].message, errors[0].extensions.code]);
    }
    expect(new Set(answers.map(String)).size).toBe(1);
    expect(answers[0]![0]).toBe(404);
  });
});

describe("the logs of a run", () => {
  it("come step by step as they are written, and go on from any cursor with exactly the rest", async () => {
    const { id, x, y } = await system.started();
    await using log = system.runLogs(id);
    await system.runner.log(x, "x1");
    await log.until("CaughtUp");
    await log.until(({ lines }) => lines?.at(-1).text === "x1");
    await system.runner.log(y, "y1");
    await log.until(({ lines }) => lines?.at(-1).text === "y1");
    await system.runner.log(x, "x2\nx3");
    await system.runner.finish(x, "SUCCEEDED");
    await log.until("LogEnd");
    await system.runner.log(y, "y2");
    await system.runner.finish(y, "SUCCEEDED");
    const all = await log.all();
    const texts = (messages: Answer[], step?: string): string[] =>
      linesOf(messages.filter(({ stepRunId }) => step === undefined || stepRunId === step)).map(
        ({ text }) => text,
      );
    expect(texts(all, x.stepRunId)).toEqual(["x1", "x2", "x3"]);
    expect(texts(all, y.stepRunId)).toEqual(["y1", "y2"]);
    const ends = all.filter(({ __typename }) => __typename === "LogEnd");
    expect(ends.map(({ stepRunId, truncated }) => [stepRunId, truncated])).toEqual([
      [x.stepRunId, false],
      [y.stepRunId, false],
    ]);
    for (const [i, { cursor }] of all.entries()) {
      await using resumed = system.runLogs(id, { cursor });
      const rest = await resumed.all();
      expect(texts(rest).sort()).toEqual(texts(all.slice(i + 1)).sort());
      expect(rest.filter(({ __typename }) => __typename === "LogEnd")).toHaveLength(
        all.slice(i + 1).filter(({ __typename }) => __typename === "LogEnd").length,
      );
    }
  });

  it("have positions that stay small and survive being written down", () => {
    const position = new RunPosition();
    for (let step = 0; step < 5_000; step++) position.finish({ step, attempt: 1 });
    position.moveTo({ step: 5_003, attempt: 2 }, 77);
    expect(position.numbers()).toEqual([5_000, 1, 0, 3, 0, 0, 1, 1, 77]);
    const read = RunPosition.read(position.numbers())!;
    expect(read.offsetOf({ step: 12, attempt: 1 })).toBeNull();
    expect(read.offsetOf({ step: 12, attempt: 2 })).toBe(0);
    expect(read.offsetOf({ step: 5_003, attempt: 2 })).toBe(77);
    for (const bad of [[1], [1, 2], [0, 1, 0], [100_001, 0, 0]]) expect(RunPosition.read(bad)).toBeNull();
  });
});

test("a filtered stream tells how far it has come though nothing fits", async () => {
  const small = await LoggedServer.start();
  await using _ = small;
  const { x, y } = await small.started();
  const piece = Array.from({ length: 200 }, () => "z".repeat(1_000)).join("\n");
  for (let i = 0; i < 6; i++) await small.runner.log(x, piece);
  await small.finish(x, y);
  await using log = followLogs(small.server, x.stepRunId, { grep: "needle" });
  const all = await log.all();
  expect(log.types).toEqual(["LogLines", "CaughtUp", "LogEnd"]);
  expect(all[0]!.lines).toEqual([]);
});

describe("search", () => {
  it("finds lines across runs, the newest first, and goes on behind every match", async () => {
    const ids: string[] = [];
    for (const name of ["one", "two"]) {
      const { id, x, y } = await system.started();
      await system.runner.log(x, `a n*edle in ${name}\nnothing`);
      await system.runner.log(y, `stdout\nanother n*edle in ${name}\nand n*edle`);
      await system.finish(x, y);
      ids.unshift(id);
      await system.advance(1_000);
    }
    const expected = ids.flatMap((id) => [
      [id, "x", 1],
      [id, "y", 2],
      [id, "y", 3],
    ]);
    const rows = ({ matches }: Answer) =>
      matches.map(({ workflowRun, stepRun, line }: Answer) => [workflowRun.id, stepRun.stepRef, line.number]);
    const all = await system.ask(SEARCH, { text: "n*edle" });
    expect(rows(all)).toEqual(expected);
    expect(all).toMatchObject({ hasMore: false, endCursor: null });
    const paged = [];
    for (let after: string | null = null, more = true; more; ) {
      const page: Answer = await system.ask(SEARCH, { text: "n*edle", first: 1, after });
      paged.push(...rows(page));
      after = page.endCursor;
      more = page.hasMore;
    }
    expect(paged).toEqual(expected);
    // The time and the stream belong to the record, not to the line.
    expect(rows(await system.ask(SEARCH, { text: "stdout", ids }))).toEqual(ids.map((id) => [id, "y", 1]));
  });
});

describe("logs that are not kept any more", () => {
  it("are gaps to those who follow them and gone for those who download them", async () => {
    const { id, step } = await logged(1_200);
    await system.compact();
    const kept = system.stored();
    await system.advance(90 * DAY_MS + 1_000);
    await expireLogs(90 * DAY_MS).run(system.server.app.engine);
    await system.sweep();
    expect(system.stored()).toBeLessThan(kept);
    await using log = followLogs(system.server, step);
    const all = await log.all();
    expect(log.types).toEqual(["LogGap", "CaughtUp", "LogEnd"]);
    expect(all[0]).toMatchObject({ fromOffset: 0, toOffset: all[2]!.finalOffset });
    expect((await system.get(`/steps/${step}/logs`)).status).toBe(410);
    expect((await system.get(`/runs/${id}/logs`)).status).toBe(410);
    const { logs, currentAttempt } = await system.ask(STEP, { id: step });
    expect(logs).toMatchObject({ expired: true, ended: true, lineCount: 1_200 });
    expect(currentAttempt.logLines).toEqual([]);
  });
});

test("the logs of a deleted run go with it, rows and files", async () => {
  const { id } = await logged(1_200);
  await system.compact();
  const before = system.stored();
  await system.ask(
    `mutation ($input: DeleteWorkflowRunInput!) { deleteWorkflowRun(input: $input) { userErrors { message } } }`,
    { input: { workflowRunId: id } },
  );
  await purgeRuns.run(system.server.app.engine);
  await system.sweep();
  expect(system.stored()).toBeLessThan(before);
  const left = await system.server.database.query(
    "select from log_stream where run_id not in (select id from workflow_run)",
  );
  expect(left).toEqual([]);
});

test("gzip of a download is gzip", async () => {
  const { x, y } = await system.started();
  await system.runner.log(x, "packed");
  await system.finish(x, y);
  const { logs } = await system.ask(STEP, { id: x.stepRunId });
  const { request } = await import("node:http");
  const body = await new Promise<Buffer>((resolve, reject) => {
    request(logs.downloadUrl, { headers: { "accept-encoding": "gzip" } }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part)).on("end", () => resolve(Buffer.concat(parts)));
    })
      .on("error", reject)
      .end();
  });
  expect(gunzipSync(body).toString()).toContain("packed");
});
