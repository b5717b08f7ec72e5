import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeId, encodeId } from "../../src/domain/ids.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { deploy, trigger } from "../support/workflows.ts";

const FLOW = (name: string, ...refs: string[]) =>
  `name: ${name}\nstages: [{ name: a, steps: [${refs.map((ref) => `{ ref: ${ref}, run: "true" }`).join(", ")}] }]\n`;
const QUERY = `query ($filter: WorkflowRunFilter) {
  workflowRuns(projectId: "default", filter: $filter, first: 100, orderBy: { direction: ASC }) {
    nodes { message } totalCount { value } } }`;
const FAR = "00000000-0000-7000-8000-00000000abcd";

const clock = new ManualClock();
let server: TestServer;
/** Ids of the runs by their messages. */
const ids: Record<string, string> = {};
let start: Date;
let creatorId: string;
let creator: string;

/** Runs in the states that a filter looks at. What the columns say is all that counts here. */
const ROWS: Record<string, string> = {
  pending: "status = 'PENDING', queued_at = null, started_at = null",
  quick: `status = 'SUCCEEDED', started_at = $2, finished_at = $2::timestamptz + interval '0.5 s', trigger_type = 'SCHEDULE',
    trigger_ref = 'sched_1'`,
  slow: "status = 'FAILED', started_at = $2, finished_at = $2::timestamptz + interval '5 s'",
  "timed out": "status = 'TIMED_OUT', started_at = $2, finished_at = $2::timestamptz + interval '1 s'",
  sealed: "status = 'CANCELED', finished_at = $2::timestamptz + interval '9 s', finalized_at = $2",
  paused: "status = 'PAUSED', started_at = $2",
  retry: "retry_of_id = $3, root_run_id = $4",
  child: "parent_run_id = $3, parent_step_idx = 0, parent_attempt = 1, source_run_id = $4",
  deleted: "deleted_at = $2",
};
const ALL = Object.keys(ROWS).filter((name) => name !== "deleted");

beforeAll(async () => {
  server = await startTestServer({ clock, runDuties: false });
  start = clock.now();
  const flow = await deploy(server.admin, FLOW("Build_100.x", "x"));
  const other = await deploy(server.admin, FLOW("nightly", "x", "y"));
  for (const message of Object.keys(ROWS)) {
    const inOther = message === "child" || message === "retry";
    ids[message] = (await trigger(server.admin, inOther ? other : flow, { message })).id;
    clock.advance(1_000);
  }
  for (const [message, assignments] of Object.entries(ROWS)) {
    const values = [key(message), start, key("slow"), key("quick")];
    const used = [1, 2, 3, 4].filter((n) => n === 1 || assignments.includes(`$${n}`));
    const text = used.reduce((sql, n, i) => sql.replaceAll(`$${n}`, `$${i + 1}`), assignments);
    await server.database.query(
      `update workflow_run set ${text} where id = $1`,
      used.map((n) => values[n - 1]),
    );
  }
  await server.database.query(
    `insert into approval (run_id, step_idx, attempt, project_id, status, quorum, self_approval, requested_at)
      select id, 0, 1, project_id, case when message = 'paused' then 'PENDING' else 'APPROVED' end::approval_status, 1, true, $1
      from workflow_run where message in ('paused', 'slow')`,
    [start],
  );
  await server.database.query("update step_run set status = 'FAILED' where run_id = $1 and idx = 1", [
    key("child"),
  ]);
  const [account] = await server.database.query<{ id: string; username: string }>(
    "select id, username from account where system_admin",
  );
  creatorId = encodeId("Account", account!.id);
  creator = account!.username;
});
afterAll(async () => await server[Symbol.asyncDispose]());

function key(message: string): string {
  return decodeId(ids[message]!)!.uuid;
}

async function found(filter: object): Promise<string[]> {
  const { body } = await server.post({ query: QUERY, variables: { filter } });
  expect(body.errors ?? []).toEqual([]);
  const { nodes, totalCount } = body.data.workflowRuns;
  expect(totalCount.value).toBe(nodes.length);
  return nodes.map(({ message }: { message: string }) => message);
}

const without = (...names: string[]) => ALL.filter((name) => !names.includes(name));
const at = (ms: number) => new Date(start.getTime() + ms).toISOString();

