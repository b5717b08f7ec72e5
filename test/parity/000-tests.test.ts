/** Tests and logs of reference 000, with real commands. Its words here: test suite run -> test step, result -> status. */
import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeId } from "../../src/domain/ids.ts";
import { waitFor } from "../support/wait-for.ts";
import { type Answer, type Fields, RunningSystem, stepRef } from "./running-system.ts";
import { isAlive, type Scene } from "./scene.ts";

const LOGS = "logs { downloadUrl sizeBytes lineCount ended truncated expired }";
const TEST = `id key name status attempt message review { status comment } ${LOGS}
  attempts { number status exitCode ${LOGS} logLines(fromLine: 1, count: 10) { number stream text } }`;
const TESTS = `query ($id: ID!) { node(id: $id) { ... on StepRun { testRuns(first: 10) { nodes { ${TEST} } } } } }`;
const LOGGED_TESTS = `query ($id: ID!) { node(id: $id) { ... on StepRun { ${LOGS} testRuns(first: 10) { nodes { ${TEST} } } } } }`;
const ITEMS = "count items { outcome testRun { key status } }";

let system: RunningSystem;
beforeAll(async () => {
  system = await RunningSystem.start();
});
afterAll(async () => await system[Symbol.asyncDispose]());

/** A run of one test step. */
async function begin(test: Fields): Promise<Answer> {
  return await system.begin([[{ ref: "unit", type: "test", test }]]);
}

async function testsOf(runId: string): Promise<Answer[]> {
  const { steps } = await system.run(runId);
  return (await system.ask(TESTS, { id: steps.unit.id })).testRuns.nodes;
}

/** The tests with their whole logs and their step's: these are sent apart from the results, and may come after. */
async function loggedTestsOf(runId: string): Promise<Answer[]> {
  const { steps } = await system.run(runId);
  return await waitFor("all logs", async () => {
    const { logs, testRuns } = await system.ask(LOGGED_TESTS, { id: steps.unit.id });
    const ofTests = testRuns.nodes.flatMap(({ attempts }: Answer) =>
      attempts.map((attempt: Answer) => attempt.logs),
    );
    return [logs, ...ofTests].every(({ ended }) => ended) && testRuns.nodes;
  });
}

const briefly = (tests: Answer[]) => tests.map(({ key, status, attempt }) => [key, status, attempt]);

async function download(path: string, init: RequestInit = {}): Promise<Response> {
  const authorization = `Bearer ${system.server.adminToken}`;
  return await fetch(system.server.url + path, { ...init, headers: { authorization, ...init.headers } });
}

/** Tests a, b and c; b fails until it is mended. */
function mendable(scene: Scene): Fields {
  return {
    discover: "echo a; echo b; echo c",
    run: `case "$RUNCAST_TEST_ID" in b) [ -e ${scene.path("mended")} ] || { echo oops >&2; exit 3; };; esac; echo "fine $RUNCAST_TEST_ATTEMPT"`,
  };
}

