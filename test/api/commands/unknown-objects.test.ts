import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeId, type NodeType } from "../../../src/domain/ids.ts";
import { startTestServer, type TestServer } from "../../support/server.ts";
import { deploy, trigger } from "../../support/workflows.ts";
import { expectNothingWritten } from "../tables.ts";
import { BULK_COMMANDS, carriedOut, ON_RUNS, ON_STEPS, PLAIN, send } from "./commands.ts";

const NOBODY = "00000000-0000-7000-8000-00000000abcd";
/** What commands need beside their object. */
const MORE: Readonly<Record<string, object>> = {
  setWorkflowRunLabels: { labels: { a: "b" } },
  annotateWorkflowRun: { annotations: { a: "b" } },
  setWorkflowRunsLabels: { labels: { a: "b" } },
  completeStepRun: { success: true },
  decideApproval: { verdict: "APPROVE" },
};

let server: TestServer;
/** May do everything in the project `own`, and knows ids of the project `foreign`. */
let token: string;
let ids: Readonly<
  Record<
    | "workflow"
    | "run"
    | "step"
    | "deletedRun"
    | "deletedStep"
    | "foreignWorkflow"
    | "foreignRun"
    | "foreignStep",
    string
  >
>;
beforeAll(async () => {
  server = await startTestServer({ runDuties: false });
  token = await server.tokenWith("own", "PROJECT_ADMIN");
  await server.tokenWith("foreign", "PROJECT_ADMIN");
  const workflow = await deploy(server.admin, PLAIN("own"), "own");
  const foreignWorkflow = await deploy(server.admin, PLAIN("foreign"), "foreign");
  const run = await trigger(server.admin, workflow);
  const foreign = await trigger(server.admin, foreignWorkflow);
  const deleted = await trigger(server.admin, workflow);
  await carriedOut(server, "deleteWorkflowRun", { workflowRunId: deleted.id, force: true });
  ids = {
    workflow,
    run: run.id,
    step: run.steps["x"]!,
    deletedRun: deleted.id,
    deletedStep: deleted.steps["x"]!,
    foreignWorkflow,
    foreignRun: foreign.id,
    foreignStep: foreign.steps["x"]!,
  };
});
afterAll(async () => await server[Symbol.asyncDispose]());

/** Ids that name no object of that type for the holder of the token. */
function nothings(type: NodeType): string[] {
  const parts = type === "StepRun" ? [0] : [];
  const others = { Workflow: ids.run, WorkflowRun: ids.workflow, StepRun: ids.run };
  const foreign = { Workflow: ids.foreignWorkflow, WorkflowRun: ids.foreignRun, StepRun: ids.foreignStep };
  const deleted = { Workflow: [], WorkflowRun: [ids.deletedRun], StepRun: [ids.deletedStep] };
  const known = type as keyof typeof others;
  return [
    foreign[known],
    encodeId(type, NOBODY, ...parts),
    others[known],
    ...deleted[known],
    encodeId("Project", NOBODY),
    encodeId("StepRun", NOBODY, 2_000_000_000),
    ...["", "nonsense", "a\0b", `${foreign[known]}0`, foreign[known].toUpperCase(), "\u{1f4a5}".repeat(50)],
  ];
}

/** Whatever the input names, the whole answer is the same, byte for byte, and nothing is written. */
async function expectSameRefusal(mutation: string, inputs: readonly object[], path: string): Promise<void> {
  const answers = await expectNothingWritten(server.database, async () => {
    const found: string[] = [];
    for (const input of inputs) {
      const { status, body } = await send(server, mutation, { ...MORE[mutation], ...input }, token);
      found.push(JSON.stringify([status, body]));
    }
    return found;
  });
  expect(new Set(answers)).toEqual(new Set([answers[0]]));
  const [status, body] = JSON.parse(answers[0]!);
  expect(status).toBe(200);
  const refused = { __typename: "NotFound", code: "NOT_FOUND", message: "no such object", path };
  expect(body).toMatchObject({ data: { [mutation]: { userErrors: [refused] } } });
}

