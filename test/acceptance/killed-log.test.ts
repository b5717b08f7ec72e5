import { crc32 } from "node:zlib";
import { afterAll, beforeAll, expect, it } from "vitest";
import { placeOf } from "../../src/domain/ids.ts";
import { sweepSessions } from "../../src/duties/sweep-sessions.ts";
import { followLogs, type Position, START } from "../api/streams.ts";
import { RealRunner } from "../e2e/real-runner.ts";
import { readRun, startRun } from "../e2e/workflows.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { waitFor } from "../support/wait-for.ts";
import { scaled } from "./scale.ts";

const LINES = scaled(2_000_000);
/** 100 bytes with its newline: 2,000,000 of them are the 200 MB that the command writes. */
const FORMAT = `%09.0f ${"x".repeat(89)}`;
const PATIENCE = { timeoutMs: 300_000, everyMs: 20 };

let server: TestServer;
let runner: RealRunner;
const clock = new ManualClock();

beforeAll(async () => {
  server = await startTestServer({ clock });
  runner = new RealRunner(server.url, await server.runnerToken());
});
afterAll(async () => {
  await runner[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

it(`keeps every acknowledged byte of a log of ${LINES} lines whose runner is killed half-way`, async () => {
  // The first attempt stays half-way until its runner is killed; the second one writes all of it.
  const run = await startRun(
    server.admin,
    `name: long-log
stages: [{ name: one, steps: [{ ref: long, run: 'seq -f "${FORMAT}" 1 ${Math.floor(LINES / 2)}; [ "$RUNCAST_ATTEMPT" = 2 ] || sleep 600; seq -f "${FORMAT}" ${Math.floor(LINES / 2) + 1} ${LINES}' }] }]
`,
  );
  const step = (await readRun(server.admin, run)).steps.get("long")!.id;
  const stored = async (): Promise<number> => (await streams(step))[0]?.length ?? 0;
  await waitFor("a third of the log", async () => (await stored()) > LINES * 40, PATIENCE);
  await runner.kill();
  clock.advance(31_000);
  await sweepSessions.run(server.app.engine);
  runner.restart();

  const tail = tailOf(step, 2);
  const seen = await tail;
  const ended = await waitFor(
    "the end",
    async () => {
      const view = await readRun(server.admin, run);
      return view.status === "SUCCEEDED" && view;
    },
    PATIENCE,
  );
  expect(ended.steps.get("long")!.attempts).toMatchObject([{ status: "FAILED" }, { status: "SUCCEEDED" }]);

  const [first, second] = await streams(step);
  expect(await contentOf(step, 1)).toEqual({
    lines: first!.lineCount,
    bytes: first!.length,
    crc32: first!.crc32,
  });
  const whole = { lines: LINES, bytes: second!.length, crc32: second!.crc32 };
  expect(await contentOf(step, 2)).toEqual(whole);
  expect(second!.announced).toEqual({
    length: second!.length,
    crc32: second!.crc32.toString(16).padStart(8, "0"),
  });

  expect(seen.reconnects).toBe(2);
  expect(seen.numbers).toBe(LINES);
  expect(seen.end).toMatchObject({ finalOffset: second!.length, truncated: false, attempt: 2 });
}, 900_000);

interface Stream {
  readonly length: number;
  readonly lineCount: number;
  readonly crc32: number;
  readonly announced: { readonly length: number | null; readonly crc32: string | null } | null;
}

/** What the server says that it has taken, by attempt. */
async function streams(stepRunId: string): Promise<Stream[]> {
  const { runId, index } = placeOf("StepRun", stepRunId)!;
  const rows = await server.database.query<{
    length: number;
    line_count: number;
    crc32: string;
    log_length: number | null;
    log_crc32: string | null;
  }>(
    `select l.length, l.line_count, l.crc32, a.log_length, a.log_crc32
     from log_stream l left join step_attempt a using (run_id, step_idx, fence)
     where l.run_id = $1 and l.step_idx = $2 and l.part = 0 order by l.fence`,
    [runId, index],
  );
  return rows.map((row) => ({
    length: row.length,
    lineCount: row.line_count,
    crc32: Number(row.crc32),
    announced: { length: row.log_length, crc32: row.log_crc32 },
  }));
}

interface Content {
  readonly lines: number;
  readonly bytes: number;
  readonly crc32: number;
}

/** What is stored, as it is downloaded; every number must be there once, in order. */
async function contentOf(stepRunId: string, attempt: number): Promise<Content> {
  const response = await fetch(`${server.url}/steps/${stepRunId}/logs?attempt=${attempt}&format=raw`, {
    headers: { authorization: `Bearer ${server.adminToken}`, "accept-encoding": "identity" },
  });
  expect(response.status).toBe(200);
  const content = { lines: 0, bytes: 0, crc32: 0 };
  const numbers = new Numbers();
  let rest = "";
  for await (const chunk of response.body!) {
    content.bytes += chunk.length;
    content.crc32 = crc32(chunk, content.crc32);
    const lines = (rest + Buffer.from(chunk).toString("latin1")).split("\n");
    rest = lines.pop()!;
    content.lines += lines.length;
    for (const line of lines) if (/ stdout F /.test(line)) numbers.take(line.split(" ")[3]!);
  }
  expect(rest).toBe("");
  return content;
}

/** The command counts its lines: none may be missing, none there twice. */
class Numbers {
  last = 0;

  take(text: string): void {
    if (Number(text) !== this.last + 1) throw new Error(`${text} follows line ${this.last}`);
    this.last++;
  }
}

interface Tail {
  readonly reconnects: number;
  /** Lines of the command, each seen once. */
  readonly numbers: number;
  readonly end: unknown;
}

/** Follows a log to its end, and loses its connection at a third and at two thirds of it. */
async function tailOf(stepRunId: string, attempt: number): Promise<Tail> {
  const numbers = new Numbers();
  let after: Position = START;
  for (let reconnects = 0; ; reconnects++) {
    const breakAt = reconnects < 2 ? (LINES * (reconnects + 1)) / 3 : Number.POSITIVE_INFINITY;
    await using stream = followLogs(server, stepRunId, { attempt, after });
    let taken = 0;
    const end = await waitFor(
      "more of the log",
      () => {
        for (; taken < stream.messages.length && numbers.last < breakAt; taken++) {
          const message = stream.messages[taken]!;
          after = { cursor: message.cursor };
          if (message.__typename === "LogEnd") return message;
          for (const { stream, text } of message["lines"] ?? []) {
            if (stream === "stdout") numbers.take(text.split(" ")[0]);
          }
        }
        stream.messages.splice(0, taken);
        taken = 0;
        if (stream.problem !== null) throw new Error(`the stream broke: ${JSON.stringify(stream.problem)}`);
        return numbers.last >= breakAt ? "BREAK" : null;
      },
      PATIENCE,
    );
    if (end !== "BREAK") return { reconnects, numbers: numbers.last, end };
  }
}
