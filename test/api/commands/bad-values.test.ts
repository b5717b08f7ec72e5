import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startProtocolRunner } from "../../support/protocol-runner.ts";
import { startTestServer, type TestServer } from "../../support/server.ts";
import { deploy, trigger } from "../../support/workflows.ts";
import { expectNothingWritten } from "../tables.ts";
import { BULK_COMMANDS, COMMANDS, carriedOut, command, PLAIN, refusal, send } from "./commands.ts";

let server: TestServer;
interface Objects {
  readonly workflow: string;
  readonly archived: string;
  readonly run: string;
  readonly manual: string;
  readonly failed: string;
  readonly succeeded: string;
  readonly ext: string;
  readonly ok: string;
  readonly x: string;
}
let objects: Objects;
beforeAll(async () => {
  server = await startTestServer({ runDuties: false });
  const typed = `inputs: { count: { type: number } }\n${PLAIN("values")}`;
  const workflow = await deploy(server.admin, typed);
  const archived = await deploy(server.admin, PLAIN("archived"));
  await server.admin.request(
    "mutation ($id: ID!) { archiveWorkflow(input: { workflowId: $id }) { userErrors { message } } }",
    { id: archived },
  );
  const { id: run, steps } = await trigger(server.admin, workflow);
  const { id: manual } = await trigger(server.admin, workflow, { start: "MANUAL" });
  const { id: failed } = await trigger(server.admin, workflow);
  await carriedOut(server, "cancelWorkflowRun", { workflowRunId: failed });
  const one = await deploy(
    server.admin,
    `name: one\nstages: [{ name: a, steps: [{ ref: x, run: "true" }] }]\n`,
  );
  const { id: succeeded } = await trigger(server.admin, one);
  await (await startProtocolRunner(server)).workOff();
  objects = {
    ...{ workflow, archived, run, manual, failed, succeeded },
    ...{ x: steps["x"]!, ok: steps["ok"]!, ext: steps["ext"]! },
  };
});
afterAll(async () => await server[Symbol.asyncDispose]());

const NUL = "a\0b";
const long = (length: number): string => "x".repeat(length);
const many = (length: number, value: unknown = "v"): object =>
  Object.fromEntries(Array.from({ length }, (_, i) => [`k${i}`, value]));
const ON_RUN = ({ run }: Objects): object => ({ workflowRunId: run });
const MADE = ({ workflow }: Objects): object => ({ workflowId: workflow });
const MANUAL = ({ manual }: Objects): object => ({ workflowRunId: manual });
const ENDED = ({ failed }: Objects): object => ({ workflowRunId: failed });

type Wrong = readonly [
  mutation: string,
  base: (objects: Objects) => object,
  values: readonly (readonly [path: string, input: object])[],
];

