import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { type ClientRequest, request } from "node:http";
import { join } from "node:path";
import { crc32, deflateRawSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type CliProcess, removeFolder, spawnCli, temporaryFolder } from "../cli/cli-process.ts";
import { RealRunner } from "../e2e/real-runner.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { waitFor } from "../support/wait-for.ts";
import { scaled } from "./scale.ts";

const MIB = 2 ** 20;
/** What the server takes of one file. */
const MAX_FILE = 50 * MIB;
const HUGE = scaled(2_048) * MIB;
/** For all that a server keeps of an upload: its own buffers and those of sockets, disk and garbage. */
const MOST_GROWTH = 160 * MIB;

/** The server as an operator runs it: what it takes of memory is its own. */
let server: { readonly url: string; readonly token: string; readonly pid: number; readonly files: string };
let database: TestDatabase;
let folder: string;
let serve: CliProcess;
let settings: Readonly<Record<string, string>>;
let run: { readonly id: string };

beforeAll(async () => {
  database = await createTestDatabase();
  folder = temporaryFolder();
  settings = { DATABASE_URL: database.url, RUNCAST_LOG_FORMAT: "json" };
  const token = await makeToken("--admin");
  serve = spawnCli(folder, ["serve"], settings);
  const [, url] = await serve.wrote(/"url":"(http[^"]+)"/);
  server = { url: url!, token, pid: serve.child.pid!, files: join(folder, "data", "files") };
  run = { id: await makeRun() };
});
afterAll(async () => {
  await serve?.kill();
  await database?.[Symbol.asyncDispose]();
  removeFolder(folder);
});