describe("tests", () => {
  it("000: list tests; download logs of each, of their step and of the run", async () => {
    const { id } = await begin(mendable(system.scene()));
    expect(await system.ended(id)).toMatchObject({ status: "FAILED", statusReason: { code: "GATE" } });
    const tests = await loggedTestsOf(id);
    expect(briefly(tests)).toEqual([
      ["a", "PASSED", 1],
      ["b", "FAILED", 1],
      ["c", "PASSED", 1],
    ]);
    const [a, b] = tests;
    expect(b).toMatchObject({ message: "oops", attempts: [{ number: 1, status: "FAILED", exitCode: 3 }] });
    expect(a.attempts[0].logLines).toEqual([{ number: 1, stream: "stdout", text: "fine 1" }]);
    expect(a.logs).toMatchObject({ lineCount: 1, ended: true, truncated: false, expired: false });
    expect(a.logs.sizeBytes).toBe(a.attempts[0].logs.sizeBytes);
    expect(await (await fetch(b.logs.downloadUrl)).text()).toMatch(/^\S+Z stderr oops\n/);
    const path = `/test-runs/${a.id}/logs`;
    expect(await (await download(path)).text()).toMatch(/^\S+Z stdout fine 1\n$/);
    const raw = await download(`${path}?format=raw&attempt=1`, { headers: { range: "bytes=0-9" } });
    expect([raw.status, (await raw.text()).length]).toEqual([206, 10]);
    expect((await download(`${path}?attempt=2`)).status).toBe(404);
    expect((await fetch(system.server.url + path)).status).toBe(401);
    const { steps } = await system.run(id);
    const ofStep = await (await download(`/steps/${steps.unit.id}/logs`)).text();
    expect(ofStep).toContain("system discovered 3 tests\n");
    expect(ofStep).toContain("FAILED b: oops\n");
    expect(await (await download(`/runs/${id}/logs`)).text()).toContain(ofStep);
    const logs = await system.server.database.query<{ part: number; sealed: boolean }>(
      "select part, sealed from log_stream where run_id = $1 and part > 0 order by part",
      [decodeId(id)!.uuid],
    );
    expect(logs).toEqual([1, 2, 3].map((part) => ({ part, sealed: true })));
  });

  it("000: submit tests: suite, releases and configuration reach discovery and every test", async () => {
    const scene = system.scene();
    const tell = (name: string) =>
      `{ echo "$RUNCAST_TEST_SUITE|$RUNCAST_RELEASE_IDS|$(cat "$RUNCAST_TEST_CONFIGURATION")" ; } >> ${scene.path(name)}`;
    const { id } = await begin({ discover: `${tell("discovery")}; echo found`, run: tell("tests") });
    expect((await system.ended(id)).status).toBe("SUCCEEDED");
    const asked = {
      testSuite: "smoke",
      releaseIds: ["r1", "r2"],
      configuration: { browser: "x", retries: 2 },
    };
    const submit = async (more: Fields) => {
      await system.act("submitTests", { ...stepRef(id, "unit"), ...asked, ...more }, "stepRun { status }");
      expect((await system.ended(id)).status).toBe("SUCCEEDED");
    };
    await submit({ tests: [{ key: "chosen", name: "A chosen one" }] });
    const told = `smoke|r1,r2|${JSON.stringify(asked.configuration)}`;
    expect([scene.lines("discovery"), scene.lines("tests")]).toEqual([["||{}"], ["||{}", told]]);
    await submit({});
    expect(scene.lines("discovery")).toEqual(["||{}", told]);
    expect(scene.lines("tests").slice(2)).not.toContain("||{}");
    expect((await testsOf(id)).map(({ name }) => name)).toContain("A chosen one");
  });

  it("000: rerun a test: the others keep their results, its first execution keeps its log", async () => {
    const scene = system.scene();
    const { id } = await begin(mendable(scene));
    await system.ended(id);
    writeFileSync(scene.path("mended"), "");
    const [, b] = await testsOf(id);
    expect(await system.act("rerunTestRuns", { tests: { ids: [b.id] } }, ITEMS)).toMatchObject({
      count: 1,
      items: [{ outcome: "DONE", testRun: { key: "b" } }],
    });
    expect((await system.ended(id)).status).toBe("SUCCEEDED");
    const tests = await loggedTestsOf(id);
    expect(briefly(tests)).toEqual([
      ["a", "PASSED", 1],
      ["b", "PASSED", 2],
      ["c", "PASSED", 1],
    ]);
    const lines = tests[1].attempts.map(({ logLines }: Answer) => logLines[0].text);
    expect(lines).toEqual(["oops", "fine 2"]);
    const log = async (query: string) => await (await download(`/test-runs/${b.id}/logs${query}`)).text();
    expect(await log("?attempt=1")).toMatch(/^\S+Z stderr oops\n/);
    expect(await log("")).toMatch(/^\S+Z stdout fine 2\n$/);
  });

  it("000: abort a test: its processes are gone, the other one goes on", async () => {
    const scene = system.scene();
    const held = (ref: string) =>
      `if [ "$RUNCAST_TEST_ID" = ${ref} ]; then ${scene.heldStep(ref)["run"]}\nfi`;
    const { id } = await begin({
      discover: "echo a; echo b",
      parallel: 2,
      run: `${held("a")}\n${held("b")}`,
    });
    const [gone, kept] = [await scene.processesOf("a"), await scene.processesOf("b")];
    const [a] = await testsOf(id);
    await system.act("abortTestRuns", { tests: { ids: [a.id] }, reason: "too long" }, ITEMS);
    await waitFor("the end of a", async () => (await testsOf(id))[0].status === "CANCELED");
    expect(gone.map(isAlive)).toEqual([false, false]);
    expect(kept.map(isAlive)).toEqual([true, true]);
    scene.open("b");
    expect(await system.ended(id)).toMatchObject({ status: "FAILED", statusReason: { code: "GATE" } });
    expect(briefly(await testsOf(id))).toEqual([
      ["a", "CANCELED", 1],
      ["b", "PASSED", 1],
    ]);
  });

  it("000: review tests: a waiver lets the step pass, a rejection fails it", async () => {
    const { id } = await begin(mendable(system.scene()));
    await system.ended(id);
    const [a, b] = await testsOf(id);
    const review = async (test: Answer, status: string) =>
      await system.act("reviewTestRuns", { tests: { ids: [test.id] }, status, comment: "seen" }, ITEMS);
    await review(b, "WAIVED");
    expect((await system.run(id)).status).toBe("SUCCEEDED");
    await review(a, "REJECTED");
    expect((await system.run(id)).status).toBe("FAILED");
    const reviews = (await testsOf(id)).map(({ review }) => review);
    expect(reviews).toEqual([
      { status: "REJECTED", comment: "seen" },
      { status: "WAIVED", comment: "seen" },
      null,
    ]);
  });

  it("000: rediscover tests: new ones are executed, the others are not", async () => {
    const scene = system.scene();
    writeFileSync(scene.path("list"), "a\n");
    const { id } = await begin({
      discover: `cat ${scene.path("list")}`,
      run: `echo "$RUNCAST_TEST_ID" >> ${scene.path("ran")}`,
    });
    expect((await system.ended(id)).status).toBe("SUCCEEDED");
    writeFileSync(scene.path("list"), "a\nb\n");
    await system.act("rediscoverTests", stepRef(id, "unit"), "stepRun { status }");
    expect((await system.ended(id)).status).toBe("SUCCEEDED");
    expect(scene.lines("ran")).toEqual(["a", "b"]);
    expect(briefly(await testsOf(id))).toEqual([
      ["a", "PASSED", 1],
      ["b", "PASSED", 1],
    ]);
  });
});