const REASONS = [
  ["input.reason", { reason: long(501) }],
  ["input.reason", { reason: NUL }],
] as const;
const LABELS = [
  ["input.labels", { labels: [] }],
  ["input.labels", { labels: "text" }],
  ["input.labels", { labels: { a: 1 } }],
  ["input.labels", { labels: { a: ["b"] } }],
  ["input.labels", { labels: { a: NUL } }],
  ["input.labels.-a", { labels: { "-a": "b" } }],
  ["input.labels.", { labels: { "": "b" } }],
  ["input.labels.a b", { labels: { "a b": "b" } }],
  ["input.labels", { labels: many(65) }],
  ["input.labels.a", { labels: { a: long(201) } }],
  [`input.labels.${long(201)}`, { labels: { [long(201)]: "b" } }],
] as const;
const ANNOTATIONS = [
  ["input.annotations", { annotations: [] }],
  ["input.annotations", { annotations: { a: 1 } }],
  ["input.annotations", { annotations: { "": "b" } }],
  ["input.annotations", { annotations: { [NUL]: "b" } }],
  ["input.annotations", { annotations: { [long(201)]: "b" } }],
  ["input.annotations.a", { annotations: { a: long(10_001) } }],
  ["input.annotations", { annotations: many(65) }],
] as const;
const START = [
  ...LABELS,
  ...ANNOTATIONS,
  ["input.message", { message: long(2_001) }],
  ["input.message", { message: NUL }],
  ["input.timeoutMs", { timeoutMs: 999 }],
  ["input.timeoutMs", { timeoutMs: -1 }],
  ["input.stepRetries", { stepRetries: -1 }],
  ["input.stepRetries", { stepRetries: 21 }],
  ["input.envVars[0].key", { envVars: [{ key: "1A", value: "x" }] }],
  ["input.envVars[0].key", { envVars: [{ key: "", value: "x" }] }],
  ["input.envVars[0].value", { envVars: [{ key: "A", value: NUL }] }],
  ["input.envVars", { envVars: Array.from({ length: 251 }, (_, i) => ({ key: `A${i}`, value: "" })) }],
  ["input.inputs", { inputs: [] }],
  ["inputs.count", { inputs: { count: "many" } }],
  ["inputs.unknown", { inputs: { unknown: 1 } }],
] as const;
const TRIGGER = [
  ...START,
  ["input.commit", { commit: "0123456789abcdef" }],
  ["input.commit", { branch: "main", commit: "abc" }],
  ["input.commit", { branch: "main", commit: "HEAD~1xx" }],
  ["input.branch", { branch: "" }],
  ["input.branch", { branch: "--upload-pack=x" }],
  ["input.branch", { branch: "a..b" }],
  ["input.branch", { branch: NUL }],
  ["input.branch", { branch: long(251) }],
  ["input.maxParallelSteps", { maxParallelSteps: 0 }],
  ["input.maxParallelSteps", { maxParallelSteps: 10_001 }],
  ["input.payload", { payload: { deep: [NUL] } }],
  ["input.parentStepRef", { parentStepRef: "x" }],
] as const;

const WRONG: readonly Wrong[] = [
  ["triggerWorkflowRun", MADE, TRIGGER],
  [
    "executeWorkflow",
    MADE,
    [...TRIGGER, ["input.waitMs", { waitMs: -1 }], ["input.waitMs", { waitMs: 600_001 }]],
  ],
  ["startWorkflowRun", MANUAL, START],
  ["cancelWorkflowRun", ON_RUN, REASONS],
  ["pauseWorkflowRun", ON_RUN, REASONS],
  [
    "retryWorkflowRun",
    ENDED,
    [
      ...START,
      ["input.stepRefs", { stepRefs: ["x"] }],
      ["input.stepRefs", { mode: "ALL", stepRefs: ["x"] }],
      ["input.stepRefs", { mode: "FROM_STEPS" }],
      ["input.stepRefs", { mode: "FROM_STEPS", stepRefs: [] }],
      ["input.stepRefs", { mode: "FROM_STEPS", stepRefs: ["x", "none"] }],
      ["input.stepRefs", { mode: "FROM_STEPS", stepRefs: [NUL] }],
      ["input.stepRefs", { mode: "FROM_STEPS", stepRefs: Array.from({ length: 251 }, () => "x") }],
    ],
  ],
  ["retryWorkflowRun", ({ succeeded }) => ({ workflowRunId: succeeded }), [["input.mode", {}]]],
  ["setWorkflowRunLabels", ON_RUN, LABELS],
  ["annotateWorkflowRun", ON_RUN, ANNOTATIONS],
  ["abortStepRun", ({ x }) => ({ step: { id: x } }), REASONS],
  ["skipStepRun", ({ x }) => ({ step: { id: x } }), REASONS],
  [
    "forceCompleteStepRun",
    ({ x }) => ({ step: { id: x } }),
    [
      ["input.result", { result: [] }],
      ["input.result", { result: "text" }],
      ["input.result", { result: { [NUL]: 1 } }],
      ["input.result", { result: { a: { b: [NUL] } } }],
    ],
  ],
  [
    "completeStepRun",
    ({ ext }) => ({ step: { id: ext }, success: true }),
    [
      ["input.message", { message: long(2_001) }],
      ["input.message", { message: NUL }],
      ["input.releaseId", { releaseId: long(251) }],
      ["input.releaseId", { releaseId: NUL }],
      ["input.output", { output: [1] }],
      ["input.output", { output: { a: NUL } }],
    ],
  ],
  [
    "decideApproval",
    ({ ok }) => ({ step: { id: ok }, verdict: "APPROVE" }),
    [
      ["input.comment", { comment: long(2_001) }],
      ["input.comment", { comment: NUL }],
      ["input.fields", { fields: [] }],
      ["input.fields", { fields: { a: NUL } }],
      ["input.fields", { fields: { a: long(65_536) } }],
    ],
  ],
  ["cancelWorkflowRuns", ({ run }) => ({ runs: { ids: [run] } }), REASONS],
  ["setWorkflowRunsLabels", ({ run }) => ({ runs: { ids: [run] } }), LABELS],
  ["replayWorkflowRuns", ({ run }) => ({ runs: { ids: [run] } }), [["input.mode", { mode: "FROM_STEPS" }]]],
];

