import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ProtocolRunner, startProtocolRunner } from "../support/protocol-runner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { deploy } from "../support/workflows.ts";
import {
  type Answer,
  act,
  done,
  eventsOf,
  FLOW,
  keysOf,
  type Suite,
  startSuite,
  stateOf,
  testsOf,
  workOffSuite,
} from "./suite.ts";

const KEYS = [{ key: "always", suite: "s", name: "Always good" }, { key: "broken" }, { key: "mended" }];

let server: TestServer;
let workflow: string;
let runner: ProtocolRunner;
/** In the first `mended` and `old` fail; in the second `broken` does, and `new` is there. */
let first: Suite;
let second: Suite;
beforeAll(async () => {
  server = await startTestServer();
  workflow = await deploy(server.admin, FLOW("history"));
  runner = await startProtocolRunner(server, { queues: ["history"] });
  first = await suiteOf([...KEYS, { key: "old" }], ["mended", "old"]);
  second = await suiteOf([...KEYS, { key: "new" }], ["broken"]);
});
afterAll(async () => await server?.[Symbol.asyncDispose]());

const verdict = (failing: readonly string[]) => (key: string) => ({
  status: failing.includes(key) ? "FAILED" : "PASSED",
  durationMs: key.length * 10,
});

async function suiteOf(keys: readonly { key: string }[], failing: readonly string[]): Promise<Suite> {
  const suite = await startSuite(server.admin, workflow);
  await workOffSuite(runner, keys, verdict(failing));
  return suite;
}

async function ask(query: string, variables: object = {}): Promise<Answer> {
  return Object.values((await server.admin.request(query, variables)) as Answer)[0];
}

/** Every page of a list, until there is none. */
async function pages(read: (after: string | null) => Promise<Answer>): Promise<string[][]> {
  const found: string[][] = [];
  for (let after: string | null = null; ; ) {
    const { nodes, pageInfo } = await read(after);
    found.push(nodes.map(({ key }: Answer) => key));
    if (!pageInfo.hasNextPage) return found;
    after = pageInfo.endCursor;
  }
}

describe("a test over many runs", () => {
  it("has a history, the newest run first, in pages", async () => {
    const history = async (key: string, after: string | null, size: number) =>
      await ask(
        `query ($id: ID!, $key: String!, $after: String, $size: Int!) {
          testHistory(workflowId: $id, key: $key, first: $size, after: $after) {
            totalCount { value } nodes { key status regression workflowRun { id } } pageInfo { hasNextPage endCursor } } }`,
        { id: workflow, key, after, size },
      );
    expect(await history("mended", null, 10)).toMatchObject({
      totalCount: { value: 2 },
      nodes: [
        { status: "PASSED", regression: "FIXED", workflowRun: { id: second.run.id } },
        { status: "FAILED", regression: "NEW", workflowRun: { id: first.run.id } },
      ],
    });
    expect(await pages((after) => history("broken", after, 1))).toEqual([["broken"], ["broken"]]);
    expect((await history("unheard of", null, 10)).nodes).toEqual([]);
  });

  it("is found where it is slow, and where it is flaky", async () => {
    const SLOWEST = `query ($id: ID!, $since: DateTime) { slowestTests(workflowId: $id, first: 2, since: $since) {
      key runs failedRuns averageMs maxMs workflow { id } newest { workflowRun { id } } } }`;
    expect(await ask(SLOWEST, { id: workflow })).toEqual(
      [
        {
          key: expect.stringMatching(/^(always|broken|mended)$/),
          runs: 2,
          failedRuns: expect.any(Number),
          averageMs: 60,
          maxMs: 60,
          workflow: { id: workflow },
          newest: { workflowRun: { id: second.run.id } },
        },
        { key: expect.any(String), averageMs: 60 },
      ].map((row) => expect.objectContaining(row)),
    );
    const tomorrow = new Date(Date.now() + 24 * 60 * 60 * 1_000).toISOString();
    expect(await ask(SLOWEST, { id: workflow, since: tomorrow })).toEqual([]);

    const flaky = await deploy(server.admin, FLOW("history-flaky"));
    const other = await startProtocolRunner(server, { queues: ["history-flaky"] });
    const suite = await startSuite(server.admin, flaky);
    await workOffSuite(other, KEYS, verdict(["broken"]));
    await done(server.admin, "rerunTestRuns", {
      tests: { matching: { step: { id: suite.step }, filter: { onlyFailing: true } } },
    });
    await workOffSuite(other, KEYS, verdict([]));
    const FLAKY = "query ($id: ID!) { flakyTests(workflowId: $id) { key runs flakyRuns failedRuns } }";
    expect(await ask(FLAKY, { id: flaky })).toEqual([
      { key: "broken", runs: 1, flakyRuns: 1, failedRuns: 0 },
    ]);
    expect(await ask(FLAKY, { id: workflow })).toEqual([]);
  });

  it("is compared between two runs", async () => {
    const lists = ["newFailures", "fixed", "stillFailing", "added", "removed"]
      .map((name) => `${name} { key base { status } head { status } }`)
      .join(" ");
    const compared = await ask(
      `query ($base: ID!, $head: ID!) { compareWorkflowRuns(baseId: $base, headId: $head) { tests {
        ${lists}
        newFailureCount fixedCount stillFailingCount addedCount removedCount } } }`,
      { base: first.run.id, head: second.run.id },
    );
    expect(compared.tests).toEqual({
      newFailures: [{ key: "broken", base: { status: "PASSED" }, head: { status: "FAILED" } }],
      fixed: [{ key: "mended", base: { status: "FAILED" }, head: { status: "PASSED" } }],
      stillFailing: [],
      added: [{ key: "new", base: null, head: { status: "PASSED" } }],
      removed: [{ key: "old", base: { status: "FAILED" }, head: null }],
      newFailureCount: 1,
      fixedCount: 1,
      stillFailingCount: 0,
      addedCount: 1,
      removedCount: 1,
    });
  });

  it("tells runs that have failed tests from others", async () => {
    const good = await deploy(server.admin, FLOW("history-good"));
    const other = await startProtocolRunner(server, { queues: ["history-good"] });
    const suite = await startSuite(server.admin, good);
    await workOffSuite(other, KEYS, verdict([]));
    const RUNS = `query ($filter: WorkflowRunFilter) { workflowRuns(filter: $filter, first: 10) { nodes { id } } }`;
    const runs = async (hasFailedTests: boolean) => {
      const { nodes } = await ask(RUNS, { filter: { workflowIds: [workflow, good], hasFailedTests } });
      return nodes.map(({ id }: Answer) => id);
    };
    expect(await runs(true)).toEqual([second.run.id, first.run.id]);
    expect(await runs(false)).toEqual([suite.run.id]);
  });
});

