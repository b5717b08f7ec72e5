import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { extract } from "tar-stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expireArtifacts } from "../../src/duties/expire-artifacts.ts";
import { purgeRuns } from "../../src/duties/purge-runs.ts";
import { sweepBlobs } from "../../src/duties/sweep-blobs.ts";
import { FolderStore } from "../../src/storage/folder-store.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { type ProtocolRunner, type ProtocolTask, startProtocolRunner } from "../support/protocol-runner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { deploy, trigger } from "../support/workflows.ts";
import { cutUpload, hugeUpload, sha256, upload, uploadUrl } from "./uploads.ts";

const MAX_BYTES = 1024 * 1024;
const FLOW = `name: keeper
stages: [{ name: a, steps: [{ ref: make, run: "true", artifacts: [dist/**] }, { ref: other, run: "true" }] }]
`;
const ARTIFACTS = `artifacts(first: 10) { totalCount { value } pageInfo { endCursor }
  nodes { id path sizeBytes sha256 attempt downloadUrl stepRun { stepRef } } }`;

const LONG = "x".repeat(1_025);
const HOSTILE = ["../x", "a/../../x", "/etc/passwd", "C:/x", "a\\..\\b", "a\0b", "a//b", "./a", "", LONG];

const files = mkdtempSync(join(tmpdir(), "runcast-artifacts-"));
const clock = new ManualClock();
let server: TestServer;
let runner: ProtocolRunner;
let workflowId: string;
beforeAll(async () => {
  server = await startTestServer({ clock, runDuties: false, filesDir: files, maxArtifactBytes: MAX_BYTES });
  runner = await startProtocolRunner(server);
  workflowId = await deploy(server.admin, FLOW);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(files, { recursive: true, force: true });
});

/** A run whose first step is executing. */
async function begin(): Promise<{ runId: string; task: ProtocolTask }> {
  const { id } = await trigger(server.admin, workflowId);
  await runner.heartbeat();
  const tasks = await runner.claim({ max: 2 });
  const task = tasks.find(({ stepRef }) => stepRef === "make")!;
  const other = tasks.find(({ stepRef }) => stepRef === "other")!;
  await runner.start(task, other);
  await runner.finish(other, "SUCCEEDED");
  return { runId: id, task };
}

const send = async (task: ProtocolTask, path: string, content: string, given = {}) =>
  await upload(server, runner, task, path, content, given);

// biome-ignore lint/suspicious/noExplicitAny: answers of every shape
async function ask(query: string, variables = {}): Promise<any> {
  const { body } = await server.post({ query, variables });
  expect(body.errors).toBeUndefined();
  return Object.values(body.data)[0];
}

const artifactsOf = async (id: string) =>
  (await ask(`query ($id: ID!) { workflowRun(id: $id) { ${ARTIFACTS} } }`, { id })).artifacts;

/** Every file of the store, whether a row names it or not. */
const stored = (): string[] =>
  readdirSync(files, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);

describe("an upload", () => {
  it("is listed, announced, and downloaded as it was sent, in parts too", async () => {
    const { runId, task } = await begin();
    expect(await send(task, "dist/app.js", "content")).toMatchObject({ status: 200 });
    const [node] = (await artifactsOf(runId)).nodes;
    expect(node).toMatchObject({
      path: "dist/app.js",
      sizeBytes: 7,
      attempt: 1,
      stepRun: { stepRef: "make" },
    });
    expect(node.sha256).toBe(sha256("content"));
    expect(await ask(`{ node(id: "${node.id}") { __typename id } }`)).toEqual({
      __typename: "Artifact",
      id: node.id,
    });
    const whole = await fetch(node.downloadUrl);
    expect(await whole.text()).toBe("content");
    expect(Object.fromEntries(whole.headers)).toMatchObject({
      "content-type": "application/octet-stream",
      "x-content-type-options": "nosniff",
      "content-disposition": 'attachment; filename="app.js"',
      etag: `"${sha256("content")}"`,
    });
    const ranged = async (range: string) => {
      const response = await fetch(node.downloadUrl, { headers: { range } });
      return [response.status, response.headers.get("content-range"), await response.text()];
    };
    expect(await ranged("bytes=1-3")).toEqual([206, "bytes 1-3/7", "ont"]);
    expect(await ranged("bytes=-2")).toEqual([206, "bytes 5-6/7", "nt"]);
    expect((await ranged("bytes=7-")).slice(0, 2)).toEqual([416, "bytes */7"]);
    const events = await ask(
      `query ($id: ID!) { workflowRun(id: $id) { events(first: 100) { seq __typename ... on ArtifactAdded {
        path sizeBytes attempt artifact { id } stepRun { stepRef } } } } }`,
      { id: runId },
    );
    // biome-ignore lint/suspicious/noExplicitAny: answers of every shape
    const told = events.events.filter((event: any) => event.__typename === "ArtifactAdded");
    expect(told).toMatchObject([
      { path: "dist/app.js", artifact: { id: node.id }, stepRun: { stepRef: "make" } },
    ]);
    // biome-ignore lint/suspicious/noExplicitAny: answers of every shape
    expect(events.events.map(({ seq }: any) => seq)).toEqual(
      events.events.map((_: unknown, i: number) => i + 1),
    );
  });

  it("that is sent again is the same artifact, and another file of that name is refused", async () => {
    const { runId, task } = await begin();
    const first = await send(task, "a", "one");
    expect(await send(task, "a", "one")).toEqual(first);
    expect(await send(task, "a", "two")).toMatchObject({ status: 409 });
    expect((await artifactsOf(runId)).totalCount.value).toBe(1);
  });

  it("under a hostile name is refused", async () => {
    const { task, runId } = await begin();
    for (const path of HOSTILE) {
      expect({ path, ...(await send(task, path, "x")) }).toMatchObject({
        path,
        status: 400,
        code: "BAD_USER_INPUT",
      });
    }
    expect((await artifactsOf(runId)).nodes).toEqual([]);
  });

  it("of a foreign lease, an ended step or with somebody else's token is refused", async () => {
    const { task } = await begin();
    expect(await send(task, "a", "x", { fence: String(task.fence + 1) })).toMatchObject({ status: 404 });
    const other = await startProtocolRunner(server);
    expect(await upload(server, { ...runner, token: other.token }, task, "a", "x")).toMatchObject({
      status: 409,
    });
    expect(await upload(server, { ...runner, token: server.adminToken }, task, "a", "x")).toMatchObject({
      status: 403,
    });
    expect(await upload(server, { ...runner, token: "none" }, task, "a", "x")).toMatchObject({ status: 401 });
    await runner.finish(task, "SUCCEEDED");
    expect(await send(task, "a", "x")).toMatchObject({ status: 404 });
  });

  it("that is cut, or not what was announced, leaves nothing", async () => {
    const { runId, task } = await begin();
    const before = stored();
    const content = "x".repeat(500_000);
    await cutUpload(uploadUrl(server, runner, task, "cut", content), runner.token, content.length);
    expect(await send(task, "short", "xx", { size: "3" })).toMatchObject({ status: 400 });
    expect(await send(task, "long", "xxx", { size: "2" })).toMatchObject({ status: 400 });
    expect(await send(task, "other", "xxx", { sha256: sha256("yyy") })).toMatchObject({ status: 400 });
    // Whole, it is taken: the cut one is not in its way.
    expect(await send(task, "cut", content)).toMatchObject({ status: 200 });
    expect(stored()).toHaveLength(before.length + 1);
    expect((await artifactsOf(runId)).nodes).toHaveLength(1);
  });

  it("over the limit is refused before it is read", async () => {
    const { task } = await begin();
    const url = uploadUrl(server, runner, task, "huge", "", { size: String(2 * 1024 ** 3) });
    const { status, sent } = await hugeUpload(url, runner.token);
    expect(status).toBe(413);
    expect(sent).toBeLessThan(64 * 1024 ** 2);
  });
});