const SHOWN = (input: object): string => JSON.stringify(input).slice(0, 60);

describe("a value that is not acceptable", () => {
  it.each(WRONG)("of %s is refused as a fault of its place", async (mutation, base, values) => {
    const found = await expectNothingWritten(server.database, async () => {
      const faults: [string, string[]][] = [];
      for (const [, input] of values) {
        const { __typename, faults: all = [] } = (await refusal(server, mutation, {
          ...base(objects),
          ...input,
        })) as Awaited<ReturnType<typeof refusal>> & { faults?: { path: string }[] };
        faults.push([SHOWN(input), [__typename, ...all.map(({ path }) => path)]]);
      }
      return faults;
    });
    expect(found).toEqual(values.map(([path, input]) => [SHOWN(input), ["ValidationFailed", path]]));
  });

  it.each(BULK_COMMANDS)("as 101 ids for %s is refused, and 100 are not", async (mutation) => {
    const ids = Array.from({ length: 101 }, (_, i) => `run_${i}`);
    const labels = mutation === "setWorkflowRunsLabels" ? { labels: {} } : {};
    const refused = await expectNothingWritten(
      server.database,
      async () => await refusal(server, mutation, { runs: { ids }, ...labels }),
    );
    expect(refused).toMatchObject({ __typename: "ValidationFailed", path: "input.runs.ids" });
    const hundred = { runs: { ids: ids.slice(1) }, dryRun: true, ...labels };
    expect(await command(server, mutation, hundred)).toMatchObject({ userErrors: [], total: 100 });
  });

  it.each(Object.keys(COMMANDS))("as the key of %s is refused", async (mutation) => {
    const prepared = await COMMANDS[mutation]!(server, objects.workflow);
    await expectNothingWritten(server.database, async () => {
      for (const idempotencyKey of ["", long(201), NUL]) {
        const refused = await refusal(server, mutation, { ...prepared, idempotencyKey });
        expect(refused).toMatchObject({ __typename: "ValidationFailed", path: "input.idempotencyKey" });
      }
    });
  });
});

describe("a value at the limit", () => {
  it.each<[string, (objects: Objects) => object, object]>([
    ["cancelWorkflowRun", ON_RUN, { reason: long(500) }],
    ["pauseWorkflowRun", ON_RUN, { reason: long(500) }],
    ["setWorkflowRunLabels", ON_RUN, { labels: { ...many(63), [long(200)]: long(200) } }],
    ["annotateWorkflowRun", ON_RUN, { annotations: { ...many(63), [long(200)]: long(10_000) } }],
    ["executeWorkflow", MADE, { waitMs: 600_000 }],
    ["executeWorkflow", MADE, { waitMs: 0 }],
    ["triggerWorkflowRun", MADE, { maxParallelSteps: 10_000, stepRetries: 20, timeoutMs: 1_000 }],
    ["decideApproval", ({ ok }) => ({ step: { id: ok } }), { verdict: "REJECT", comment: long(2_000) }],
    [
      "decideApproval",
      ({ ok }) => ({ step: { id: ok } }),
      { verdict: "REJECT", fields: { a: long(65_528) } },
    ],
    ["completeStepRun", ({ ext }) => ({ step: { id: ext } }), { success: false, releaseId: long(250) }],
  ])("of %s is taken", async (mutation, base, input) => {
    const request = { ...base(objects), ...input, dryRun: true };
    const { userErrors } = await expectNothingWritten(
      server.database,
      async () => await command(server, mutation, request),
    );
    expect(userErrors).toEqual([]);
  });
});

