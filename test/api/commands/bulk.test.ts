import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startProtocolRunner } from "../../support/protocol-runner.ts";
import { startTestServer, type TestServer } from "../../support/server.ts";
import { deploy, trigger } from "../../support/workflows.ts";
import { makeToken } from "../accounts.ts";
import { carriedOut, type Payload, PLAIN, query } from "./commands.ts";

let server: TestServer;
/** Of somebody who may command the project `own` and read nothing else. */
let token: string;
let workflow: string;
/** A project that nobody here is a member of. */
let strange: string;
beforeAll(async () => {
  server = await startTestServer({ runDuties: false });
  token = await server.tokenWith("own", "PROJECT_SUPERUSER");
  await server.tokenWith("strange", "PROJECT_USER");
  workflow = await deploy(server.admin, PLAIN("own"), "own");
  strange = await deploy(server.admin, PLAIN("strange"), "strange");
});
afterAll(async () => await server[Symbol.asyncDispose]());

async function make(count: number, labels: object = {}, workflowId = workflow): Promise<string[]> {
  const runs: string[] = [];
  for (let i = 0; i < count; i++) runs.push((await trigger(server.admin, workflowId, { labels })).id);
  return runs;
}

const bulk = async (mutation: string, input: object, by = token): Promise<Payload> =>
  await carriedOut(server, mutation, input, by);
const outcomesOf = ({ items }: Payload): Record<string, string> =>
  Object.fromEntries(items.map((item: Payload) => [item.workflowRunId, item.outcome]));
const labelIs = (key: string, value: string) => ({ labels: [{ key, values: [value] }] });

async function statusOf(...ids: string[]): Promise<(string | null)[]> {
  const { nodes } = await query(
    server,
    `{ nodes(ids: ${JSON.stringify(ids)}) { ... on WorkflowRun { status } } }`,
  );
  return nodes.map((node: { status: string } | null) => node?.status ?? null);
}

describe("a command to runs by their ids", () => {
  it("tells every one its outcome", async () => {
    const [open, canceled, finished, foreign] = [...(await make(3)), ...(await make(1, {}, strange))] as [
      string,
      string,
      string,
      string,
    ];
    await bulk("cancelWorkflowRun", { workflowRunId: canceled });
    for (const ref of ["x", "after", "ok", "ext"]) {
      await bulk("skipStepRun", { step: { ref: { workflowRunId: finished, stepRef: ref } } });
    }
    const busy = await deploy(
      server.admin,
      `name: busy\nstages: [{ name: a, steps: [{ ref: x, run: "true" }] }]\n`,
      "own",
    );
    const running = (await trigger(server.admin, busy)).id;
    const runner = await startProtocolRunner(server);
    await runner.start(await runner.claimOne());

    const ids = [open, canceled, finished, foreign, "run_none", running, open];
    const payload = await bulk("cancelWorkflowRuns", { runs: { ids }, reason: "enough" });
    expect(outcomesOf(payload)).toEqual({
      [open]: "CANCELED",
      [canceled]: "ALREADY_CANCELED",
      [finished]: "ALREADY_COMPLETED",
      [foreign]: "NOT_FOUND",
      run_none: "NOT_FOUND",
      [running]: "CANCELING",
    });
    expect(payload).toMatchObject({ total: 6, canceledCount: 2, failedCount: 4 });
    expect(await statusOf(open, running, foreign)).toEqual(["CANCELED", "CANCELING", "RUNNING"]);

    const replayed = await bulk("replayWorkflowRuns", { runs: { ids: [canceled, running, foreign] } });
    expect(outcomesOf(replayed)).toEqual({
      [canceled]: "REPLAYED",
      [running]: "NOT_ELIGIBLE",
      [foreign]: "NOT_FOUND",
    });
    expect(replayed).toMatchObject({ replayedCount: 1, failedCount: 2 });
    const [item] = replayed.items;
    expect(item.originalRun.id).toBe(canceled);
    const { node } = await query(
      server,
      `{ node(id: "${item.newRun.id}") { ... on WorkflowRun { retryOf { id } } } }`,
    );
    expect(node.retryOf.id).toBe(canceled);

    const retried = await bulk("retryWorkflowRuns", { runs: { ids: [canceled, finished] } });
    // Nothing failed in a run whose steps were skipped.
    expect(outcomesOf(retried)).toEqual({ [canceled]: "REPLAYED", [finished]: "NOT_ELIGIBLE" });
    expect(retried).toMatchObject({ retriedCount: 1, failedCount: 1 });

    const labeled = await bulk("setWorkflowRunsLabels", {
      runs: { ids: [open, foreign] },
      labels: { a: "b" },
    });
    expect(outcomesOf(labeled)).toEqual({ [open]: "LABELED", [foreign]: "NOT_FOUND" });

    const deleted = await bulk("deleteWorkflowRuns", { runs: { ids: [open, running, foreign] } });
    expect(outcomesOf(deleted)).toEqual({
      [open]: "DELETED",
      [running]: "NOT_ELIGIBLE",
      [foreign]: "NOT_FOUND",
    });
    expect(deleted).toMatchObject({ deletedCount: 1, failedCount: 2 });
    const forced = await bulk("deleteWorkflowRuns", { runs: { ids: [running] }, force: true });
    expect(outcomesOf(forced)).toEqual({ [running]: "DELETED" });
    expect(await statusOf(open, running, foreign)).toEqual([null, null, "RUNNING"]);
  });

  it("is forbidden run by run to who may only read", async () => {
    const user = await makeToken(server, {
      username: "reader",
      member: { project: "own", role: "PROJECT_USER" },
    });
    const ids = await make(1);
    for (const [mutation, more] of [
      ["cancelWorkflowRuns", {}],
      ["replayWorkflowRuns", {}],
      ["retryWorkflowRuns", {}],
      ["deleteWorkflowRuns", { force: true }],
      ["setWorkflowRunsLabels", { labels: { a: "b" } }],
    ] as const) {
      const payload = await bulk(mutation, { runs: { ids }, ...more }, user);
      expect([mutation, outcomesOf(payload)]).toEqual([mutation, { [ids[0]!]: "FORBIDDEN" }]);
    }
    expect(await statusOf(ids[0]!)).toEqual(["RUNNING"]);
  });

  it("may be about none", async () => {
    const payload = await bulk("cancelWorkflowRuns", { runs: { ids: [] } });
    expect(payload).toMatchObject({ items: [], total: 0, operation: { status: "COMPLETED", progress: 100 } });
  });
});

