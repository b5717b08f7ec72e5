import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ACCESS, type ProjectRole, type Requirement } from "../../src/domain/access.ts";
import { encodeId } from "../../src/domain/ids.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { deploy, type TriggeredRun, trigger } from "../support/workflows.ts";
import { makeToken } from "./accounts.ts";
import { nextFrame, openSocket } from "./sockets.ts";
import { expectNothingWritten } from "./tables.ts";

const FLOW = (name: string) => `name: ${name}\nstages: [{ name: a, steps: [{ ref: x, run: "true" }] }]\n`;
const UNKNOWN = "00000000-0000-7000-8000-00000000abcd";

/** Ids of the objects that the fields are asked for. */
interface Objects {
  readonly project: string;
  readonly workflow: string;
  readonly workflowName: string;
  readonly run: string;
  readonly step: string;
}

/** For each root field a request about the given objects. Every field of the access table must be here. */
const REQUESTS: Record<string, (o: Objects) => string> = {
  "Query.viewer": () => "{ viewer { systemAdmin } }",
  "Query.projects": () => "{ projects { nodes { slug } } }",
  "Query.node": ({ run }) => `{ node(id: "${run}") { id } }`,
  "Query.nodes": ({ workflow, step }) => `{ nodes(ids: ["${workflow}", "${step}"]) { id } }`,
  "Query.project": ({ project }) => `{ project(id: "${project}") { slug } }`,
  "Query.workflow": ({ project, workflowName }) =>
    `{ workflow(projectId: "${project}", name: "${workflowName}") { id } }`,
  "Query.workflows": ({ project }) =>
    `{ workflows(projectId: "${project}") { totalCount { value } nodes { id } } }`,
  "Query.workflowRun": ({ run }) => `{ workflowRun(id: "${run}") { id } }`,
  "Query.workflowRuns": ({ project }) =>
    `{ workflowRuns(projectId: "${project}") { totalCount { value } nodes { id } } }`,
  "Mutation.deployWorkflow": ({ project, workflowName }) =>
    mutation("deployWorkflow", `projectId: "${project}", source: ${JSON.stringify(FLOW(workflowName))}`),
  "Mutation.triggerWorkflowRun": ({ workflow }) =>
    mutation("triggerWorkflowRun", `workflowId: "${workflow}"`),
  "Mutation.cancelWorkflowRun": ({ run }) => mutation("cancelWorkflowRun", `workflowRunId: "${run}"`),
  "Mutation.registerRunner": () =>
    `mutation { registerRunner(input: { name: "r", queues: [], labels: [], capacity: 1, hostname: "h", version: "v" }) { leaseMs } }`,
  "Mutation.claimTasks": () =>
    `mutation { claimTasks(input: { session: "${SESSION}", claimId: "c", max: 1, waitMs: 0 }) { tasks { fence } } }`,
  "Mutation.heartbeatRunner": () =>
    `mutation { heartbeatRunner(input: { session: "${SESSION}", held: [] }) { lost { fence } } }`,
  "Mutation.reportTasks": () =>
    `mutation { reportTasks(input: { session: "${SESSION}", reports: [] }) { results { fence } } }`,
  "Mutation.appendLogs": () =>
    `mutation { appendLogs(input: { session: "${SESSION}", appends: [] }) { results { offset } } }`,
  "Mutation.pinRunSource": ({ step }) =>
    `mutation { pinRunSource(input: { session: "${SESSION}", stepRunId: "${step}", fence: 1, commit: "${"0".repeat(40)}" }) { commit } }`,
  "Subscription.runEvents": ({ run }) =>
    `subscription { runEvents(workflowRunId: "${run}", after: { at: HEAD }) { __typename } }`,
  "Subscription.stepLogs": ({ step }) =>
    `subscription { stepLogs(stepRunId: "${step}", after: { at: HEAD }) { __typename } }`,
};
const SESSION = encodeId("RunnerSession", "00000000-0000-0000-0000-0000000000ff");
/** What the contract asks of who reads and of who acts: the access table must say the same. */
const REQUIREMENTS: Readonly<Record<string, Requirement>> = {
  ...Object.fromEntries(Object.keys(REQUESTS).map((field) => [field, "PROJECT_USER"] as const)),
  "Query.viewer": "AUTHENTICATED",
  "Query.projects": "AUTHENTICATED",
  "Mutation.deployWorkflow": "PROJECT_ADMIN",
  "Mutation.triggerWorkflowRun": "PROJECT_SUPERUSER",
  "Mutation.cancelWorkflowRun": "PROJECT_SUPERUSER",
  "Mutation.registerRunner": "RUNNER",
  "Mutation.claimTasks": "RUNNER",
  "Mutation.heartbeatRunner": "RUNNER",
  "Mutation.reportTasks": "RUNNER",
  "Mutation.appendLogs": "RUNNER",
  "Mutation.pinRunSource": "RUNNER",
};
const FIELDS = Object.entries(REQUIREMENTS).map(([field, requirement]) => ({ field, requirement }));