describe("a filter of runs", () => {
  const cases: readonly [what: string, filter: () => object, messages: readonly string[]][] = [
    ["deleted runs, which are never there", () => ({ ids: [ids["deleted"], ids["slow"]] }), ["slow"]],
    ["the phase PENDING", () => ({ phase: ["PENDING"] }), ["pending", "retry", "child"]],
    ["the phase RUNNING", () => ({ phase: ["RUNNING"] }), ["paused"]],
    ["the phase COMPLETED", () => ({ phase: ["COMPLETED"] }), ["quick", "slow", "timed out"]],
    ["the phase FINALIZED", () => ({ phase: ["FINALIZED"] }), ["sealed"]],
    ["phases", () => ({ phase: ["FINALIZED", "RUNNING"] }), ["sealed", "paused"]],
    ["no phase", () => ({ phase: [] }), []],
    ["the result FAILED", () => ({ result: ["FAILED"] }), ["slow", "timed out"]],
    ["results", () => ({ result: ["PASSED", "ABORTED"] }), ["quick", "sealed"]],
    ["the result UNKNOWN", () => ({ result: ["UNKNOWN"] }), ["pending", "paused", "retry", "child"]],
    ["no result", () => ({ result: [] }), []],
    ["a cause itself", () => ({ triggerRef: "sched_1" }), ["quick"]],
    ["its creator's name", () => ({ createdBy: creator }), ALL],
    ["its creator's id", () => ({ createdBy: creatorId }), ALL],
    ["a creator that is none", () => ({ createdBy: "nobody" }), []],
    ["a creator's id that is none", () => ({ createdBy: encodeId("Account", FAR) }), []],
    ["what it is a retry of", () => ({ retryOfId: ids["slow"] }), ["retry"]],
    ["where its retries began", () => ({ rootRunId: ids["quick"] }), ["retry"]],
    ["where it continues from", () => ({ sourceRunId: ids["quick"] }), ["child"]],
    ["its parent", () => ({ parentRunId: ids["slow"] }), ["child"]],
    ["a link to something else", () => ({ parentRunId: "run_x" }), []],
    ["its start", () => ({ started: { gte: at(0), lt: at(1) } }), ["quick", "slow", "timed out", "paused"]],
    ["its start, before", () => ({ started: { lt: at(0) } }), []],
    ["its end", () => ({ finished: { gte: at(1_000) } }), ["slow", "timed out", "sealed"]],
    ["its end, before", () => ({ finished: { gte: at(0), lt: at(1_000) } }), ["quick"]],
    ["its duration", () => ({ durationMs: { gte: 500, lt: 5_000 } }), ["quick", "timed out"]],
    ["having a duration", () => ({ durationMs: {} }), ["quick", "slow", "timed out"]],
    [
      "not its duration, which the unfinished ones lack",
      () => ({ not: { durationMs: { lt: 5_000 } } }),
      without("quick", "timed out"),
    ],
    ["its workflow's name", () => ({ search: "NIGHT" }), ["retry", "child"]],
    ["its workflow's name, literally", () => ({ search: "d_1" }), without("retry", "child")],
    ["a name with signs", () => ({ search: "0.X" }), without("retry", "child")],
    ["a name that only a pattern would match", () => ({ search: "b%d" }), []],
    ["a letter that only a pattern would match", () => ({ search: "b_i" }), []],
    ["a name with a backslash", () => ({ search: "\\" }), []],
    ["an approval that it waits for", () => ({ awaitingApproval: true }), ["paused"]],
    ["waiting for no approval", () => ({ awaitingApproval: false }), without("paused")],
    ["a step", () => ({ stepRef: "y" }), ["retry", "child"]],
    ["a step in a status", () => ({ stepRef: "y", stepStatus: ["FAILED"] }), ["child"]],
    ["a step in another status", () => ({ stepRef: "x", stepStatus: ["FAILED"] }), []],
    ["any step in a status", () => ({ stepStatus: ["FAILED"] }), ["child"]],
    ["no step status", () => ({ stepRef: "x", stepStatus: [] }), []],
    [
      "one of two",
      () => ({ or: [{ status: ["PAUSED"] }, { search: "night" }] }),
      ["paused", "retry", "child"],
    ],
    ["one of none", () => ({ or: [] }), []],
    ["all of none", () => ({ and: [] }), ALL],
    [
      "all of two",
      () => ({ and: [{ result: ["FAILED"] }, { durationMs: { gte: 2_000 } }], search: "build" }),
      ["slow"],
    ],
    [
      "not one of two",
      () => ({ not: { or: [{ stepRef: "y" }, { result: ["FAILED"] }] } }),
      ["pending", "quick", "sealed", "paused"],
    ],
    ["not nothing", () => ({ not: {} }), []],
    ["not not", () => ({ not: { not: { status: ["PAUSED"] } } }), ["paused"]],
    ["not a branch, which none has", () => ({ not: { branch: "main" } }), ALL],
    ["five levels", () => nested(5), ["paused"]],
    ["fifty conditions", () => ({ and: Array(49).fill({ search: "b" }), status: ["PAUSED"] }), ["paused"]],
  ];
  it.each(cases)("by %s", async (_what, filter, messages) => {
    expect(await found(filter())).toEqual(messages);
  });

  it.each([
    ["six levels", () => nested(6)],
    ["fifty-one conditions", () => ({ and: Array(51).fill({ search: "b" }) })],
    [
      "fifty-one conditions, some of labels",
      () => ({ or: Array(3).fill({ labels: Array(17).fill({ key: "a", op: "EXISTS" }) }) }),
    ],
    ["a search of 201 characters", () => ({ search: "x".repeat(201) })],
    ["251 alternatives", () => ({ or: Array(251).fill({}) })],
    ["251 step statuses", () => ({ stepStatus: Array(251).fill("FAILED") })],
  ])("by %s is refused", async (_what, filter) => {
    const { body } = await server.post({ query: QUERY, variables: { filter: filter() } });
    expect(body.errors?.[0].extensions.code).toBe("BAD_USER_INPUT");
  });
});

