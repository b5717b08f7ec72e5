import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { GrantedTask } from "../../src/runner/protocol.ts";
import { runTask, startStub, startTestRunner, task, until, workspaceOf } from "./harness.ts";
import type { ProtocolStub } from "./protocol-stub.ts";
import { MAX_BODY_BYTES } from "./stub-transport.ts";

function node(script: string): string {
  return `"${process.execPath}" -e '${script}'`;
}

function expectComplete(stub: ProtocolStub, granted: GrantedTask): void {
  const log = stub.log(granted);
  const report = stub.finished(granted)!;
  expect(Buffer.byteLength(log)).toBe(report.logLength);
  expect(crc32(log).toString(16).padStart(8, "0")).toBe(report.logCrc32);
}

describe("a step's log", () => {
  it("cuts long lines into partial records without cutting characters", async () => {
    const { stub } = await startTestRunner();
    const granted = task(node('process.stdout.write("é".repeat(20000) + "\\n" + "x".repeat(40000))'));
    await runTask({ stub }, granted);
    expect(stub.lines(granted, "stdout")).toEqual(["é".repeat(20_000), "x".repeat(40_000)]);
    const texts = stub
      .log(granted)
      .split("\n")
      .slice(0, -1)
      .map((record) => record.slice(record.indexOf("stdout") + 9));
    expect(Math.max(...texts.map((text) => Buffer.byteLength(text)))).toBe(16 * 1024);
    expectComplete(stub, granted);
  });

  it("replaces what is not text, and keeps characters that arrive in halves", async () => {
    const { stub } = await startTestRunner();
    const granted = task(`printf 'a\\377b\\000c\\n'; printf '\\303'; sleep 0.05; printf '\\251\\n'`);
    await runTask({ stub }, granted);
    expect(stub.lines(granted, "stdout")).toEqual(["a\uFFFDb\uFFFDc", "é"]);
    expectComplete(stub, granted);
  });

  it("of much output stays within the request limits and arrives whole", async () => {
    const { stub } = await startTestRunner();
    // Control characters are six times as long in JSON.
    const noisy = task(node('for (let i = 0; i < 300; i++) console.log("\\x1b".repeat(1000))'));
    const plain = task(node('for (let i = 0; i < 40000; i++) console.log("line " + i)'));
    stub.offer(noisy, plain);
    await until("both ended", () => [noisy, plain].every((one) => stub.outcome(one) === "SUCCEEDED"));
    await until("both logs", () =>
      [noisy, plain].every((one) => stub.logBytes(one) === stub.finished(one)?.logLength),
    );
    for (const granted of [noisy, plain]) expectComplete(stub, granted);
    const requests = stub.bodySizes.filter(({ field }) => field === "appendLogs");
    expect(Math.max(...requests.map(({ bytes }) => bytes))).toBeLessThan(MAX_BODY_BYTES);
    expect(Math.max(...stub.appends.map(({ data }) => Buffer.byteLength(data)))).toBeLessThanOrEqual(
      128 * 1024,
    );
    expect(stub.appends.every(({ data }) => data.endsWith("\n"))).toBe(true);
  });

  it("goes on where the server stands after lost requests, lost answers and a lost tail", async () => {
    const { stub } = await startTestRunner();
    const granted = task("seq 1 500; sleep 0.3; seq 501 1000; sleep 0.3; seq 1001 1500");
    const key = `${granted.stepRunId}#1`;
    let cutInside = false;
    stub.once("appendLogs", {});
    stub.once("appendLogs", "DROP_ANSWER");
    stub.once("appendLogs", "CUT");
    stub.once("appendLogs", "CUT");
    stub.once("appendLogs", {
      // The server lost the end of what it had stored without confirming it, back to a place inside of that.
      before: () => {
        const log = stub.logs.get(key)!;
        const confirmed = stub.appends[0]!.data.length;
        const place = log.indexOf("\n", Math.floor((confirmed + log.length) / 2)) + 1;
        cutInside = confirmed < place && place < log.length;
        stub.logs.set(key, log.subarray(0, place));
      },
    });
    await runTask({ stub }, granted);
    expect(cutInside).toBe(true);
    expect(stub.lines(granted, "stdout")).toEqual(Array.from({ length: 1500 }, (_, index) => `${index + 1}`));
    expectComplete(stub, granted);
  });

  it("does not delay the report of the end, and is completed after it", async () => {
    const { stub } = await startTestRunner();
    let open = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    stub.always("appendLogs", { before: () => gate });
    const granted = task("echo hello");
    stub.offer(granted);
    await until("the report", () => stub.outcome(granted) === "SUCCEEDED");
    expect(stub.log(granted)).toBe("");
    open();
    await until("the log", () => stub.logBytes(granted) === stub.finished(granted)?.logLength);
    expectComplete(stub, granted);
  });

  it("that the server does not take holds the step back, and lets it go on afterwards", async () => {
    const { stub, workDirectory } = await startTestRunner();
    stub.always("appendLogs", "CUT");
    const script = `
      const { writeSync, writeFileSync } = require("node:fs");
      const line = Buffer.from("y".repeat(1023) + "\\n");
      for (let i = 0; i < 12 * 1024; i++) { writeSync(1, line); if (i % 64 === 0) writeFileSync("written", String(i)); }
    `;
    const granted = task(`${node(script)}`, { timeoutMs: 30_000 });
    stub.offer(granted);
    const file = join(workspaceOf(workDirectory, granted), "written");
    await until("four MiB are written", () => existsSync(file) && readNumber(file) >= 4_000);
    const seen: number[] = [];
    await until("it writes no more", () => seen.push(readNumber(file)) > 60 && seen.at(-1) === seen.at(-40));
    expect(seen.at(-1)).toBeLessThan(6 * 1024);
    stub.always("appendLogs", null);
    await until("the end", () => stub.outcome(granted) === "SUCCEEDED", 20_000);
    await until("the log", () => stub.logBytes(granted) === stub.finished(granted)?.logLength, 20_000);
    expectComplete(stub, granted);
  }, 40_000);

  it("that the server has sealed, or will not take, holds nothing back", async () => {
    const stub = await startStub();
    const sealed = task(node('process.stdout.write(("z".repeat(1023) + "\\n").repeat(10 * 1024))'));
    const refused = task(node('process.stdout.write(("z".repeat(1023) + "\\n").repeat(10 * 1024))'));
    stub.logOutcomes.set(`${sealed.stepRunId}#1`, "SEALED");
    stub.logOutcomes.set(`${refused.stepRunId}#1`, "MISMATCH");
    stub.offer(sealed, refused);
    const { logger } = await startTestRunner({}, stub);
    await until("both ended", () => [sealed, refused].every((one) => stub.outcome(one) === "SUCCEEDED"));
    expect(stub.finished(sealed)!.logLength).toBeGreaterThan(10 * 1024 * 1024);
    expect(logger.lines.filter((line) => line.includes("stays incomplete"))).toHaveLength(1);
  });
});

function readNumber(file: string): number {
  return Number(readFileSync(file, "utf8") || "0");
}