describe("the tests of a step", () => {
  it("come in pages, in every order", async () => {
    const page = async (order: string, after: string | null) =>
      (
        await ask(
          `query ($id: ID!, $order: TestRunOrder!, $after: String) { node(id: $id) { ... on StepRun {
            testRuns(first: 3, after: $after, orderBy: $order) { nodes { key } pageInfo { hasNextPage endCursor } } } } }`,
          { id: second.step, order, after },
        )
      ).testRuns;
    expect(await pages((after) => page("ORDER", after))).toEqual([["always", "broken", "mended"], ["new"]]);
    expect(await pages((after) => page("STATUS", after))).toEqual([["always", "mended", "new"], ["broken"]]);
    expect((await pages((after) => page("DURATION", after))).flat().at(-1)).toBe("new");
  });

  it.each([
    ["status: [FAILED]", ["broken"]],
    ["status: []", []],
    ["onlyFailing: true", ["broken"]],
    ["regression: [FIXED]", ["mended"]],
    ['search: "ALWAYS G"', ["always"]],
    ['search: "e"', ["broken", "mended", "new"]],
    ['suite: "s"', ["always"]],
    ["review: [WAIVED]", []],
    ['status: [PASSED], search: "n"', ["mended", "new"]],
  ])("are found by %s", async (filter, keys) => {
    const found = await testsOf(second, `first: 10, filter: { ${filter} }`);
    expect(found.map(({ key }) => key)).toEqual(keys);
  });
});

describe("a command on tests", () => {
  it("is carried out once for one idempotency key, and not at all as a dry run", async () => {
    const suite = await suiteOf(KEYS, ["broken", "mended"]);
    const step = { id: suite.step };
    const [broken] = (await testsOf(suite, "first: 10, filter: { onlyFailing: true }")) as Answer[];
    const commands: [string, object][] = [
      ["reviewTestRuns", { tests: { ids: [broken.id] }, status: "APPROVED" }],
      ["rerunTestRuns", { tests: { ids: [broken.id] } }],
      ["abortTestRuns", { tests: { ids: [broken.id] } }],
      ["submitTests", { step, tests: keysOf(1) }],
      ["rediscoverTests", { step }],
    ];
    for (const [mutation, input] of commands) {
      const before = await eventsOf(server, suite);
      await done(server.admin, mutation, { ...input, dryRun: true });
      expect([mutation, await eventsOf(server, suite)]).toEqual([mutation, before]);
      const named = { ...input, idempotencyKey: `once-${mutation}` };
      const answer = await done(server.admin, mutation, named);
      const after = await eventsOf(server, suite);
      const state = await stateOf(suite);
      expect([mutation, await done(server.admin, mutation, named)]).toEqual([mutation, answer]);
      expect([mutation, await eventsOf(server, suite)]).toEqual([mutation, after]);
      expect(await stateOf(suite)).toEqual(state);
    }
    const [[mutation, input]] = commands as [[string, object]];
    const other = await act(server.admin, mutation, {
      ...input,
      status: "REJECTED",
      idempotencyKey: `once-${mutation}`,
    });
    expect(other.userErrors).toMatchObject([{ code: "IDEMPOTENCY_CONFLICT" }]);
  });
});