describe("uploads that mean no good", () => {
  let before: string[];
  beforeEach(() => {
    before = storedFiles();
  });

  const nothingKept = async (): Promise<void> => {
    expect(storedFiles()).toEqual(before);
    expect(await logFiles()).toEqual([]);
  };

  it("a gzip bomb", async () => {
    const bomb = gzipSync(Buffer.alloc(120 * MIB));
    const peak = await growthDuring(async () => {
      const answer = await put("bomb.log.gz", bomb);
      expect(answer.status).toBeGreaterThanOrEqual(413);
      expect(answer.body.errors[0].message).toMatch(/bytes|expand|ratio|inflate/);
    });
    expect(peak).toBeLessThan(MOST_GROWTH);
    await nothingKept();
  });

  it("a zip bomb", async () => {
    const answer = await put("bomb.zip", zipOf("zeros.log", Buffer.alloc(100 * MIB)));
    expect(answer.status).toBe(422);
    expect(answer.body.errors[0].message).toMatch(/zip/);
    await nothingKept();
  });

  it.each(["../escaped.log", "..", "a/b.log", "/etc/passwd", "nul\0.log"])("the name %j", async (name) => {
    const answer = await put(encodeURIComponent(name), Buffer.from("x\n"));
    expect([400, 404, 422]).toContain(answer.status);
    await nothingKept();
  });

  it("a file over the limit that says so: refused before it is read", async () => {
    const upload = startPut("huge.log", { "content-length": String(HUGE) });
    const answer = await upload.answer;
    upload.request.destroy();
    expect(answer.status).toBe(413);
    await nothingKept();
  });

  it(`a file over the limit that does not say so (${HUGE / MIB} MiB)`, async () => {
    let answer: Answer | null = null;
    const peak = await growthDuring(async () => {
      const upload = startPut("huge.log", { "transfer-encoding": "chunked" });
      // Who goes on sending may find the connection closed before the answer is read.
      const answered = upload.answer.then(
        (given) => {
          answer = given;
        },
        () => undefined,
      );
      const chunk = Buffer.alloc(MIB, "x");
      for (let sent = 0; sent < HUGE && answer === null && !upload.request.destroyed; sent += MIB) {
        const drained = new Promise<void>((resolve) => upload.request.write(chunk, () => resolve()));
        await Promise.race([drained, answered]);
      }
      await answered;
      upload.request.destroy();
    });
    const refusal = answer as Answer | null;
    if (refusal !== null) {
      expect(refusal.status).toBe(413);
      expect(refusal.body.errors[0].message).toContain(String(MAX_FILE));
    }
    expect(peak).toBeLessThan(MOST_GROWTH);
    await nothingKept();
  });

  it("a report of tests that is an XML entity bomb", async () => {
    await using runner = new RealRunner(server.url, await makeToken("--runner"));
    const report = join(folder, "bomb.xml");
    writeFileSync(report, entityBomb());
    const step = `{ ref: bomb, type: test, test: { run: 'cp ${report} bomb.xml', report: "junit:*.xml" } }`;
    const peak = await growthDuring(async () => {
      const id = await makeRun(`name: bomb\nstages: [{ name: one, steps: [${step}] }]\n`);
      const ended = await waitFor("the end of the run", async () => {
        const { status, stepRuns } = await ask<RunWithSteps>(RUN_WITH_STEPS, { id });
        return status === "FAILED" && stepRuns.nodes[0];
      });
      expect(ended.error).toMatch(/bomb\.xml.*DOCTYPE/);
      expect(ended.testRunCounts.total).toBe(0);
    }, runner.pid);
    expect(peak).toBeLessThan(MOST_GROWTH);
  });

  it("an upload that is cut off shows nothing, and can be gone on with", async () => {
    const whole = Buffer.from(`${"a line\n".repeat(20_000)}`);
    const half = 70_000;
    const upload = startPut("cut.log", { "content-range": `bytes 0-${whole.length - 1}/${whole.length}` });
    await new Promise((sent) => upload.request.write(whole.subarray(0, half), sent));
    await waitFor("the first bytes in the store", () => storedFiles().length > before.length);
    upload.request.destroy();
    await upload.answer.catch(() => undefined);
    const offset = await waitFor("what is kept of it", async () => await offsetOf("cut.log"));
    expect(await logFiles()).toEqual([]);
    const rest = whole.subarray(offset);
    const answer = await put("cut.log", rest, {
      "content-range": `bytes ${offset}-${whole.length - 1}/${whole.length}`,
    });
    expect(answer.status).toBe(201);
    const [file] = await logFiles();
    expect(file).toMatchObject({ name: "cut.log", sizeBytes: whole.length });
    const stored = await fetch(new URL(file!.downloadUrl, server.url), {
      headers: { "accept-encoding": "identity" },
    });
    expect(Buffer.from(await stored.arrayBuffer()).equals(whole)).toBe(true);
  });
});

async function makeToken(kind: "--admin" | "--runner"): Promise<string> {
  const made = spawnCli(folder, ["token", kind], settings);
  expect(await made.exited).toBe(0);
  return made.output().trim().split("\n").at(-1)!;
}

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: answers of every shape
  readonly body: any;
}

interface Upload {
  readonly request: ClientRequest;
  readonly answer: Promise<Answer>;
}

/** A PUT whose body the test writes itself. */
function startPut(name: string, headers: Readonly<Record<string, string>>): Upload {
  const put = request(`${server.url}/runs/${run.id}/log-files/${name}`, {
    method: "PUT",
    headers: { authorization: `Bearer ${server.token}`, ...headers },
  });
  const answer = new Promise<Answer>((resolve, reject) => {
    put.on("error", reject);
    put.on("response", async (response) => {
      const text = await response.setEncoding("utf8").toArray();
      resolve({ status: response.statusCode!, body: JSON.parse(text.join("") || "null") });
    });
  });
  // Whoever destroys the request does not wait for its answer.
  answer.catch(() => undefined);
  put.flushHeaders();
  return { request: put, answer };
}

async function put(
  name: string,
  body: Buffer,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const upload = startPut(name, { "content-length": String(body.length), ...headers });
  upload.request.end(body);
  return await upload.answer;
}