function nested(levels: number): object {
  return levels === 0 ? { status: ["PAUSED"] } : { and: [nested(levels - 1)] };
}

describe("deleted runs", () => {
  it("exist nowhere", async () => {
    const id = ids["deleted"];
    const step = encodeId("StepRun", key("deleted"), 0);
    const query = `query ($id: ID!, $ids: [ID!]!) { workflowRun(id: $id) { id } nodes(ids: $ids) { id } }`;
    const nowhere = [id, step, encodeId("StageRun", key("deleted"), 0)];
    const { body } = await server.post({ query, variables: { id, ids: nowhere } });
    expect(body.errors[0].extensions.code).toBe("NOT_FOUND");
    expect(body.data).toMatchObject({ workflowRun: null, nodes: [null, null, null] });
  });
});

describe("an order of runs", () => {
  const ORDERED = `query ($field: WorkflowRunOrderField!, $direction: OrderDirection!, $first: Int, $after: String, $last: Int, $before: String) {
    workflowRuns(projectId: "default", orderBy: { field: $field, direction: $direction }, first: $first, after: $after, last: $last, before: $before) {
      nodes { message } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`;
  const page = async (variables: object) => {
    const { body } = await server.post({ query: ORDERED, variables });
    expect(body.errors ?? []).toEqual([]);
    const { nodes, pageInfo } = body.data.workflowRuns;
    return { messages: nodes.map(({ message }: { message: string }) => message) as string[], pageInfo };
  };

  it.each(
    ["CREATED_AT", "STARTED_AT", "FINISHED_AT", "UPDATED_AT"].flatMap((field) =>
      ["ASC", "DESC"].map((direction) => [field, direction] as const),
    ),
  )(
    "by %s %s is the same forward, backward and at once, with what lacks the moment last",
    async (field, direction) => {
      const column = field.toLowerCase();
      const rows = await server.database.query<{ message: string }>(
        `select message from workflow_run where deleted_at is null order by ${column} ${direction} nulls last, id ${direction}`,
      );
      const expected = rows.map(({ message }) => message);
      expect((await page({ field, direction })).messages).toEqual(expected);
      for (const size of [1, 3]) {
        const forward: string[] = [];
        for (let after: string | null = null; ; ) {
          const { messages, pageInfo } = await page({ field, direction, first: size, after });
          forward.push(...messages);
          if (!pageInfo.hasNextPage || forward.length > ALL.length) break;
          after = pageInfo.endCursor;
        }
        expect(forward).toEqual(expected);
        const backward: string[] = [];
        for (let before: string | null = null; ; ) {
          const { messages, pageInfo } = await page({ field, direction, last: size, before });
          backward.unshift(...messages);
          if (!pageInfo.hasPreviousPage || backward.length > ALL.length) break;
          before = pageInfo.startCursor;
        }
        expect(backward).toEqual(expected);
      }
    },
  );

  it("binds its cursors to itself", async () => {
    const { pageInfo } = await page({ field: "STARTED_AT", direction: "ASC", first: 1 });
    const variables = { field: "FINISHED_AT", direction: "ASC", first: 1, after: pageInfo.endCursor };
    const { body } = await server.post({ query: ORDERED, variables });
    expect(body.errors[0].extensions.code).toBe("INVALID_CURSOR");
  });
});
