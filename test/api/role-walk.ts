import type { ProjectRole, Requirement } from "../../src/domain/access.ts";
import { encodeId } from "../../src/domain/ids.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { deploy, trigger } from "../support/workflows.ts";
import { makeToken } from "./accounts.ts";
import { FLOW, type Objects, type Outcome } from "./root-field.ts";
import { ROOT_FIELDS } from "./root-fields.ts";
import { nextFrame, openSocket } from "./sockets.ts";

const UNKNOWN = "00000000-0000-7000-8000-00000000abcd";

/** Each token and the role that it gives in the project `own`. */
export const WHO: readonly [who: string, role: ProjectRole | null][] = [
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

// biome-ignore lint/suspicious/noExplicitAny: answers of every root field
export type Answer = { data: any; errors: any[] };

/** A server with two projects that hold the same kinds of objects, and a token for everybody of `WHO`. */
export interface RoleWalk extends AsyncDisposable {
  readonly server: TestServer;
  readonly own: Objects;
  readonly foreign: Objects;
  /** Ids of objects that do not exist. */
  readonly random: Objects;
  token(who: string): string;
  /** The whole answer, apart from what differs from request to request. */
  ask(field: string, objects: Objects, who: string): Promise<Answer>;
}

export async function startRoleWalk(): Promise<RoleWalk> {
  const server = await startTestServer({ runDuties: false });
  const tokens: Record<string, string> = { none: await makeToken(server, { username: "none" }) };
  for (const role of ["PROJECT_USER", "PROJECT_SUPERUSER", "PROJECT_ADMIN"] as const) {
    tokens[role] = await makeToken(server, { username: role, member: { project: "own", role } });
    const member = { project: "foreign", role };
    tokens[`${role} elsewhere`] = await makeToken(server, { username: `${role} elsewhere`, member });
  }
  tokens["SYSTEM_ADMIN"] = server.adminToken;
  const limited = { username: "limited", systemAdmin: true, onlyProject: "foreign" };
  tokens["SYSTEM_ADMIN limited to another project"] = await makeToken(server, limited);
  tokens["RUNNER"] = await server.runnerToken();
  tokens["RUNNER of another project"] = await server.runnerToken("foreign");
  const token = (who: string): string => tokens[who]!;
  const foreign = await objectsOf(server, "foreign");
  return {
    server,
    own: await objectsOf(server, "own"),
    foreign,
    random: { ...UNKNOWN_OBJECTS, workflowName: foreign.workflowName },
    token,
    async ask(field, objects, who) {
      const query = ROOT_FIELDS[field]!.request(objects);
      const { data = null, errors = [] } = field.startsWith("Subscription")
        ? await firstMessage(server, query, token(who))
        : (await server.post({ query }, { token: token(who) })).body;
      for (const { extensions } of errors) delete extensions.correlationId;
      return { data, errors };
    },
    [Symbol.asyncDispose]: async () => await server[Symbol.asyncDispose](),
  };
}

const UNKNOWN_OBJECTS = {
  project: encodeId("Project", UNKNOWN),
  workflow: encodeId("Workflow", UNKNOWN),
  run: encodeId("WorkflowRun", UNKNOWN),
  step: encodeId("StepRun", UNKNOWN, 0),
  approval: encodeId("StepRun", UNKNOWN, 1),
  serviceAccount: encodeId("Account", UNKNOWN),
  token: encodeId("ApiToken", UNKNOWN),
  schedule: encodeId("Schedule", UNKNOWN),
  webhook: encodeId("Webhook", UNKNOWN),
};

/** One object of each kind in a project. */
async function objectsOf(server: TestServer, slug: string): Promise<Objects> {
  const { body } = await server.post({ query: `{ project(id: "${slug}") { id } }` });
  const { id: project } = body.data.project;
  const workflowName = `flow-of-${slug}`;
  const workflow = await deploy(server.admin, FLOW(workflowName), slug);
  const run = await trigger(server.admin, workflow);
  const { createServiceAccount, createSchedule, createWebhook } = await carriedOut(
    server,
    `mutation {
      createServiceAccount(input: { projectId: "${slug}", username: "bot-of-${slug}", role: PROJECT_USER }) {
        serviceAccount { account { id } } }
      createSchedule(input: { workflowId: "${workflow}", name: "s", cron: "0 0 * * *" }) { schedule { id } }
      createWebhook(input: { workflowId: "${workflow}", name: "w" }) { webhook { id } }
      setSecret(input: { owner: { workflowId: "${workflow}" }, name: "NAME", value: "some value" }) { clientMutationId } }`,
  );
  const serviceAccount: string = createServiceAccount.serviceAccount.account.id;
  const wish = `projectId: "${slug}", accountId: "${serviceAccount}", description: "bot"`;
  const { createToken } = await carriedOut(
    server,
    `mutation { createToken(input: { ${wish} }) { apiToken { id } } }`,
  );
  return {
    project,
    workflow,
    workflowName,
    run: run.id,
    step: run.steps["x"]!,
    approval: run.steps["ok"]!,
    serviceAccount,
    token: createToken.apiToken.id,
    schedule: createSchedule.schedule.id,
    webhook: createWebhook.webhook.id,
  };
}

// biome-ignore lint/suspicious/noExplicitAny: answers of several mutations
async function carriedOut(server: TestServer, query: string): Promise<any> {
  const { body } = await server.post({ query });
  if (body.errors !== undefined) throw new Error(JSON.stringify(body.errors));
  return body.data;
}

async function firstMessage(server: TestServer, query: string, token: string): Promise<Partial<Answer>> {
  const socket = await openSocket(server.url, { authorization: `Bearer ${token}` });
  socket.send(JSON.stringify({ type: "connection_init" }));
  await nextFrame(socket);
  socket.send(JSON.stringify({ id: "1", type: "subscribe", payload: { query } }));
  const { type, payload } = await nextFrame(socket);
  socket.close();
  return type === "error" ? { errors: payload as object[] } : (payload as Answer);
}

/** EMPTY: a list without entries, which is what a viewer gets who sees none of them, but also another one may. */
export function outcomeOf({ data, errors }: Answer): Outcome | "EMPTY" {
  if (errors.length > 0) {
    const { code } = errors[0].extensions;
    // The session of these requests is nobody's: to hear that, one must be a runner.
    if (code === "SESSION_LOST") return "ALLOWED";
    if (code === "NOT_FOUND") return "NOTHING";
    if (code === "FORBIDDEN") return "FORBIDDEN";
    throw new Error(`not a question of permission: ${JSON.stringify(errors[0])}`);
  }
  const [value] = Object.values(data) as [
    { nodes?: unknown[]; items?: { outcome: string }[]; userErrors?: { code: string }[] } | unknown[] | null,
  ];
  if (value === null) return "NOTHING";
  if (Array.isArray(value)) return value.every((item) => item === null) ? "EMPTY" : "ALLOWED";
  if (value.nodes?.length === 0) return "EMPTY";
  const outcome = value.items?.[0]?.outcome;
  if (outcome !== undefined)
    return outcome === "NOT_FOUND" ? "NOTHING" : outcome === "FORBIDDEN" ? "FORBIDDEN" : "ALLOWED";
  return value.userErrors?.[0]?.code === "NOT_FOUND" ? "NOTHING" : "ALLOWED";
}

const ROLES: readonly Requirement[] = ["PROJECT_USER", "PROJECT_SUPERUSER", "PROJECT_ADMIN"];

/** What the contract says that somebody with that role in the project gets. */
export function expectedOutcome(field: string, who: string, role: ProjectRole | null): Outcome {
  const { requirement, role: needed = requirement, exceptions = {} } = ROOT_FIELDS[field]!;
  const exception = exceptions[who];
  if (exception !== undefined) return exception;
  const isRunner = who.startsWith("RUNNER");
  if (requirement === "RUNNER") return isRunner ? "ALLOWED" : "FORBIDDEN";
  if (requirement === "AUTHENTICATED") return "ALLOWED";
  if (isRunner) return "FORBIDDEN";
  if (needed === "USER_OR_SERVICE") return "ALLOWED";
  if (needed === "SYSTEM_ADMIN") return who === "SYSTEM_ADMIN" ? "ALLOWED" : "FORBIDDEN";
  if (role === null) return "NOTHING";
  return ROLES.indexOf(role) >= ROLES.indexOf(needed) ? "ALLOWED" : "FORBIDDEN";
}
