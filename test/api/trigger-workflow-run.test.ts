import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startProtocolRunner } from "../support/protocol-runner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { deploy } from "../support/workflows.ts";
import { makeToken } from "./accounts.ts";
import { expectNothingWritten } from "./tables.ts";

const FLOW = `name: triggered
inputs:
  target: { type: choice, options: [all, some], default: all }
  count: { type: number }
  who: { type: string, required: true }
env: { BASE: /w, LEVEL: workflow }
timeout: 2h
stages:
  - name: a
    steps: [{ ref: x, run: "true", env: { LEVEL: step } }]
  - name: b
    steps: [{ ref: y, run: "true" }]
`;
const RUN = `id number status phase progress revision workflowName workflowVersion inputs payload labels message branch
  commit envVars { key value } trigger { type ref } createdBy { username type } createdAt queuedAt startedAt expiresAt
  stageRuns { name status } stepRuns { nodes { stepRef status attempt } }`;
const TRIGGER = `mutation ($input: TriggerWorkflowRunInput!) { triggerWorkflowRun(input: $input) {
  clientMutationId workflowRun { ${RUN} }
  userErrors { __typename code path ... on ValidationFailed { faults { message path line column } } } } }`;

let server: TestServer;
let workflowId: string;
beforeAll(async () => {
  server = await startTestServer({ runDuties: false });
  workflowId = await deploy(server.admin, FLOW);
});
afterAll(async () => await server[Symbol.asyncDispose]());

async function trigger(input: object, token = server.adminToken) {
  const { body } = await server.post(
    { query: TRIGGER, variables: { input: { workflowId, ...input } } },
    { token },
  );
  expect(body.errors ?? []).toEqual([]);
  return body.data.triggerWorkflowRun;
}

/** What is wrong with a trigger, by path; nothing may be written. */
async function faultsOf(input: object): Promise<Record<string, string>> {
  const answer = await expectNothingWritten(server.database, async () => await trigger(input));
  expect(answer.workflowRun).toBeNull();
  expect(answer.userErrors).toMatchObject([{ __typename: "ValidationFailed", code: "VALIDATION_FAILED" }]);
  return Object.fromEntries(
    answer.userErrors[0].faults.map(({ path, message }: { path: string; message: string }) => [
      path,
      message,
    ]),
  );
}

describe("a trigger", () => {
  it("makes a queued run with all that it was given", async () => {
    const envVars = [
      { key: "ROOT", value: "${BASE}/run" },
      { key: "LEVEL", value: "run" },
      { key: "ROOT", value: "${ROOT}/again" },
    ];
    const given = {
      payload: { any: ["thing", null, 1.5, { deep: true }] },
      labels: { team: "core", "ci.example/kind": "nightly" },
      message: "try it",
      branch: "feature/one",
      commit: "0123456789abcdef",
      envVars,
    };
    const answer = await trigger({
      ...given,
      inputs: { who: "me", count: 2.5 },
      timeoutMs: 90_000,
      clientMutationId: "c",
    });
    expect(answer).toMatchObject({ clientMutationId: "c", userErrors: [] });
    const run = answer.workflowRun;
    expect(run).toMatchObject({
      ...given,
      inputs: { target: "all", count: 2.5, who: "me" },
      status: "QUEUED",
      phase: "PENDING",
      progress: 0,
      revision: 1,
      workflowName: "triggered",
      workflowVersion: 1,
      trigger: { type: "MANUAL", ref: null },
      createdBy: { type: "USER" },
      startedAt: null,
      stageRuns: [
        { name: "a", status: "PENDING" },
        { name: "b", status: "PENDING" },
      ],
      stepRuns: {
        nodes: [
          { stepRef: "x", status: "QUEUED", attempt: 0 },
          { stepRef: "y", status: "PENDING", attempt: 0 },
        ],
      },
    });
    expect(Date.parse(run.expiresAt) - Date.parse(run.queuedAt)).toBe(90_000);
    const runner = await startProtocolRunner(server);
    const { spec } = await runner.claimOne();
    expect(spec.env).toEqual([
      { key: "TARGET", value: "all" },
      { key: "COUNT", value: "2.5" },
      { key: "WHO", value: "me" },
      { key: "BASE", value: "/w" },
      { key: "LEVEL", value: "run" },
      { key: "ROOT", value: "/w/run/again" },
    ]);
  });

  it("takes what is not given from the workflow", async () => {
    const { workflowRun } = await trigger({ inputs: { who: "x", target: null } });
    expect(workflowRun).toMatchObject({
      inputs: { target: "all", who: "x" },
      ...{ payload: null, labels: {}, message: null, branch: null, commit: null, envVars: [] },
    });
    expect(Date.parse(workflowRun.expiresAt) - Date.parse(workflowRun.queuedAt)).toBe(2 * 60 * 60 * 1_000);
  });

  it("by a program is told apart from one by a person", async () => {
    const member = { project: "default", role: "PROJECT_SUPERUSER" } as const;
    const token = await makeToken(server, { username: "ci", type: "SERVICE", member });
    const { workflowRun } = await trigger({ inputs: { who: "x" } }, token);
    expect(workflowRun).toMatchObject({
      trigger: { type: "API" },
      createdBy: { username: "ci", type: "SERVICE" },
    });
  });

  it("executes the latest version", async () => {
    const source = (command: string) =>
      `name: versions\nstages: [{ name: a, steps: [{ ref: x, run: "${command}" }] }]\n`;
    const id = await deploy(server.admin, source("old"));
    await deploy(server.admin, source("new"));
    expect((await trigger({ workflowId: id })).workflowRun).toMatchObject({ workflowVersion: 2, number: 1 });
  });
});