function mutation(name: string, input: string): string {
  return `mutation { ${name}(input: { ${input} }) { __typename userErrors { __typename code message path } } }`;
}

let server: TestServer;
let own: Objects;
let foreign: Objects;
let random: Objects;
const tokens: Record<string, string> = {};

beforeAll(async () => {
  server = await startTestServer({ runDuties: false });
  tokens["none"] = await makeToken(server, { username: "none" });
  for (const role of ["PROJECT_USER", "PROJECT_SUPERUSER", "PROJECT_ADMIN"] as const) {
    tokens[role] = await makeToken(server, { username: role, member: { project: "own", role } });
    tokens[`${role} elsewhere`] = await makeToken(server, {
      username: `${role} elsewhere`,
      member: { project: "foreign", role },
    });
  }
  tokens["SYSTEM_ADMIN"] = server.adminToken;
  tokens["SYSTEM_ADMIN limited to another project"] = await makeToken(server, {
    username: "limited",
    systemAdmin: true,
    onlyProject: "foreign",
  });
  tokens["RUNNER"] = await server.runnerToken();
  tokens["RUNNER of another project"] = await server.runnerToken("foreign");
  own = await objectsOf("own");
  foreign = await objectsOf("foreign");
  random = {
    project: encodeId("Project", UNKNOWN),
    workflow: encodeId("Workflow", UNKNOWN),
    workflowName: foreign.workflowName,
    run: encodeId("WorkflowRun", UNKNOWN),
    step: encodeId("StepRun", UNKNOWN, 0),
  };
});
afterAll(async () => await server[Symbol.asyncDispose]());

async function objectsOf(slug: string): Promise<Objects> {
  const { body } = await server.post({ query: `{ project(id: "${slug}") { id } }` });
  const workflowName = `flow-of-${slug}`;
  const workflow = await deploy(server.admin, FLOW(workflowName), slug);
  const run: TriggeredRun = await trigger(server.admin, workflow);
  return { project: body.data.project.id, workflow, workflowName, run: run.id, step: run.steps["x"]! };
}

// biome-ignore lint/suspicious/noExplicitAny: answers of every root field
type Answer = { data?: any; errors?: any[] };

/** The whole answer, apart from what differs from request to request. */
async function ask(field: string, objects: Objects, token: string): Promise<Answer> {
  const query = REQUESTS[field]!(objects);
  const answer = field.startsWith("Subscription")
    ? await first(query, token)
    : (await server.post({ query }, { token })).body;
  for (const { extensions } of answer.errors ?? []) delete extensions.correlationId;
  const { data = null, errors = [] } = answer;
  return { data, errors };
}

async function first(query: string, token: string): Promise<Answer> {
  const socket = await openSocket(server.url, { authorization: `Bearer ${token}` });
  socket.send(JSON.stringify({ type: "connection_init" }));
  await nextFrame(socket);
  socket.send(JSON.stringify({ id: "1", type: "subscribe", payload: { query } }));
  const { type, payload } = await nextFrame(socket);
  socket.close();
  return type === "error" ? { errors: payload as object[] } : (payload as Answer);
}

/** DONE: carried out. NOTHING: as if the objects did not exist. Otherwise the code of the refusal. */
function outcomeOf(answer: Answer): string {
  if (answer.errors!.length > 0) {
    const { code } = answer.errors![0].extensions;
    return code === "NOT_FOUND" ? "NOTHING" : code;
  }
  const [value] = Object.values(answer.data) as [{ userErrors?: { code: string }[] } | null];
  if (value === null || (Array.isArray(value) && value.every((item) => item === null))) return "NOTHING";
  const [error] = value.userErrors ?? [];
  return error?.code === "NOT_FOUND" ? "NOTHING" : (error?.code ?? "DONE");
}

/** What the contract says that somebody with that role in the project gets. */
function expectedOutcome(requirement: Requirement, who: string, role: ProjectRole | null): string {
  const isRunner = who.startsWith("RUNNER");
  // The session of these requests is nobody's: to hear that, one must be a runner.
  if (requirement === "RUNNER") return isRunner ? "SESSION_LOST" : "FORBIDDEN";
  if (requirement === "AUTHENTICATED") return "DONE";
  if (isRunner) return "FORBIDDEN";
  if (role === null) return "NOTHING";
  const order = ["PROJECT_USER", "PROJECT_SUPERUSER", "PROJECT_ADMIN"];
  return order.indexOf(role) >= order.indexOf(requirement) ? "DONE" : "FORBIDDEN";
}

