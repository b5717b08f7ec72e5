import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runBulkOperations } from "../../../src/duties/run-bulk-operations.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { startProtocolRunner } from "../../support/protocol-runner.ts";
import { startTestServer, type TestServer } from "../../support/server.ts";
import { deploy, trigger } from "../../support/workflows.ts";
import { makeToken } from "../accounts.ts";
import { auditCount, carriedOut, type Payload, PLAIN, query, refusal } from "./commands.ts";

const clock = new ManualClock();
let server: TestServer;
/** Of somebody who may command the project `own` and read nothing else. */
let token: string;
let workflow: string;
/** A project that nobody here is a member of. */
let strange: string;
beforeAll(async () => {
  server = await startTestServer({ clock, runDuties: false });
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

const runDuty = async (replica = server): Promise<number | undefined> =>
  await runBulkOperations.run(replica.app.engine);

async function operationOf(id: string, by = token): Promise<Payload> {
  const fields = "status total succeeded failed progress finishedAt createdBy { username }";
  return (await query(server, `{ bulkOperation(id: "${id}") { ${fields} } }`, by)).bulkOperation;
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

describe("more than 100 runs", () => {
  const MANY = 105;
  let batch = 0;
  /** A selection of that many runs that exist for this test alone. */
  async function many(): Promise<{ filter: object }> {
    const labels = { batch: `${batch++}` };
    await Promise.all(Array.from({ length: 5 }, async () => await make(MANY / 5, labels)));
    return { filter: labelIs("batch", labels.batch) };
  }
  const count = async (runs: { filter: object }, status: string): Promise<number> => {
    const text = `query ($filter: WorkflowRunFilter) { workflowRuns(filter: $filter) { totalCount { value } } }`;
    const { body } = await server.post({
      query: text,
      variables: { filter: { ...runs.filter, status: [status] } },
    });
    return body.data.workflowRuns.totalCount.value;
  };

  it("are done by a duty, which counts and keeps an outcome for each", async () => {
    const runs = await many();
    const input = { runs, idempotencyKey: "many", reason: "all" };
    const payload = await bulk("cancelWorkflowRuns", input);
    expect(payload).toMatchObject({ items: [], total: MANY, canceledCount: 0 });
    expect(payload.operation).toMatchObject({ status: "RUNNING", succeeded: 0, failed: 0, progress: 0 });
    expect(await count(runs, "RUNNING")).toBe(MANY);
    // What matches later is not part of it.
    const [late] = await make(1, { batch: "0" });
    const [first] = (
      await query(
        server,
        `{ bulkOperation(id: "${payload.operation.id}") { items(first: 1) { nodes { workflowRunId } } } }`,
        token,
      )
    ).bulkOperation.items.nodes;
    await bulk("cancelWorkflowRun", { workflowRunId: first.workflowRunId });

    const audits = await auditCount(server, "cancelWorkflowRuns");
    await runDuty();
    expect(await operationOf(payload.operation.id)).toMatchObject({
      status: "COMPLETED",
      total: MANY,
      succeeded: MANY - 1,
      failed: 1,
      progress: 100,
    });
    expect(await count(runs, "CANCELED")).toBe(MANY);
    expect(await statusOf(late!)).toEqual(["RUNNING"]);

    const items: Payload[] = [];
    for (let after: string | null = null; ; ) {
      const page = `items(first: 50, after: ${JSON.stringify(after)}) { nodes { workflowRunId outcome originalRun { status } } pageInfo { hasNextPage endCursor } totalCount { value } }`;
      const { bulkOperation } = await query(
        server,
        `{ bulkOperation(id: "${payload.operation.id}") { ${page} } }`,
        token,
      );
      items.push(...bulkOperation.items.nodes);
      expect(bulkOperation.items.totalCount.value).toBe(MANY);
      if (!bulkOperation.items.pageInfo.hasNextPage) break;
      after = bulkOperation.items.pageInfo.endCursor;
    }
    expect(new Set(items.map(({ workflowRunId }) => workflowRunId)).size).toBe(MANY);
    expect(items.filter(({ outcome }) => outcome === "CANCELED")).toHaveLength(MANY - 1);
    expect(items.filter(({ outcome }) => outcome === "ALREADY_CANCELED")).toHaveLength(1);
    // The whole again is the same operation.
    const again = await bulk("cancelWorkflowRuns", input);
    expect(again.operation).toMatchObject({ id: payload.operation.id, status: "COMPLETED" });
    expect(await auditCount(server, "cancelWorkflowRuns")).toBe(audits);
    const other = await refusal(server, "cancelWorkflowRuns", { ...input, reason: "other" }, token);
    expect(other).toMatchObject({ code: "IDEMPOTENCY_CONFLICT" });
  });

  it("are nobody else's to see or stop", async () => {
    const runs = await many();
    const { operation } = await bulk("setWorkflowRunsLabels", { runs, labels: { mark: "a" } });
    const other = await server.tokenWith("own", "PROJECT_ADMIN");
    expect((await query(server, "{ bulkOperations { nodes { id } } }", other)).bulkOperations.nodes).toEqual(
      [],
    );
    const { body } = await server.post(
      { query: `{ bulkOperation(id: "${operation.id}") { id } }` },
      { token: other },
    );
    expect(body.errors).toMatchObject([{ extensions: { code: "NOT_FOUND" } }]);
    expect(await operationOf(operation.id, server.adminToken)).toMatchObject({ status: "RUNNING" });

    const aborted = await bulk("abortBulkOperation", { bulkOperationId: operation.id });
    expect(aborted.bulkOperation).toMatchObject({ status: "ABORTED", succeeded: 0 });
    // Aborting it again changes nothing, and nobody goes on with it.
    expect((await bulk("abortBulkOperation", { bulkOperationId: operation.id })).bulkOperation.status).toBe(
      "ABORTED",
    );
    await runDuty();
    expect(await operationOf(operation.id)).toMatchObject({ status: "ABORTED", succeeded: 0, failed: 0 });
  });

  it("are left alone from the moment of an abort", async () => {
    const runs = await many();
    const { operation } = await bulk("cancelWorkflowRuns", { runs });
    const working = runDuty();
    await expect
      .poll(async () => (await operationOf(operation.id)).succeeded, { interval: 5 })
      .toBeGreaterThan(3);
    await bulk("abortBulkOperation", { bulkOperationId: operation.id });
    await working;
    const { succeeded, status, finishedAt } = await operationOf(operation.id);
    expect({ status, isFinished: finishedAt !== null }).toEqual({ status: "ABORTED", isFinished: true });
    expect(succeeded).toBeLessThan(MANY);
    expect(await count(runs, "CANCELED")).toBe(succeeded);
    const { bulkOperation } = await query(
      server,
      `{ bulkOperation(id: "${operation.id}") { items(first: 100) { nodes { outcome } } } }`,
      token,
    );
    expect(bulkOperation.items.nodes.at(-1).outcome).toBeNull();
  });

  it("go on at another replica when the first one is gone, once its lease is over", async () => {
    await using replica = await startTestServer({ clock, runDuties: false, database: server.database });
    const runs = await many();
    const { operation } = await bulk("replayWorkflowRuns", { runs: await canceled(runs) });
    const stop = new AbortController();
    const working = runBulkOperations.run(server.app.engine, stop.signal);
    await expect
      .poll(async () => (await operationOf(operation.id)).succeeded, { interval: 5 })
      .toBeGreaterThan(3);
    stop.abort();
    await working;
    const { succeeded } = await operationOf(operation.id);
    expect(succeeded).toBeLessThan(MANY);
    // As if it had died before it noted its last item: the run is made, the item is open.
    await server.database.query(
      `update bulk_operation_item set outcome = null, done_at = null, new_run_id = null where position = 1
        and operation_id = (select id from bulk_operation order by id desc limit 1)`,
    );
    await server.database.query(
      "update bulk_operation set succeeded = succeeded - 1 where id = (select id from bulk_operation order by id desc limit 1)",
    );
    await runDuty(replica);
    expect((await operationOf(operation.id)).succeeded).toBe(succeeded - 1);
    clock.advance(30_001);
    await runDuty(replica);
    expect(await operationOf(operation.id)).toMatchObject({
      status: "COMPLETED",
      succeeded: MANY,
      failed: 0,
    });
    const [retries] = await server.database.query<{ runs: number; originals: number }>(
      `select count(*)::integer as runs, count(distinct retry_of_id)::integer as originals from workflow_run r
        where retry_of_id in (select run_id from bulk_operation_item
          where operation_id = (select id from bulk_operation order by id desc limit 1))`,
    );
    expect(retries).toEqual({ runs: MANY, originals: MANY });
  });

  /** Ends all of them, so that they can be done again. */
  async function canceled(runs: { filter: object }): Promise<{ filter: object }> {
    await bulk("cancelWorkflowRuns", { runs });
    while ((await runDuty()) === 0);
    expect(await count(runs, "CANCELED")).toBe(MANY);
    return runs;
  }

  it("are FORBIDDEN or NOT_FOUND once their caller lost the role", async () => {
    const runs = await many();
    const wish = (role: "PROJECT_SUPERUSER" | "PROJECT_USER") => ({
      username: "demoted",
      member: { project: "own", role },
    });
    const demoted = await makeToken(server, wish("PROJECT_SUPERUSER"));
    const { operation } = await bulk("cancelWorkflowRuns", { runs }, demoted);
    await server.database.query(
      "update project_member set role = 'PROJECT_USER' where account_id = (select id from account where username = 'demoted')",
    );
    await runDuty();
    expect(await operationOf(operation.id, demoted)).toMatchObject({
      status: "COMPLETED",
      succeeded: 0,
      failed: MANY,
    });
    expect(await count(runs, "CANCELED")).toBe(0);
    const { bulkOperation } = await query(
      server,
      `{ bulkOperation(id: "${operation.id}") { items(first: 100) { nodes { outcome } } } }`,
      demoted,
    );
    expect(new Set(bulkOperation.items.nodes.map(({ outcome }: Payload) => outcome))).toEqual(
      new Set(["FORBIDDEN"]),
    );
  });
});