describe("a trigger is refused, with all of its faults at once,", () => {
  it("for its inputs", async () => {
    expect(await faultsOf({ inputs: { target: "none", count: "2", whom: "me" } })).toEqual({
      "inputs.who": expect.stringContaining("required"),
      "inputs.target": expect.stringContaining("all, some"),
      "inputs.count": expect.stringContaining("number"),
      "inputs.whom": expect.stringContaining("who"),
    });
    for (const inputs of ["x", ["x"], 5])
      expect(Object.keys(await faultsOf({ inputs }))).toEqual(["input.inputs"]);
  });

  it("for its environment, labels, source, message and timeout", async () => {
    const faults = await faultsOf({
      inputs: { who: "x" },
      envVars: [
        { key: "FINE", value: "" },
        { key: "1ST", value: "x" },
        { key: "NUL", value: "a\0b" },
      ],
      labels: { "no spaces": "x", long: "x".repeat(201) },
      commit: "0123456",
      message: "x".repeat(2_001),
      timeoutMs: 999,
    });
    expect(Object.keys(faults).sort()).toEqual([
      "input.commit",
      "input.envVars[1].key",
      "input.envVars[2].value",
      "input.labels.long",
      "input.labels.no spaces",
      "input.message",
      "input.timeoutMs",
    ]);
  });

  it("for too many variables and labels", async () => {
    const envVars = Array.from({ length: 251 }, (_, i) => ({ key: `V${i}`, value: "x" }));
    const labels = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`l${i}`, "x"]));
    const faults = await faultsOf({ inputs: { who: "x" }, envVars, labels });
    expect(Object.keys(faults).sort()).toEqual(["input.envVars", "input.labels"]);
    const most = { envVars: envVars.slice(1), labels: { ...labels, l0: undefined } };
    expect((await trigger({ inputs: { who: "x" }, ...most })).userErrors).toEqual([]);
  });

  it.each([
    "-x",
    "a..b",
    "a b",
    "a~1",
    "x.lock/",
    "/x",
    "x/",
    "a//b",
    "a@{1}",
    "",
    "x".repeat(251),
    "a\0b",
    "a\nb",
  ])("for the branch %j", async (branch) => {
    expect(Object.keys(await faultsOf({ inputs: { who: "x" }, branch }))).toEqual(["input.branch"]);
  });

  it.each(["", "abc", "012345g", "0123456789ABCDEF", "f".repeat(65), "--exec=x"])(
    "for the commit %j",
    async (commit) => {
      expect(Object.keys(await faultsOf({ inputs: { who: "x" }, branch: "main", commit }))).toEqual([
        "input.commit",
      ]);
    },
  );

  it.each([[["x"]], ["x"], [{ a: 1 }], [{ a: null }], [5]])("for the labels %j", async (labels) => {
    expect(Object.keys(await faultsOf({ inputs: { who: "x" }, labels }))).toEqual(["input.labels"]);
  });

  it("when the workflow does not exist", async () => {
    for (const id of ["wf_00000000000000000000000000", "run_00000000000000000000000000", "triggered", ""]) {
      const answer = await expectNothingWritten(
        server.database,
        async () => await trigger({ workflowId: id, inputs: { who: "x" } }),
      );
      expect(answer).toMatchObject({
        workflowRun: null,
        userErrors: [{ __typename: "NotFound", path: "input.workflowId" }],
      });
    }
  });
});

describe("triggers at the same time", () => {
  it("get numbers 1 to 20, each once", async () => {
    const id = await deploy(server.admin, FLOW.replace("triggered", "numbered"));
    const answers = await Promise.all(
      Array.from({ length: 20 }, async () => await trigger({ workflowId: id, inputs: { who: "x" } })),
    );
    const numbers = answers.map(({ workflowRun }) => workflowRun.number).sort((a, b) => a - b);
    expect(numbers).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
  });

  it("leave no gap where one of them is refused", async () => {
    const id = await deploy(server.admin, FLOW.replace("triggered", "gapless"));
    const answers = await Promise.all(
      Array.from(
        { length: 20 },
        async (_, i) => await trigger({ workflowId: id, inputs: i % 2 === 0 ? { who: "x" } : {} }),
      ),
    );
    const numbers = answers.flatMap(({ workflowRun }) => workflowRun?.number ?? []).sort((a, b) => a - b);
    expect(numbers).toEqual(Array.from({ length: 10 }, (_, i) => i + 1));
  });
});

describe("one transaction", () => {
  it("holds the run, its events and the audit entry", async () => {
    const { workflowRun } = await trigger({ inputs: { who: "x" } });
    const rows = await server.database.query<{ source: string; xid: string }>(
      `select 'audit' as source, e.xid::text as xid from audit_entry e where e.action = 'triggerWorkflowRun' and e.target = $1
        union all select 'event ' || v.seq, v.xid::text from run_event v join workflow_run r on r.id = v.run_id
          where r.number = $2 and r.workflow_name = 'triggered'
        union all select 'run', r.xmin::text from workflow_run r where r.number = $2 and r.workflow_name = 'triggered'
        union all select 'step ' || s.idx, s.xmin::text from step_run s join workflow_run r on r.id = s.run_id
          where r.number = $2 and r.workflow_name = 'triggered' order by 1`,
      [workflowRun.id, workflowRun.number],
    );
    expect(rows.map(({ source }) => source)).toEqual([
      "audit",
      "event 1",
      "event 2",
      "run",
      "step 0",
      "step 1",
    ]);
    expect(new Set(rows.map(({ xid }) => xid)).size).toBe(1);
  });
});