describe("an id that names nothing for the caller", () => {
  it.each(ON_RUNS)("is no run for %s", async (mutation) => {
    const inputs = nothings("WorkflowRun").map((workflowRunId) => ({ workflowRunId }));
    await expectSameRefusal(mutation, inputs, "input.workflowRunId");
  });

  it.each(ON_STEPS)("is no step for %s", async (mutation) => {
    const byId = nothings("StepRun").map((id) => ({ step: { id } }));
    const byRun = nothings("WorkflowRun").map((workflowRunId) => ({
      step: { ref: { workflowRunId, stepRef: "x" } },
    }));
    const byRef = ["none", "", "X", "a\0b", "x".repeat(10_000)].map((stepRef) => ({
      step: { ref: { workflowRunId: ids.run, stepRef } },
    }));
    const elsewhere = { step: { id: ids.step.replace(/..$/, "zz") } };
    await expectSameRefusal(mutation, [...byId, ...byRun, ...byRef, elsewhere], "input.step");
  });

  it.each(["triggerWorkflowRun", "executeWorkflow"])("is no workflow for %s", async (mutation) => {
    const inputs = nothings("Workflow").map((workflowId) => ({ workflowId }));
    await expectSameRefusal(mutation, inputs, "input.workflowId");
  });

  it.each(["sourceRunId", "parentRunId"])("is no %s for a trigger", async (name) => {
    const inputs = nothings("WorkflowRun").map((id) => ({ workflowId: ids.workflow, [name]: id }));
    await expectSameRefusal("triggerWorkflowRun", inputs, `input.${name}`);
  });

  it("is no run of the same project even for somebody who may see it", async () => {
    for (const name of ["sourceRunId", "parentRunId"]) {
      const input = { workflowId: ids.workflow, [name]: ids.foreignRun };
      const { body } = await expectNothingWritten(
        server.database,
        async () => await send(server, "triggerWorkflowRun", input),
      );
      expect(body.data.triggerWorkflowRun.userErrors).toMatchObject([
        { code: "NOT_FOUND", path: `input.${name}` },
      ]);
    }
  });

  it.each(BULK_COMMANDS)("is no workflow for %s", async (mutation) => {
    const inputs = nothings("Workflow").map((workflowId) => ({ runs: { workflowId } }));
    await expectSameRefusal(mutation, inputs, "input.runs.workflowId");
  });

  it.each(BULK_COMMANDS)("is a run that %s did not find", async (mutation) => {
    const given = nothings("WorkflowRun");
    const input = { runs: { ids: given }, dryRun: true, ...MORE[mutation] };
    const { body } = await expectNothingWritten(
      server.database,
      async () => await send(server, mutation, input, token),
    );
    const { items, total, failedCount, userErrors } = body.data[mutation];
    expect(userErrors).toEqual([]);
    expect({ total, failedCount }).toEqual({ total: given.length, failedCount: given.length });
    const nothing = { outcome: "NOT_FOUND", error: "no such object", newRun: null, originalRun: null };
    expect(items.map(({ workflowRunId, ...item }: { workflowRunId: string }) => item)).toEqual(
      given.map(() => nothing),
    );
    // What the request cannot carry as it was given comes back mended.
    const returned = items.map(({ workflowRunId }: { workflowRunId: string }) => workflowRunId);
    expect([...returned].sort()).toEqual([...given].sort());
  });

  it("is no bulk operation, and neither is somebody else's", async () => {
    const operation = await carriedOut(server, "setWorkflowRunsLabels", {
      runs: { ids: [ids.run] },
      labels: { a: "c" },
    });
    const inputs = [operation.operation.id, encodeId("BulkOperation", NOBODY), ids.run, "", "a\0b"].map(
      (bulkOperationId) => ({ bulkOperationId }),
    );
    await expectSameRefusal("abortBulkOperation", inputs, "input.bulkOperationId");
  });
});

describe("somebody without the role", () => {
  it.each([...ON_RUNS, ...ON_STEPS, "triggerWorkflowRun", "executeWorkflow"])(
    "may not %s what they see",
    async (mutation) => {
      const user = await server.tokenWith("own", "PROJECT_USER");
      const object = ON_RUNS.includes(mutation)
        ? { workflowRunId: ids.run }
        : ON_STEPS.includes(mutation)
          ? { step: { ref: { workflowRunId: ids.run, stepRef: mutation === "decideApproval" ? "ok" : "x" } } }
          : { workflowId: ids.workflow };
      const { body } = await expectNothingWritten(
        server.database,
        async () => await send(server, mutation, { ...MORE[mutation], ...object }, user),
      );
      expect(body.data).toEqual({ [mutation]: null });
      expect(body.errors).toMatchObject([{ path: [mutation], extensions: { code: "FORBIDDEN" } }]);
    },
  );
});
