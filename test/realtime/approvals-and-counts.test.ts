import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Subscription } from "../api/sockets.ts";
import { HEAD, type Position } from "../api/streams.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { deploy, type TriggeredRun, trigger } from "../support/workflows.ts";

const FLOW = (name: string) =>
  `name: ${name}\nstages: [{ name: a, steps: [{ ref: ok, type: approval, quorum: 2, selfApproval: true }] }]\n`;
const PENDING = `subscription ($projectId: ID, $after: StreamPosition!) {
  approvalsPending(projectId: $projectId, after: $after) { __typename cursor
    ... on ApprovalsPendingChanged { approvalChanges { change approvalId
      approval { id status approvedCount workflowRun { id } } } } } }`;
const COUNTS = `subscription ($projectId: ID, $filter: WorkflowRunFilter, $groupBy: WorkflowRunGroupBy) {
  workflowRunCountsChanged(projectId: $projectId, filter: $filter, groupBy: $groupBy) {
    __typename total groups { key count } } }`;

let server: TestServer;
let deciders: string[];
let workflowId: string;
beforeAll(async () => {
  server = await startTestServer({ runDuties: false });
  deciders = [
    await server.tokenWith("own", "PROJECT_SUPERUSER"),
    await server.tokenWith("own", "PROJECT_SUPERUSER"),
  ];
  workflowId = await deploy(server.admin, FLOW("own"), "own");
});
afterAll(async () => await server[Symbol.asyncDispose]());

interface ApprovalChange {
  readonly change: string;
  readonly approvalId: string;
  readonly approval: { status: string; approvedCount: number; workflowRun: { id: string } } | null;
}

const pending = (after: Position, token = deciders[0]!, projectId: string | null = "own") =>
  new Subscription(server.url, token, PENDING, { after, projectId });
const changesOf = (stream: Subscription): ApprovalChange[] =>
  stream.messages.flatMap(({ approvalChanges = [] }) => approvalChanges as ApprovalChange[]);

async function told(
  stream: Subscription,
  fits: (change: ApprovalChange) => boolean,
): Promise<ApprovalChange> {
  await stream.until(({ approvalChanges = [] }) => approvalChanges.some(fits));
  return changesOf(stream).find(fits)!;
}

async function decide(run: TriggeredRun, verdict: string, token: string): Promise<void> {
  const query = `mutation ($input: DecideApprovalInput!) { decideApproval(input: $input) { userErrors { message } } }`;
  const variables = { input: { step: { id: run.steps["ok"] }, verdict } };
  const { body } = await server.post({ query, variables }, { token });
  expect(body.data).toEqual({ decideApproval: { userErrors: [] } });
}

async function approvals(): Promise<{ eventCursor: string; nodes: { id: string }[] }> {
  const query = `{ approvals(projectId: "own", filter: { status: [PENDING] }) { eventCursor nodes { id } } }`;
  return (await server.post({ query })).body.data.approvals;
}

describe("approvals that wait", () => {
  it("enter when they are asked for, are told of each decision, and leave when they are closed", async () => {
    const { eventCursor } = await approvals();
    await using stream = pending({ cursor: eventCursor });
    await using elsewhere = pending(HEAD, await server.tokenWith("other", "PROJECT_ADMIN"), null);
    await Promise.all([stream.until("CaughtUp"), elsewhere.until("CaughtUp")]);
    const run = await trigger(server.admin, workflowId);
    const { approvalId } = await told(stream, ({ change }) => change === "ENTERED");
    expect((await approvals()).nodes.map(({ id }) => id)).toContain(approvalId);
    await decide(run, "APPROVE", deciders[0]!);
    const once = await told(stream, ({ change }) => change === "UPDATED");
    expect(once.approval).toMatchObject({ status: "PENDING", approvedCount: 1, workflowRun: { id: run.id } });
    await decide(run, "APPROVE", deciders[1]!);
    const left = await told(stream, ({ change }) => change === "LEFT");
    expect(left).toMatchObject({ approvalId, approval: { status: "APPROVED" } });
    expect(elsewhere.types).toEqual(["CaughtUp"]);
  });

  it("leave with a run that is deleted, and are not told twice after a resume", async () => {
    await using first = pending(HEAD);
    await first.until("CaughtUp");
    const run = await trigger(server.admin, workflowId);
    const { approvalId } = await told(first, ({ change }) => change === "ENTERED");
    await using second = pending({ cursor: first.messages.at(-1)!.cursor });
    await second.until("CaughtUp");
    const text = `mutation ($id: ID!) { deleteWorkflowRun(input: { workflowRunId: $id, force: true }) { userErrors { message } } }`;
    await server.admin.request(text, { id: run.id });
    expect(await told(second, ({ change }) => change === "LEFT")).toEqual({
      change: "LEFT",
      approvalId,
      approval: null,
    });
    expect(changesOf(second).map(({ change }) => change)).toEqual(["LEFT"]);
  });
});

describe("counts", () => {
  const counts = (variables: object, token = server.adminToken) =>
    new Subscription(server.url, token, COUNTS, variables as Record<string, unknown>);

  it("come at once and again when they differ, and agree with the query", async () => {
    const project = { projectId: "counted" };
    await server.tokenWith("counted", "PROJECT_USER");
    const counted = await deploy(server.admin, FLOW("counted"), "counted");
    await using all = counts(project);
    await using waiting = counts({ ...project, filter: { status: ["WAITING"] }, groupBy: { by: "RESULT" } });
    await Promise.all([all.until(({ total }) => total === 0), waiting.until(({ total }) => total === 0)]);
    for (let i = 0; i < 5; i++) await trigger(server.admin, counted);
    await Promise.all([all.until(({ total }) => total === 5), waiting.until(({ total }) => total === 5)]);
    const query = `{ workflowRunCounts(projectId: "counted") { total groups { key count } } }`;
    const { body } = await server.post({ query });
    expect(all.messages.at(-1)).toMatchObject(body.data.workflowRunCounts);
    const texts = all.messages.map((message) => JSON.stringify(message));
    expect(new Set(texts).size).toBe(texts.length);
  });

  it("are only of what the viewer may read", async () => {
    await using stranger = counts({}, await server.tokenWith("empty", "PROJECT_USER"));
    await stranger.until(({ total }) => total === 0);
    await using refused = counts({ projectId: "own" }, await server.tokenWith("empty", "PROJECT_USER"));
    expect((await refused.refusal())[0]!.extensions.code).toBe("NOT_FOUND");
    await using wrong = counts({ groupBy: { by: "LABEL" } });
    expect((await wrong.refusal())[0]!.extensions.code).toBe("BAD_USER_INPUT");
  });

  it("are computed once for all who ask for the same", async () => {
    let asked = 0;
    const { database } = server.app.engine;
    const query = database.query.bind(database);
    database.query = async (statement, values) => {
      if (/select key, count/.test(statement.text)) asked++;
      return await query(statement, values);
    };
    const same = Array.from({ length: 10 }, () => counts({ projectId: "own" }));
    await Promise.all(same.map(async (each) => await each.until(({ total }) => total >= 0)));
    const [{ total }] = same[0]!.messages as unknown as [{ total: number }];
    asked = 0;
    await trigger(server.admin, workflowId);
    await Promise.all(
      same.map(async (each) => await each.until((message) => message["total"] === total + 1)),
    );
    expect(asked).toBeLessThan(same.length);
    database.query = query;
    for (const each of same) await each[Symbol.asyncDispose]();
  });
});