describe("permissions", () => {
  it("a link is for its file and its time, a token for its project", async () => {
    const { runId, task } = await begin();
    const { id } = await send(task, "a", "secret");
    const [{ downloadUrl }] = (await artifactsOf(runId)).nodes;
    const get = async (url: string, token?: string) =>
      (await fetch(url, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } })).status;
    const plain = `${server.url}/artifacts/${id}`;
    expect(await get(plain)).toBe(401);
    expect(await get(downloadUrl.replace(/artifact_.{10}/, "artifact_0000000000"))).toBe(401);
    expect(await get(plain, await server.tokenWith("default", "PROJECT_USER"))).toBe(200);
    expect(await get(plain, await server.tokenWith("elsewhere", "PROJECT_ADMIN"))).toBe(404);
    expect(await get(plain, runner.token)).toBe(404);
    expect(await get(downloadUrl)).toBe(200);
    clock.advance(6 * 60_000);
    expect(await get(downloadUrl)).toBe(401);
  });
});

describe("an archive", () => {
  it("holds every file of the step with its mode", async () => {
    runner = await startProtocolRunner(server);
    const { task } = await begin();
    await send(task, "bin/run", "#!", { executable: "true" });
    await send(task, "ä/long", "y".repeat(100_000));
    const query = `query ($id: ID!) { node(id: $id) { ... on StepRun { artifactsArchiveUrl } } }`;
    const { artifactsArchiveUrl } = await ask(query, { id: task.stepRunId });
    const response = await fetch(artifactsArchiveUrl);
    expect(response.headers.get("content-disposition")).toContain("make-artifacts.tar.gz");
    expect(await unpacked(Buffer.from(await response.arrayBuffer()))).toEqual({
      "bin/run": { mode: 0o755, size: 2 },
      "ä/long": { mode: 0o644, size: 100_000 },
    });
  });

  it("is not there without files", async () => {
    const { task } = await begin();
    const query = `query ($id: ID!) { node(id: $id) { ... on StepRun { artifactsArchiveUrl } } }`;
    expect((await ask(query, { id: task.stepRunId })).artifactsArchiveUrl).toBeNull();
  });
});

async function unpacked(archive: Buffer): Promise<Record<string, { mode: number; size: number }>> {
  const entries: Record<string, { mode: number; size: number }> = {};
  const reading = extract();
  reading.end(gunzipSync(archive));
  for await (const entry of reading) {
    let size = 0;
    for await (const chunk of entry) size += (chunk as Buffer).length;
    entries[entry.header.name] = { mode: entry.header.mode!, size };
  }
  return entries;
}

describe("the end of artifacts", () => {
  const run = async () => {
    const duties = [expireArtifacts(90 * 86_400_000), sweepBlobs(new FolderStore(files))];
    for (const duty of [purgeRuns, ...duties]) await duty.run(server.app.engine);
  };

  it("comes with the deletion of their run, and with their retention", async () => {
    const { runId, task } = await begin();
    await send(task, "gone", "x");
    await runner.finish(task, "SUCCEEDED");
    const count = stored().length;
    await ask(
      `mutation ($id: ID!) { deleteWorkflowRun(input: { workflowRunId: $id }) { userErrors { code } } }`,
      { id: runId },
    );
    await run();
    expect(stored()).toHaveLength(count - 1);
    clock.advance(91 * 86_400_000);
    await run();
    expect(stored()).toEqual([]);
  });
});
