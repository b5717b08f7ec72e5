import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeId, encodeId } from "../../src/domain/ids.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { startProtocolRunner } from "../support/protocol-runner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { deploy, trigger } from "../support/workflows.ts";
import { makeToken } from "./accounts.ts";

const clock = new ManualClock();
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ clock, runDuties: false });
});
afterAll(async () => await server[Symbol.asyncDispose]());

async function ask(query: string, variables: object = {}, token = server.adminToken) {
  const { body } = await server.post({ query, variables }, { token });
  expect(body.errors ?? []).toEqual([]);
  return body.data;
}

async function refusal(query: string, token: string, variables: object = {}): Promise<string> {
  const { body } = await server.post({ query, variables }, { token });
  return body.errors?.[0].extensions.code;
}

const key = (id: string) => decodeId(id)!.uuid;
const PAGE = "totalCount { value } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }";

describe("approvals", () => {
  const APPROVAL = `id status attempt quorum approvers selfApproval prompt requestedAt dueAt closedAt approvedCount
    stepRun { stepRef } workflowRun { id } decisions { actor { username } verdict comment fields }`;
  const LIST = `query ($projectId: ID, $filter: ApprovalFilter, $first: Int, $after: String, $last: Int, $before: String) {
    approvals(projectId: $projectId, filter: $filter, first: $first, after: $after, last: $last, before: $before) {
      nodes { ${APPROVAL} } ${PAGE} } }`;
  const tokens: Record<string, string> = {};
  const runs: Record<string, string> = {};
  let twoFlow: string;

  beforeAll(async () => {
    for (const [username, role] of [
      ["ada", "PROJECT_SUPERUSER"],
      ["grace", "PROJECT_USER"],
      ["maker", "PROJECT_SUPERUSER"],
    ] as const)
      tokens[username] = await makeToken(server, { username, member: { project: "signed", role } });
    tokens["outsider"] = await server.tokenWith("elsewhere", "PROJECT_ADMIN");
    const flow = async (name: string, step: string) =>
      await deploy(
        server.admin,
        `name: ${name}\nstages: [{ name: a, steps: [{ ref: ok, type: approval, ${step} }] }]\n`,
        "signed",
      );
    const byRole = await flow("by-role", "prompt: Go?, timeout: 1h, selfApproval: false");
    twoFlow = await flow("named", "approvers: [grace, ada], quorum: 2");
    for (const [name, workflowId] of Object.entries({ role: byRole, named: twoFlow, deleted: byRole })) {
      const { triggerWorkflowRun } = await ask(
        `mutation ($input: TriggerWorkflowRunInput!) { triggerWorkflowRun(input: $input) { workflowRun { id } } }`,
        { input: { workflowId } },
        tokens["maker"],
      );
      runs[name] = triggerWorkflowRun.workflowRun.id;
      clock.advance(1_000);
    }
    await server.database.query("update workflow_run set deleted_at = now() where id = $1", [
      key(runs["deleted"]!),
    ]);
    await ask(
      `mutation ($input: DecideApprovalInput!) { decideApproval(input: $input) { userErrors { message } } }`,
      {
        input: {
          step: { ref: { workflowRunId: runs["named"], stepRef: "ok" } },
          verdict: "APPROVE",
          comment: "fine",
          fields: { seen: true },
        },
      },
      tokens["grace"],
    );
  });

  const found = async (filter: object | null, who: string, projectId: string | null = "signed") => {
    const { approvals } = await ask(LIST, { projectId, filter }, tokens[who]);
    expect(approvals.totalCount.value).toBe(approvals.nodes.length);
    const names = Object.fromEntries(Object.entries(runs).map(([name, id]) => [id, name]));
    return approvals.nodes.map(({ workflowRun }: { workflowRun: { id: string } }) => names[workflowRun.id]);
  };

  it("tell what is asked and what was decided", async () => {
    const { approvals } = await ask(LIST, { projectId: "signed" });
    expect(approvals.nodes).toMatchObject([
      {
        status: "PENDING",
        quorum: 2,
        approvers: ["grace", "ada"],
        selfApproval: true,
        prompt: null,
        dueAt: null,
        closedAt: null,
        approvedCount: 1,
        stepRun: { stepRef: "ok" },
        decisions: [
          { actor: { username: "grace" }, verdict: "APPROVE", comment: "fine", fields: { seen: true } },
        ],
      },
      { quorum: 1, approvers: null, selfApproval: false, prompt: "Go?", approvedCount: 0, decisions: [] },
    ]);
    const [named, role] = approvals.nodes;
    expect(Date.parse(role.dueAt) - Date.parse(role.requestedAt)).toBe(3_600_000);
    const { node, run, step } = await ask(
      `query ($id: ID!, $run: ID!, $step: ID!) { node(id: $id) { ... on Approval { ${APPROVAL} } }
        run: workflowRun(id: $run) { approvals { id } } step: node(id: $step) { ... on StepRun { approval { id } } } }`,
      { id: named.id, run: runs["named"], step: encodeId("StepRun", key(runs["named"]!), 0) },
      tokens["grace"],
    );
    expect(node).toEqual(named);
    expect([run.approvals, step.approval]).toEqual([[{ id: named.id }], { id: named.id }]);
    const foreign = await ask(
      `query ($id: ID!) { node(id: $id) { id } }`,
      { id: named.id },
      tokens["outsider"],
    );
    expect(foreign.node).toBeNull();
  });

  it("are found by status and workflow", async () => {
    expect(await found(null, "grace")).toEqual(["named", "role"]);
    expect(await found({ status: ["PENDING"] }, "grace")).toEqual(["named", "role"]);
    expect(await found({ status: ["APPROVED"] }, "grace")).toEqual([]);
    expect(await found({ status: [] }, "grace")).toEqual([]);
    expect(await found({ workflowIds: [twoFlow, "wf_x"] }, "grace")).toEqual(["named"]);
  });

  it("are whose decision they wait for", async () => {
    expect(await found({ mine: true }, "ada")).toEqual(["named", "role"]);
    expect(await found({ mine: true }, "grace")).toEqual([]);
    expect(await found({ mine: true }, "maker")).toEqual([]);
    expect(await found({ mine: true, status: ["APPROVED"] }, "ada")).toEqual([]);
  });

  it("are of what the viewer may read", async () => {
    expect(await found(null, "outsider", null)).toEqual([]);
    expect(await found(null, "ada", null)).toEqual(["named", "role"]);
    expect(await refusal(LIST, tokens["outsider"]!, { projectId: "signed" })).toBe("NOT_FOUND");
  });

  it("are paged both ways", async () => {
    const page = async (variables: object) =>
      (await ask(LIST, { projectId: "signed", ...variables })).approvals;
    const all = (await page({})).nodes.map(({ id }: { id: string }) => id);
    const first = await page({ first: 1 });
    expect([first.nodes[0].id, first.pageInfo.hasNextPage]).toEqual([all[0], true]);
    const second = await page({ first: 1, after: first.pageInfo.endCursor });
    expect([second.nodes[0].id, second.pageInfo.hasNextPage]).toEqual([all[1], false]);
    expect((await page({ last: 1, before: second.pageInfo.startCursor })).nodes[0].id).toBe(all[0]);
  });
});

