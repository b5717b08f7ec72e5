import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runBulkOperations } from "../../src/duties/run-bulk-operations.ts";
import { Subscription } from "../api/sockets.ts";
import { HEAD, type Position, START } from "../api/streams.ts";
import { startProtocolRunner } from "../support/protocol-runner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { deploy, trigger } from "../support/workflows.ts";
import { FLOW, keysOf, startSuite, testsOf, workOffSuite } from "../tests/suite.ts";

const TESTS = `subscription ($id: ID!, $after: StreamPosition!) { testRunsChanged(stepRunId: $id, after: $after) {
  __typename cursor ... on TestRunsChanged { seq testRuns { id key status } } } }`;
const BULK = `subscription ($id: ID!, $after: StreamPosition!) { bulkOperationProgress(id: $id, after: $after) {
  __typename cursor ... on Reset { reason }
  ... on BulkOperationProgressed { bulkOperation { id status succeeded total progress } } } }`;

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ runDuties: false });
});
afterAll(async () => await server[Symbol.asyncDispose]());

const follow = (query: string, id: string, after: Position, token = server.adminToken) =>
  new Subscription(server.url, token, query, { id, after });

describe("the tests of a step", () => {
  interface Told {
    readonly id: string;
    readonly status: string;
  }
  /** The tests as somebody has them who was only told of changes. */
  const kept = (...streams: Subscription[]): Record<string, string> =>
    Object.fromEntries(
      streams
        .flatMap(({ messages }) => messages.flatMap(({ testRuns = [] }) => testRuns as Told[]))
        .map(({ id, status }) => [id, status]),
    );

  it("are told as they are found and executed, until the run is over", async () => {
    const suite = await startSuite(server.admin, await deploy(server.admin, FLOW("suite")));
    const runner = await startProtocolRunner(server, { queues: ["suite", "suite-ship"] });
    await using live = follow(TESTS, suite.step, START);
    await using unrelated = follow(TESTS, suite.run.steps["ship"]!, START);
    await live.until("CaughtUp");
    await workOffSuite(runner, keysOf(30), () => ({ status: "PASSED" }));
    await runner.workOff();
    const messages = await live.all();
    const wanted = Object.fromEntries((await testsOf(suite)).map(({ id, status }) => [id, status]));
    expect(kept(live)).toEqual(wanted);
    expect(Object.keys(wanted)).toHaveLength(30);
    expect((await unrelated.all()).map(({ __typename }) => __typename)).toEqual(["CaughtUp"]);

    await using replayed = follow(TESTS, suite.step, { cursor: messages[10]!.cursor });
    const seqs = (stream: Subscription) =>
      stream.messages.flatMap(({ seq }) => (seq === undefined ? [] : [seq]));
    await replayed.all();
    expect(seqs(replayed)).toEqual(seqs(live).filter((seq) => seq > messages[10]!["seq"]));
  });

  it("are those of a step that the viewer may read", async () => {
    const { step } = await startSuite(server.admin, await deploy(server.admin, FLOW("hidden")));
    await using refused = follow(TESTS, step, HEAD, await server.tokenWith("other", "PROJECT_ADMIN"));
    expect((await refused.refusal())[0]!.extensions.code).toBe("NOT_FOUND");
  });
});

describe("a bulk operation", () => {
  async function start(count: number): Promise<string> {
    const source = `name: bulk-${count}\nstages: [{ name: a, steps: [{ ref: x, run: "true" }] }]\n`;
    const workflowId = await deploy(server.admin, source);
    for (let i = 0; i < count; i++) await trigger(server.admin, workflowId);
    const text = `mutation ($id: ID!) { cancelWorkflowRuns(input: { runs: { workflowId: $id } }) { operation { id } userErrors { message } } }`;
    const answer = (await server.admin.request(text, { id: workflowId })) as {
      cancelWorkflowRuns: { operation: { id: string } };
    };
    return answer.cancelWorkflowRuns.operation.id;
  }

  it("is told of while it moves, up to its end", async () => {
    const id = await start(101);
    await using stream = follow(BULK, id, START);
    await using late = follow(BULK, id, HEAD);
    await Promise.all([stream.until("CaughtUp"), late.until("CaughtUp")]);
    expect(stream.types).toEqual(["BulkOperationProgressed", "CaughtUp"]);
    await runBulkOperations.run(server.app.engine);
    const messages = await stream.all();
    expect(messages.at(-1)).toMatchObject({
      bulkOperation: { status: "COMPLETED", succeeded: 101, progress: 100 },
    });
    expect((await late.all()).map(({ __typename }) => __typename)[0]).toBe("CaughtUp");
    expect(late.messages.at(-1)).toMatchObject({ bulkOperation: { status: "COMPLETED" } });

    await using again = follow(BULK, id, { cursor: messages[0]!.cursor });
    expect((await again.all()).map(({ __typename }) => __typename)).toEqual([
      "BulkOperationProgressed",
      "CaughtUp",
    ]);
    await using over = follow(BULK, id, { cursor: messages.at(-1)!.cursor });
    expect((await over.all()).map(({ __typename }) => __typename)).toEqual(["CaughtUp"]);
  }, 60_000);

  it("is its maker's own, and so are its positions", async () => {
    const [id, other] = [await start(2), await start(3)];
    await using refused = follow(BULK, id, HEAD, await server.tokenWith("default", "PROJECT_ADMIN"));
    expect((await refused.refusal())[0]!.extensions.code).toBe("NOT_FOUND");
    await using stream = follow(BULK, id, START);
    await using wrong = follow(BULK, other, { cursor: (await stream.all()).at(-1)!.cursor });
    expect((await wrong.refusal())[0]!.extensions.code).toBe("INVALID_CURSOR");
  });
});