async function offsetOf(name: string): Promise<number | null> {
  const response = await fetch(`${server.url}/runs/${run.id}/log-files/${name}`, {
    method: "HEAD",
    headers: { authorization: `Bearer ${server.token}` },
  });
  return response.status === 200 ? Number(response.headers.get("upload-offset")) : null;
}

async function ask<Result>(
  query: string,
  variables: Readonly<Record<string, unknown>> = {},
): Promise<Result> {
  const response = await fetch(`${server.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${server.token}` },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = (await response.json()) as { data: Record<string, Result>; errors?: unknown };
  expect(errors).toBeUndefined();
  return Object.values(data)[0]!;
}

interface RunWithSteps {
  readonly status: string;
  readonly stepRuns: {
    readonly nodes: { readonly error: string; readonly testRunCounts: { readonly total: number } }[];
  };
}

const RUN_WITH_STEPS = `query ($id: ID!) { workflowRun(id: $id) { status
  stepRuns(first: 1) { nodes { error testRunCounts { total } } } } }`;

/** Ten levels of ten references each: ten thousand million times the same three letters. */
function entityBomb(): string {
  const entities = Array.from({ length: 10 }, (_, i) => `<!ENTITY l${i + 1} "${`&l${i};`.repeat(10)}">`);
  return `<?xml version="1.0"?><!DOCTYPE b [<!ENTITY l0 "lol">${entities.join("")}]><testsuite name="&l10;"/>`;
}

const IDLE = "name: idle\nstages: [{ name: one, steps: [{ ref: idle, run: 'true', queue: nobody }] }]\n";

async function makeRun(source = IDLE): Promise<string> {
  const { workflow } = await ask<{ workflow: { id: string } }>(
    `mutation ($source: String!) { deployWorkflow(input: { projectId: "default", source: $source }) { workflow { id } } }`,
    { source },
  );
  const { workflowRun } = await ask<{ workflowRun: { id: string } }>(
    "mutation ($id: ID!) { triggerWorkflowRun(input: { workflowId: $id }) { workflowRun { id } } }",
    { id: workflow.id },
  );
  return workflowRun.id;
}

interface LogFile {
  readonly name: string;
  readonly sizeBytes: number;
  readonly downloadUrl: string;
}

async function logFiles(): Promise<LogFile[]> {
  const { logFiles } = await ask<{ logFiles: LogFile[] }>(
    "query ($id: ID!) { workflowRun(id: $id) { logFiles { name sizeBytes downloadUrl } } }",
    { id: run.id },
  );
  return logFiles;
}

/** Every file below the server's folder for files, unfinished ones included. */
function storedFiles(): string[] {
  if (!existsSync(server.files)) return [];
  const entries = readdirSync(server.files, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .sort();
}

/** By how much the memory of a process grew at its highest, in bytes: the kernel keeps the peak, and can forget it. */
async function growthDuring(work: () => Promise<void>, pid = server.pid): Promise<number> {
  const resident = (field: "VmHWM" | "VmRSS"): number => {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return 1_024 * Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)![1]);
  };
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
  const start = resident("VmRSS");
  await work();
  const growth = resident("VmHWM") - start;
  console.log(`peak: ${Math.round(growth / MIB)} MiB above its ${Math.round(start / MIB)} MiB`);
  return growth;
}

/** A zip archive of one file, by hand: no package is needed to make what is refused. */
function zipOf(name: string, content: Buffer): Buffer {
  const body = deflateRawSync(content);
  const head = Buffer.alloc(30);
  head.writeUInt32LE(0x04034b50, 0);
  head.writeUInt16LE(20, 4);
  head.writeUInt16LE(8, 8);
  head.writeUInt32LE(crc32(content), 14);
  head.writeUInt32LE(body.length, 18);
  head.writeUInt32LE(content.length, 22);
  head.writeUInt16LE(name.length, 26);
  return Buffer.concat([head, Buffer.from(name), body]);
}