describe("runners", () => {
  const RUNNERS = `query ($projectId: ID, $first: Int, $after: String) { runners(projectId: $projectId, first: $first, after: $after) {
    nodes { id name labels capacity online hostname version queues lastSeenAt runningSteps } ${PAGE} } }`;
  let member: string;
  let other: string;

  beforeAll(async () => {
    member = await server.tokenWith("crew", "PROJECT_USER");
    other = await server.tokenWith("rivals", "PROJECT_ADMIN");
    const everybody = await startProtocolRunner(server, {
      name: "everybody",
      queues: ["all"],
      labels: ["x"],
    });
    await startProtocolRunner(server, {
      name: "bound",
      queues: ["bound"],
      token: await server.runnerToken("crew"),
    });
    const source = `name: busy\nstages: [{ name: a, steps: [{ ref: s, run: "true", queue: all }] }]\n`;
    await trigger(server.admin, await deploy(server.admin, source, "crew"));
    await everybody.start(await everybody.claimOne());
  });

  const list = async (token: string, projectId: string | null = null) => {
    const { nodes, totalCount } = (await ask(RUNNERS, { projectId }, token)).runners;
    expect(totalCount.value).toBe(nodes.length);
    return nodes as Record<string, unknown>[];
  };
  const names = async (token: string, projectId: string | null = null) =>
    (await list(token, projectId)).map(({ name }) => name);

  it("of one project are its members' alone", async () => {
    expect(await names(member)).toEqual(["bound", "everybody"]);
    expect(await names(other)).toEqual(["everybody"]);
    expect(await names(server.adminToken)).toEqual(["bound", "everybody"]);
    expect(await names(server.adminToken, "rivals")).toEqual(["everybody"]);
    expect(await names(await makeToken(server, { username: "loner" }))).toEqual([]);
    expect(await refusal(RUNNERS, other, { projectId: "crew" })).toBe("NOT_FOUND");
  });

  it("that work for all tell only administrators everything", async () => {
    const now = clock.now().toISOString();
    const [bound, everybody] = await list(member);
    expect(bound).toMatchObject({
      hostname: "test",
      queues: ["bound"],
      online: true,
      runningSteps: 0,
      lastSeenAt: now,
    });
    const hidden = { hostname: null, version: null, queues: null, lastSeenAt: null, runningSteps: null };
    expect(everybody).toMatchObject({ labels: ["x"], capacity: 1_000, online: true, ...hidden });
    const [, full] = await list(server.adminToken);
    expect(full).toMatchObject({ hostname: "test", queues: ["all"], runningSteps: 1, lastSeenAt: now });
    const limited = await makeToken(server, { username: "limited", systemAdmin: true, onlyProject: "crew" });
    expect((await list(limited))[1]).toMatchObject(hidden);
  });

  it("are reached by their id by those who see them", async () => {
    const [bound, everybody] = await list(member);
    const nodes = async (token: string) =>
      (
        await ask(
          "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }",
          { ids: [bound!["id"], everybody!["id"]] },
          token,
        )
      ).nodes;
    expect(await nodes(member)).toEqual([{ id: bound!["id"] }, { id: everybody!["id"] }]);
    expect(await nodes(other)).toEqual([null, { id: everybody!["id"] }]);
    expect(await nodes(await makeToken(server, { username: "loner" }))).toEqual([null, null]);
  });

  it("are online for as long as their lease lasts", async () => {
    clock.advance(30_000);
    expect((await list(member)).map(({ online }) => online)).toEqual([false, false]);
  });

  it("are paged by name", async () => {
    const page = (await ask(RUNNERS, { first: 1 }, member)).runners;
    expect(page.pageInfo.hasNextPage).toBe(true);
    const next = (await ask(RUNNERS, { first: 1, after: page.pageInfo.endCursor }, member)).runners;
    expect(next.nodes.map(({ name }: { name: string }) => name)).toEqual(["everybody"]);
  });
});
