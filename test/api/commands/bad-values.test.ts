import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startProtocolRunner } from "../../support/protocol-runner.ts";
import { startTestServer, type TestServer } from "../../support/server.ts";
import { deploy, trigger } from "../../support/workflows.ts";
import { expectNothingWritten } from "../tables.ts";
import { long, MADE, many, NUL, type Objects, ON_RUN, WRONG } from "./bad-value-table.ts";
import { BULK_COMMANDS, COMMANDS, carriedOut, command, PLAIN, refusal, send } from "./commands.ts";

let server: TestServer;
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
