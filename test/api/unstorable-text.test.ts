import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ProtocolRunner, startProtocolRunner } from "../support/protocol-runner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { deploy, trigger } from "../support/workflows.ts";
import { expectNothingWritten } from "./tables.ts";

/** PostgreSQL stores no NUL and no half of a surrogate pair; JSON and GraphQL carry both. */
const TEXTS = ["a\0b", "a\ud800b", "a\udc00"] as const;
const FLOW = `name: texts
inputs: { who: { type: string } }
stages: [{ name: a, steps: [{ ref: x, run: "true" }] }]
`;

let server: TestServer;
let runner: ProtocolRunner;
let workflowId: string;
beforeAll(async () => {
  server = await startTestServer({ runDuties: false });
  workflowId = await deploy(server.admin, FLOW);
  runner = await startProtocolRunner(server);
});
afterAll(async () => await server[Symbol.asyncDispose]());

const QUERIES: readonly [what: string, query: string, variables: (text: string) => object][] = [
  ["node", "query ($t: ID!) { node(id: $t) { id } }", (t) => ({ t })],
  ["nodes", "query ($t: ID!) { nodes(ids: [$t]) { id } }", (t) => ({ t })],
  ["project", "query ($t: ID!) { project(id: $t) { id } }", (t) => ({ t })],
  ["workflow", `query ($t: String!) { workflow(projectId: "default", name: $t) { id } }`, (t) => ({ t })],
  ["workflows", "query ($t: ID!) { workflows(projectId: $t) { nodes { id } } }", (t) => ({ t })],
  ["workflows after", "query ($t: String!) { workflows(after: $t) { nodes { id } } }", (t) => ({ t })],
  ["workflowRun", "query ($t: ID!) { workflowRun(id: $t) { id } }", (t) => ({ t })],
  ["workflowRuns of", "query ($t: ID!) { workflowRuns(projectId: $t) { nodes { id } } }", (t) => ({ t })],
  [
    "a branch",
    "query ($t: String!) { workflowRuns(filter: { branch: $t }) { totalCount { value } } }",
    (t) => ({ t }),
  ],
  [
    "a label",
    `query ($t: String!) { workflowRuns(filter: { labels: [{ key: "a", values: [$t] }] }) { totalCount { value } } }`,
    (t) => ({ t }),
  ],
  [
    "a label's key",
    `query ($t: String!) { workflowRuns(filter: { labels: [{ key: $t, values: ["a"] }] }) { totalCount { value } } }`,
    (t) => ({ t }),
  ],
  [
    "a cancel's reason",
    `mutation ($t: String!) { cancelWorkflowRun(input: { workflowRunId: "run_x", reason: $t }) { userErrors { code } } }`,
    (t) => ({ t }),
  ],
  [
    "a deployment's project",
    `mutation ($t: ID!) { deployWorkflow(input: { projectId: $t, source: "" }) { userErrors { code } } }`,
    (t) => ({ t }),
  ],
];
const CODES = ["NOT_FOUND", "BAD_USER_INPUT", "INVALID_CURSOR"];

describe.each(TEXTS)("the text %j", (text) => {
  it.each(QUERIES)("as %s finds nothing, or is refused", async (_what, query, variables) => {
    const { body } = await expectNothingWritten(
      server.database,
      async () => await server.post({ query, variables: variables(text) }),
    );
    for (const { extensions } of body.errors ?? []) expect(CODES).toContain(extensions.code);
  });

  it.each([
    ["payload", { payload: { deep: [text] } }],
    ["payload's key", { payload: { [text]: 1 } }],
    ["whole payload", { payload: text }],
    ["input", { inputs: { who: text } }],
    ["input's name", { inputs: { [text]: "x" } }],
    ["label", { labels: { a: text } }],
    ["message", { message: text }],
    ["variable", { envVars: [{ key: "A", value: text }] }],
  ])("as a run's %s is kept or refused, never half", async (_what, input) => {
    const query = `mutation ($input: TriggerWorkflowRunInput!) { triggerWorkflowRun(input: $input) {
      workflowRun { payload inputs labels message envVars { key value } } userErrors { code } } }`;
    const { body } = await server.post({ query, variables: { input: { workflowId, ...input } } });
    expect(body.errors ?? []).toEqual([]);
    const { workflowRun, userErrors } = body.data.triggerWorkflowRun;
    if (workflowRun === null) expect(userErrors).toEqual([{ code: "VALIDATION_FAILED" }]);
    else expect(workflowRun).toMatchObject(wellFormed(input));
  });

  it("in a command is refused as a fault of the file", async () => {
    const run = text.includes("\0") ? "a\\0b" : "a\\ud800b";
    const source = `name: texts\nstages: [{ name: a, steps: [{ ref: x, run: "${run}" }] }]\n`;
    const query = `mutation ($input: DeployWorkflowInput!) { deployWorkflow(input: $input) {
      userErrors { ... on ValidationFailed { faults { line column } } } } }`;
    const { body } = await server.post({ query, variables: { input: { projectId: "default", source } } });
    expect(body.errors ?? []).toEqual([]);
    if (text.includes("\0"))
      expect(body.data.deployWorkflow.userErrors).toMatchObject([{ faults: [{ line: 2 }] }]);
  });

  it("from a runner never stops its run", async () => {
    const run = await trigger(server.admin, workflowId);
    const tasks = await runner.claim();
    const task = tasks.find(({ workflowRunId }) => workflowRunId === run.id)!;
    expect(await runner.start(task)).toEqual(["APPLIED"]);
    expect((await runner.log(task, text)).result).toBe("APPENDED");
    const commit = "0123456789abcdef0123456789abcdef01234567";
    expect(await runner.pin(task, commit, { branch: text, message: text })).toMatchObject({ commit });
    expect(
      await runner.finish(task, "FAILED", { error: text, output: { a: text, [text]: { b: [text] } } }),
    ).toBe("APPLIED");
    const { body } = await server.post({ query: `{ workflowRun(id: "${run.id}") { status } }` });
    expect(body.data).toEqual({ workflowRun: { status: "FAILED" } });
  });

  it("as a runner's name, queue or label is refused or made harmless", async () => {
    const query = `mutation ($input: RegisterRunnerInput!) { registerRunner(input: $input) { session } }`;
    const plain = { name: "n", queues: ["q"], labels: ["l"], hostname: "h", version: "v", capacity: 1 };
    const changes = [
      { name: text },
      { queues: [text] },
      { labels: [text] },
      { hostname: text },
      { version: text },
    ];
    for (const change of changes) {
      const input = { ...plain, ...change };
      const { body } = await server.post({ query, variables: { input } }, { token: runner.token });
      for (const { extensions } of body.errors ?? []) expect(extensions.code).toBe("BAD_USER_INPUT");
    }
  });
});

/** Halves of surrogate pairs become U+FFFD on the way into UTF-8. */
function wellFormed<Value>(value: Value): Value {
  const text = JSON.stringify(value).replaceAll(/\\u[dD][89a-fA-F][0-9a-fA-F]{2}/g, "\ufffd");
  return JSON.parse(text) as Value;
}
