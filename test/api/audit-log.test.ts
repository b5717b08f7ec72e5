import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ManualClock } from "../support/manual-clock.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { deploy } from "../support/workflows.ts";
import { makeToken } from "./accounts.ts";

const clock = new ManualClock();
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ clock, runDuties: false, publicUrl: "https://runcast.example/" });
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

const PAGE = "totalCount { value } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }";

describe("the audit log", () => {
  const LOG = `query ($filter: AuditFilter, $first: Int, $after: String, $last: Int, $before: String) {
    auditLog(projectId: "watched", filter: $filter, first: $first, after: $after, last: $last, before: $before) {
      nodes { id actor { username } action target details at } ${PAGE} } }`;
  let admin: string;
  let runId: string;
  let begun: string;

  beforeAll(async () => {
    admin = await makeToken(server, {
      username: "watcher",
      member: { project: "watched", role: "PROJECT_ADMIN" },
    });
    const source = "name: watched\nstages: [{ name: a, steps: [{ ref: s, type: external }] }]\n";
    const workflowId = await deploy(server.admin, source, "watched");
    clock.advance(1_000);
    begun = clock.now().toISOString();
    const trigger = `mutation ($input: TriggerWorkflowRunInput!) { triggerWorkflowRun(input: $input) { workflowRun { id } } }`;
    runId = (await ask(trigger, { input: { workflowId } }, admin)).triggerWorkflowRun.workflowRun.id;
    clock.advance(1_000);
    const cancel = `mutation ($input: CancelWorkflowRunInput!) { cancelWorkflowRun(input: $input) { userErrors { message } } }`;
    await ask(cancel, { input: { workflowRunId: runId, reason: "enough" } });
  });

  const actions = async (filter: object | null) => {
    const { nodes, totalCount } = (await ask(LOG, { filter }, admin)).auditLog;
    expect(totalCount.value).toBe(nodes.length);
    return nodes.map(({ action }: { action: string }) => action);
  };

  it("has every command, the newest first, and finds them", async () => {
    const all = ["cancelWorkflowRun", "triggerWorkflowRun", "deployWorkflow"];
    expect(await actions(null)).toEqual(all);
    expect(await actions({ actor: "watcher" })).toEqual(["triggerWorkflowRun"]);
    expect(await actions({ actor: "nobody" })).toEqual([]);
    expect(await actions({ action: ["deployWorkflow", "cancelWorkflowRun"] })).toEqual([all[0], all[2]]);
    expect(await actions({ action: [] })).toEqual([]);
    expect(await actions({ target: runId })).toEqual(all.slice(0, 2));
    expect(await actions({ from: begun })).toEqual(all.slice(0, 2));
    expect(await actions({ to: begun })).toEqual(all.slice(2));
  });

  it("tells who did what", async () => {
    const { nodes } = (await ask(LOG, { first: 2 }, admin)).auditLog;
    expect(nodes[1]).toMatchObject({ actor: { username: "watcher" }, target: runId, at: begun });
    expect(JSON.stringify(nodes[0].details)).toContain("enough");
    const { node } = await ask("query ($id: ID!) { node(id: $id) { id } }", { id: nodes[0].id }, admin);
    expect(node).toEqual({ id: nodes[0].id });
  });

  it("is paged both ways", async () => {
    const page = async (variables: object) => (await ask(LOG, variables, admin)).auditLog;
    const first = await page({ first: 2 });
    const next = await page({ first: 2, after: first.pageInfo.endCursor });
    expect(next.nodes.map(({ action }: { action: string }) => action)).toEqual(["deployWorkflow"]);
    const back = await page({ last: 1, before: next.pageInfo.startCursor });
    expect(back.nodes[0].id).toBe(first.nodes[1].id);
  });

  it("is for administrators of the project", async () => {
    const superuser = await makeToken(server, {
      username: "sue",
      member: { project: "watched", role: "PROJECT_SUPERUSER" },
    });
    const { nodes } = (await ask(LOG, {}, admin)).auditLog;
    expect(await refusal(LOG, superuser)).toBe("FORBIDDEN");
    expect(await refusal(LOG, await server.tokenWith("elsewhere", "PROJECT_ADMIN"))).toBe("NOT_FOUND");
    const { node } = await ask("query ($id: ID!) { node(id: $id) { id } }", { id: nodes[0].id }, superuser);
    expect(node).toBeNull();
  });

  it("a run's address leads to the public server", async () => {
    const { workflowRun } = await ask("query ($id: ID!) { workflowRun(id: $id) { url } }", { id: runId });
    expect(workflowRun.url).toBe(`https://runcast.example/runs/${runId}`);
  });
});
