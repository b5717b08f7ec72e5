import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { keyOf } from "../../../src/domain/ids.ts";
import { runBulkOperations } from "../../../src/duties/run-bulk-operations.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { startTestServer, type TestServer } from "../../support/server.ts";
import { deploy, trigger } from "../../support/workflows.ts";
import { makeToken } from "../accounts.ts";
import { auditCount, carriedOut, type Payload, PLAIN, query, refusal } from "./commands.ts";

const clock = new ManualClock();
let server: TestServer;
/** Of somebody who may command the project `own` and read nothing else. */
let token: string;
let workflow: string;
beforeAll(async () => {
  server = await startTestServer({ clock, runDuties: false });
  token = await server.tokenWith("own", "PROJECT_SUPERUSER");
  workflow = await deploy(server.admin, PLAIN("own"), "own");
});
afterAll(async () => await server[Symbol.asyncDispose]());

async function make(count: number, labels: object): Promise<string[]> {
  const runs: string[] = [];
  for (let i = 0; i < count; i++) runs.push((await trigger(server.admin, workflow, { labels })).id);
  return runs;
}

const bulk = async (mutation: string, input: object, by = token): Promise<Payload> =>
  await carriedOut(server, mutation, input, by);
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
    const key = keyOf("BulkOperation", operation.id);
    await server.database.query(
      `update bulk_operation_item set outcome = null, done_at = null, new_run_id = null
        where position = 1 and operation_id = $1`,
      [key],
    );
    await server.database.query("update bulk_operation set succeeded = succeeded - 1 where id = $1", [key]);
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
        where retry_of_id in (select run_id from bulk_operation_item where operation_id = $1)`,
      [key],
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