/** Each token and the role that it gives in the project `own`. */
const WHO: readonly [who: string, role: ProjectRole | null][] = [
  ["none", null],
  ["PROJECT_USER", "PROJECT_USER"],
  ["PROJECT_SUPERUSER", "PROJECT_SUPERUSER"],
  ["PROJECT_ADMIN", "PROJECT_ADMIN"],
  ["PROJECT_USER elsewhere", null],
  ["PROJECT_SUPERUSER elsewhere", null],
  ["PROJECT_ADMIN elsewhere", null],
  ["SYSTEM_ADMIN", "PROJECT_ADMIN"],
  ["SYSTEM_ADMIN limited to another project", null],
  ["RUNNER", null],
  ["RUNNER of another project", null],
];

it("the access table is that of the contract, and every root field has a request here", () => {
  const table = Object.entries(ACCESS).flatMap(([type, fields]) =>
    Object.entries(fields).map(([field, requirement]) => [`${type}.${field}`, requirement]),
  );
  expect(Object.fromEntries(table)).toEqual(REQUIREMENTS);
});

describe.each(WHO)("%s", (who, role) => {
  it.each(FIELDS)("$field", async ({ field, requirement }) => {
    // Registering needs no session: a runner succeeds.
    const expected =
      field === "Mutation.registerRunner" && who.startsWith("RUNNER")
        ? "DONE"
        : expectedOutcome(requirement, who, role);
    const act = async () => await ask(field, own, tokens[who]!);
    const mayWrite = expected === "DONE" || !field.startsWith("Mutation");
    expect(outcomeOf(mayWrite ? await act() : await expectNothingWritten(server.database, act))).toBe(
      expected,
    );
  });
});

describe("a foreign object is answered like one that does not exist", () => {
  const outsiders = ["none", "PROJECT_USER", "PROJECT_SUPERUSER", "PROJECT_ADMIN", "RUNNER"];
  const about = FIELDS.filter(({ field }) => REQUESTS[field]!.length > 0);
  it.each(about.flatMap(({ field }) => outsiders.map((who) => [field, who] as const)))(
    "%s for %s",
    async (field, who) => {
      const act = async () => {
        const answers = [];
        for (const objects of [foreign, random]) answers.push(await ask(field, objects, tokens[who]!));
        return answers;
      };
      const [existing, none] = field.startsWith("Mutation")
        ? await expectNothingWritten(server.database, act)
        : await act();
      expect(outcomeOf(existing!)).not.toBe("DONE");
      expect(existing).toEqual(none);
    },
  );

  it("by its slug as well as by its id", async () => {
    for (const field of [
      "Query.project",
      "Query.workflows",
      "Query.workflowRuns",
      "Query.workflow",
      "Mutation.deployWorkflow",
    ]) {
      const bySlug = async (project: string) =>
        await ask(field, { ...foreign, project }, tokens["PROJECT_ADMIN"]!);
      const [existing, none] = [await bySlug("foreign"), await bySlug("nowhere")];
      expect(outcomeOf(existing)).toBe("NOTHING");
      expect(existing).toEqual(none);
    }
  });
});

it("what may be done is told by `can` as it is", async () => {
  const query = `{ project(id: "${own.project}") { can { action allowed reason { code } } }
    workflow(id: "${own.workflow}") { can { action allowed reason { code } } }
    workflowRun(id: "${own.run}") { can { action allowed reason { code } } } }`;
  const run = await trigger(server.admin, own.workflow);
  for (const who of ["PROJECT_USER", "PROJECT_SUPERUSER", "PROJECT_ADMIN", "SYSTEM_ADMIN"]) {
    const { body } = await server.post({ query: query.replace(own.run, run.id) }, { token: tokens[who]! });
    const can = Object.values(
      body.data as Record<
        string,
        { can: { action: string; allowed: boolean; reason: { code: string } | null }[] }
      >,
    ).flatMap((object) => object.can);
    expect(can.map(({ action }) => action)).toEqual([
      "deployWorkflow",
      "triggerWorkflowRun",
      "cancelWorkflowRun",
    ]);
    for (const { action, allowed, reason } of can) {
      const role = WHO.find(([name]) => name === who)![1];
      const requirement = REQUIREMENTS[`Mutation.${action}`]!;
      expect([action, allowed]).toEqual([action, expectedOutcome(requirement, who, role) === "DONE"]);
      expect(reason).toEqual(allowed ? null : { code: "FORBIDDEN" });
    }
  }
});
