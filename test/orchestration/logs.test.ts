import { randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { sweepSessions } from "../../src/duties/sweep-sessions.ts";
import { appendLogs, type LogAppendResult } from "../../src/logs/append.ts";
import type { HeldStep } from "../../src/persistence/runner-store.ts";
import { stage, step } from "../domain/workflow-builder.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { ScriptedSession } from "./scripted-session.ts";
import { openWorkbench, type Workbench } from "./workbench.ts";

let bench: Workbench;
let clock: ManualClock;
let session: ScriptedSession;
let task: HeldStep;

beforeEach(async () => {
  clock = new ManualClock();
  bench = await openWorkbench(clock);
  session = await ScriptedSession.open(bench);
  await bench.trigger(await bench.deploy([stage("only", step("work"))]));
  task = await session.claimOne();
});
afterEach(async () => await bench[Symbol.asyncDispose]());

async function append(offset: number, data: string, by = session, to = task): Promise<LogAppendResult> {
  return (await appendLogs(bench.engine, by.id, [{ ...to, part: 0, offset, data }]))[0]!;
}

/** The stored bytes, in order, with what the log says of itself. */
async function stored() {
  const [stream] = await bench.database.query<{
    length: number;
    line_count: number;
    crc: number;
    sealed: boolean;
  }>("select length, line_count, crc32::float8 as crc, sealed from log_stream");
  const chunks = await bench.database.query<{ byte_offset: number; line_offset: number; data: Buffer }>(
    "select byte_offset, line_offset, data from log_chunk order by byte_offset",
  );
  let end = 0;
  for (const { byte_offset, data } of chunks) {
    expect(byte_offset).toBe(end);
    end += data.length;
  }
  return { stream: stream!, bytes: Buffer.concat(chunks.map(({ data }) => data)) };
}

const hex = (bytes: Buffer): string => crc32(bytes).toString(16).padStart(8, "0");

test("bytes are stored in order, also before the start is reported, and counted with their checksum", async () => {
  expect(await append(0, "eins\n")).toEqual({ outcome: "APPENDED", offset: 5 });
  await session.start(task);
  expect(await append(5, "zw\u00f6lf \u{1F600}\ndrei\n")).toEqual({ outcome: "APPENDED", offset: 22 });
  const { stream, bytes } = await stored();
  expect(bytes.toString()).toBe("eins\nzw\u00f6lf \u{1F600}\ndrei\n");
  expect(stream).toEqual({ length: 22, line_count: 3, crc: crc32(bytes), sealed: false });
});

test("another offset stores nothing and answers where the log stands", async () => {
  await append(0, "one\n");
  for (const offset of [0, 3, 5, 100]) {
    expect(await append(offset, "two\n")).toEqual({ outcome: "MISMATCH", offset: 4 });
  }
  expect((await stored()).bytes.toString()).toBe("one\n");
});

test("one request may append to a log several times; what does not fit leaves the rest alone", async () => {
  const appends = [
    { ...task, part: 0, offset: 0, data: "a\n" },
    { ...task, part: 0, offset: 9, data: "lost\n" },
    { ...task, part: 0, offset: 2, data: "b\n" },
    { ...task, fence: 9, part: 0, offset: 0, data: "stale\n" },
  ];
  expect(await appendLogs(bench.engine, session.id, appends)).toEqual([
    { outcome: "APPENDED", offset: 2 },
    { outcome: "MISMATCH", offset: 2 },
    { outcome: "APPENDED", offset: 4 },
    { outcome: "STALE", offset: 0 },
  ]);
  expect((await stored()).bytes.toString()).toBe("a\nb\n");
});

test("after the end it takes what is missing to the stated length, and then nothing", async () => {
  const whole = Buffer.from("first\nsecond\n");
  await append(0, "first\n");
  await session.report(task, { log: { length: whole.length, crc32: hex(whole) } });
  expect(await append(6, "too long for it\n")).toEqual({ outcome: "SEALED", offset: 6 });
  expect(await append(6, "second\n")).toEqual({ outcome: "APPENDED", offset: 13 });
  expect(await append(13, "more\n")).toEqual({ outcome: "SEALED", offset: 13 });
  const { stream, bytes } = await stored();
  expect(stream).toMatchObject({ sealed: true, crc: crc32(whole) });
  expect(bytes).toEqual(whole);
});

test("others, and a runner that lost the step, write nothing", async () => {
  const other = await ScriptedSession.open(bench);
  expect((await append(0, "theirs\n", other)).outcome).toBe("STALE");
  await session.start(task);
  await append(0, "mine\n");
  clock.advance(30_001);
  await sweepSessions.run(bench.engine);
  expect((await append(5, "late\n")).outcome).toBe("STALE");
  const next = await (await ScriptedSession.open(bench)).claimOne();
  expect((await append(0, "old session, new fence\n", session, next)).outcome).toBe("STALE");
  expect((await stored()).bytes.toString()).toBe("mine\n");
});

test("the log of an ended step is finished by the session that executed it, or by nobody", async () => {
  const [first, other] = [
    await ScriptedSession.open(bench, { name: "phoenix" }),
    await ScriptedSession.open(bench),
  ];
  await session.report(task, { kind: "RELEASED" });
  const own = await first.claimOne();
  await first.report(own, { log: { length: 10, crc32: hex(Buffer.from("half\nrest\n")) } });
  expect((await append(0, "half\n", other, own)).outcome).toBe("STALE");
  expect((await append(0, "half\n", first, own)).outcome).toBe("APPENDED");
  clock.advance(30_001);
  await sweepSessions.run(bench.engine);
  const reborn = await ScriptedSession.open(bench, { name: "phoenix" });
  expect(await append(5, "rest\n", first, own)).toEqual({ outcome: "STALE", offset: 5 });
  expect((await append(5, "rest\n", reborn, own)).outcome).toBe("STALE");
});

test("concurrent appends at one offset: one wins, the others learn where it stands", async () => {
  const results = await Promise.all(
    Array.from({ length: 12 }, async (_, i) => await append(0, `${i}`.padStart(9, "0").concat("\n"))),
  );
  expect(results.map(({ outcome }) => outcome).sort()).toEqual(["APPENDED", ...Array(11).fill("MISMATCH")]);
  expect(results.every(({ offset }) => offset === 10)).toBe(true);
  const { stream, bytes } = await stored();
  expect(stream).toMatchObject({ length: 10, line_count: 1, crc: crc32(bytes) });
});

test("a writer that rewinds on every mismatch delivers all bytes once, against another that repeats it", async () => {
  const records = Array.from({ length: 60 }, (_, i) => `${i} ${randomBytes(300).toString("base64")}\n`);
  const whole = Buffer.from(records.join(""));
  const write = async (): Promise<void> => {
    for (let offset = 0; offset < whole.length; ) {
      const rest = whole.subarray(offset).toString();
      const data = rest.slice(0, rest.indexOf("\n", 2_000) + 1) || rest;
      offset = (await append(offset, data)).offset;
    }
  };
  await Promise.all([write(), write(), write()]);
  const { stream, bytes } = await stored();
  expect(bytes).toEqual(whole);
  expect(stream).toMatchObject({ length: whole.length, line_count: 60, crc: crc32(whole) });
});