describe("logs", () => {
  it("000: upload logs to a run, in a form and by PUT, and download them", async () => {
    const { id } = await system.begin([[{ ref: "only", run: "echo said" }]]);
    await system.ended(id);
    const query = `mutation ($input: UploadRunLogsInput!) { uploadRunLogs(input: $input) {
      logFiles { name sizeBytes downloadUrl } userErrors { code } } }`;
    const form = new FormData();
    const variables = { input: { workflowRunId: id, files: [null] } };
    form.append("operations", JSON.stringify({ query, variables }));
    form.append("map", JSON.stringify({ 0: ["variables.input.files.0"] }));
    form.append("0", new Blob(["of the form\n"]), "form.log");
    const headers = { "apollo-require-preflight": "1" };
    const { data } = (await (
      await download("/graphql", { method: "POST", headers, body: form })
    ).json()) as Answer;
    const [file] = data.uploadRunLogs.logFiles;
    expect(file).toMatchObject({ name: "form.log", sizeBytes: 12 });
    expect(await (await fetch(file.downloadUrl)).text()).toBe("of the form\n");
    const put = await download(`/runs/${id}/log-files/put.log`, { method: "PUT", body: "of the put\n" });
    expect([put.status, await put.json()]).toEqual([
      201,
      { logFileId: expect.any(String), name: "put.log", sizeBytes: 11 },
    ]);
    const whole = await (await download(`/runs/${id}/logs`)).text();
    expect(whole).toMatch(/Z stdout said\n/);
    for (const part of ["=== file form.log ===\nof the form\n", "=== file put.log ===\nof the put\n"]) {
      expect(whole).toContain(part);
    }
  });
});