describe("an archived workflow", () => {
  it.each(["triggerWorkflowRun", "executeWorkflow"])("takes no %s", async (mutation) => {
    const refused = await expectNothingWritten(
      server.database,
      async () => await refusal(server, mutation, { workflowId: objects.archived }),
    );
    expect(refused).toMatchObject({
      __typename: "InvalidState",
      current: "ARCHIVED",
      path: "input.workflowId",
    });
    expect(refused.allowed).not.toContain("ARCHIVED");
  });
});

describe("an input that is no input of the schema", () => {
  const RUN_FILTER = { status: ["QUEUED"] };
  it.each<[string, string, (objects: Objects) => object]>([
    ["no selector", "cancelWorkflowRuns", () => ({ runs: {} })],
    ["only a null selector", "cancelWorkflowRuns", () => ({ runs: { ids: null } })],
    [
      "two selectors",
      "cancelWorkflowRuns",
      ({ workflow, run }) => ({ runs: { ids: [run], workflowId: workflow } }),
    ],
    [
      "all selectors",
      "deleteWorkflowRuns",
      ({ workflow, run }) => ({ runs: { ids: [run], workflowId: workflow, filter: RUN_FILTER } }),
    ],
    ["a selector and a null one", "retryWorkflowRuns", ({ run }) => ({ runs: { ids: [run], filter: null } })],
    ["no step selector", "skipStepRun", () => ({ step: {} })],
    [
      "two step selectors",
      "skipStepRun",
      ({ x, run }) => ({ step: { id: x, ref: { workflowRunId: run, stepRef: "x" } } }),
    ],
    ["no object", "pauseWorkflowRun", () => ({})],
    ["another mode", "cancelWorkflowRun", ({ run }) => ({ workflowRunId: run, mode: "HARD" })],
    ["a text as revision", "cancelWorkflowRun", ({ run }) => ({ workflowRunId: run, expectedRevision: "1" })],
    ["a number as id", "cancelWorkflowRun", () => ({ workflowRunId: 1.5 })],
    ["a field that nobody knows", "cancelWorkflowRun", ({ run }) => ({ workflowRunId: run, force: true })],
    ["a fraction as wait", "executeWorkflow", ({ workflow }) => ({ workflowId: workflow, waitMs: 0.5 })],
    [
      "a huge timeout",
      "triggerWorkflowRun",
      ({ workflow }) => ({ workflowId: workflow, timeoutMs: 2 ** 31 }),
    ],
  ])("such as %s is refused as bad input", async (_what, mutation, input) => {
    const { body, status } = await expectNothingWritten(
      server.database,
      async () => await send(server, mutation, input(objects)),
    );
    expect(body.data ?? null).toBeNull();
    expect(status).toBeLessThan(500);
    for (const { extensions } of body.errors) expect(extensions.code).toBe("BAD_USER_INPUT");
    expect(body.errors.length).toBeGreaterThan(0);
  });

  it.each([
    ["forceCompleteStepRun", "result"],
    ["completeStepRun", "output"],
  ])("such as a body of over 256 KiB for %s is refused", async (mutation, name) => {
    const object = { step: { id: mutation === "completeStepRun" ? objects.ext : objects.x } };
    const success = mutation === "completeStepRun" ? { success: true } : {};
    const input = { ...object, ...success, [name]: { a: long(256 * 1024) } };
    const { status, body } = await expectNothingWritten(
      server.database,
      async () => await send(server, mutation, input),
    );
    expect(status).toBe(413);
    expect(body.errors).toHaveLength(1);
    expect(body.errors[0].extensions.code).toMatch(/^[A-Z_]+$/);
    expect(body.errors[0].extensions.code).not.toBe("INTERNAL_SERVER_ERROR");
  });
});