describe("a command to runs by their workflow", () => {
  it("is about those that it can be done to", async () => {
    const id = await deploy(server.admin, PLAIN("by-workflow"), "own");
    const runs = await make(3, {}, id);
    await bulk("cancelWorkflowRun", { workflowRunId: runs[0]! });
    const canceled = await bulk("cancelWorkflowRuns", { runs: { workflowId: id } });
    expect(outcomesOf(canceled)).toEqual({ [runs[1]!]: "CANCELED", [runs[2]!]: "CANCELED" });
    const open = (await make(1, {}, id))[0]!;
    const replayed = await bulk("replayWorkflowRuns", { runs: { workflowId: id } });
    expect(Object.keys(outcomesOf(replayed)).sort()).toEqual([...runs].sort());
    expect(replayed).toMatchObject({ replayedCount: 3, failedCount: 0 });
    const deleted = await bulk("deleteWorkflowRuns", { runs: { workflowId: id } });
    expect(Object.keys(outcomesOf(deleted)).sort()).toEqual([...runs].sort());
    expect(await statusOf(open)).toEqual(["RUNNING"]);
  });
});

describe("a command to runs by a filter", () => {
  it("never touches projects that its caller cannot see", async () => {
    const labels = { shared: "yes" };
    const mine = await make(2, labels);
    const foreign = await make(2, labels, strange);
    const runs = { filter: labelIs("shared", "yes") };
    for (const mutation of ["cancelWorkflowRuns", "replayWorkflowRuns", "retryWorkflowRuns"]) {
      const payload = await bulk(mutation, { runs });
      expect(Object.keys(outcomesOf(payload))).not.toContain(foreign[0]);
    }
    const everything = await bulk("deleteWorkflowRuns", { runs: { filter: {} }, force: true });
    expect(outcomesOf(everything)).toMatchObject({ [mine[0]!]: "DELETED", [mine[1]!]: "DELETED" });
    expect(await statusOf(...foreign)).toEqual(["RUNNING", "RUNNING"]);
    const { workflowRuns } = await query(server, `{ workflowRuns(projectId: "own") { nodes { id } } }`);
    expect(workflowRuns.nodes).toEqual([]);
  });

  it("refuses a filter that is no filter", async () => {
    const { body } = await server.post(
      {
        query: `mutation { cancelWorkflowRuns(input: { runs: { filter: { commit: "abc" } } }) { total } }`,
      },
      { token },
    );
    expect(body.errors).toMatchObject([{ extensions: { code: "BAD_USER_INPUT" } }]);
  });
});
