import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startProtocolRunner } from "../../support/protocol-runner.ts";
import { startTestServer, type TestServer } from "../../support/server.ts";
import { deploy, trigger } from "../../support/workflows.ts";
import { expectNothingWritten } from "../tables.ts";
import {
  auditCount,
  BULK_COMMANDS,
  COMMANDS,
  carriedOut,
  ON_RUNS,
  ON_STEPS,
  PLAIN,
  query,
  refusal,
} from "./commands.ts";

let server: TestServer;
let workflow: string;
beforeAll(async () => {
  server = await startTestServer({ runDuties: false });
  workflow = await deploy(server.admin, PLAIN("revised"));
});
afterAll(async () => await server[Symbol.asyncDispose]());

type Input = Readonly<Record<string, unknown>>;
const prepare = async (mutation: string): Promise<Input> => await COMMANDS[mutation]!(server, workflow);

/** The revision and status of the run that a command is about; null when it is gone. */
async function runOf(input: Input): Promise<{ revision: number; status: string } | null> {
  if ("workflowRunId" in input) {
    const { nodes } = await query(
      server,
      `{ nodes(ids: ["${input["workflowRunId"]}"]) { ... on WorkflowRun { revision status } } }`,
    );
    return nodes[0];
  }
  const { id } = input["step"] as { id: string };
  const { node } = await query(
    server,
    `{ node(id: "${id}") { ... on StepRun { workflowRun { revision status } } } }`,
  );
  return node.workflowRun;
}

describe("expectedRevision", () => {
  it.each([...ON_RUNS, ...ON_STEPS])("stops %s when somebody was there before", async (mutation) => {
    const input = await prepare(mutation);
    const { revision } = (await runOf(input))!;
    const path = "step" in input ? "input.step" : "input.workflowRunId";
    await expectNothingWritten(server.database, async () => {
      for (const expectedRevision of [revision - 1, revision + 1, 0, -1, 2_147_483_647]) {
        if (expectedRevision === revision) continue;
        const refused = await refusal(server, mutation, { ...input, expectedRevision });
        expect(refused).toMatchObject({
          __typename: "RevisionConflict",
          code: "REVISION_CONFLICT",
          path,
          revision,
        });
      }
    });
    await carriedOut(server, mutation, { ...input, expectedRevision: revision });
    // A retry makes another run and leaves this one as it is; a deletion leaves nothing.
    const after = await runOf(input);
    if (mutation === "deleteWorkflowRun") expect(after).toBeNull();
    else expect(after!.revision).toBe(mutation === "retryWorkflowRun" ? revision : revision + 1);
  });

  it("lets one of many win who saw the same", async () => {
    const { id } = await trigger(server.admin, workflow);
    const { revision } = (await runOf({ workflowRunId: id }))!;
    const input = { workflowRunId: id, expectedRevision: revision };
    const answers = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const { body } = await server.post({
          query: `mutation ($input: SetWorkflowRunLabelsInput!) { setWorkflowRunLabels(input: $input) { userErrors { code } } }`,
          variables: { input: { ...input, labels: { winner: `${i}` } } },
        });
        return body.data.setWorkflowRunLabels.userErrors[0]?.code ?? "WON";
      }),
    );
    expect(answers.filter((answer) => answer === "WON")).toHaveLength(1);
    expect(answers.filter((answer) => answer === "REVISION_CONFLICT")).toHaveLength(19);
    expect((await runOf({ workflowRunId: id }))!.revision).toBe(revision + 1);
  });

  it("is not in the way of progress, which is no revision", async () => {
    const one = await deploy(
      server.admin,
      `name: one\nstages: [{ name: a, steps: [{ ref: x, run: "true" }] }]\n`,
    );
    const { id } = await trigger(server.admin, one);
    const { revision } = (await runOf({ workflowRunId: id }))!;
    await (await startProtocolRunner(server)).workOff();
    expect(await runOf({ workflowRunId: id })).toEqual({ revision, status: "SUCCEEDED" });
    await carriedOut(server, "finalizeWorkflowRun", { workflowRunId: id, expectedRevision: revision });
  });
});

/** What the payload of a rehearsal shows: things as they still are, and what the command would do. */
const SHOWN: Readonly<Record<string, (payload: Record<string, unknown>) => unknown>> = {
  triggerWorkflowRun: ({ workflowRun }) => workflowRun === null,
  executeWorkflow: ({ workflowRun, finished }) => workflowRun === null && finished === false,
  retryWorkflowRun: ({ workflowRun, plan }) => workflowRun === null && plan !== null,
  replayStepRunSubtree: ({ stepRun, resetCount }) => stepRun !== null && resetCount === 1,
};

describe("dryRun", () => {
  it.each(Object.keys(COMMANDS))(
    "of %s answers in full and writes nothing, its key neither",
    async (mutation) => {
      const input = { ...(await prepare(mutation)), idempotencyKey: `rehearsed ${mutation}` };
      const before = "step" in input || "workflowRunId" in input ? await runOf(input) : null;
      const payload = await expectNothingWritten(
        server.database,
        async () => await carriedOut(server, mutation, { ...input, dryRun: true }),
      );
      const isShown =
        SHOWN[mutation] ?? (({ workflowRun, stepRun, items }) => workflowRun ?? stepRun ?? items);
      expect(isShown(payload)).toBeTruthy();
      if (before !== null) expect(await runOf(input)).toEqual(before);
      if (payload.workflowRun && before !== null) expect(payload.workflowRun).toMatchObject(before);
      if (BULK_COMMANDS.includes(mutation)) {
        expect(payload).toMatchObject({ total: 1, failedCount: 0, operation: null });
        expect(payload.items).toMatchObject([{ error: null, newRun: null }]);
        expect(payload.items[0].outcome).toMatch(/^(CANCELED|REPLAYED|DELETED|LABELED)$/);
      }
      // The key is as free as before: the command happens now, and another one under the key is in conflict.
      const count = await auditCount(server, mutation);
      await carriedOut(server, mutation, input);
      expect(await auditCount(server, mutation)).toBe(count + 1);
      await carriedOut(server, mutation, {
        ...(await prepare(mutation)),
        idempotencyKey: input.idempotencyKey,
        dryRun: true,
      });
    },
  );

  it("tells what a retry would do", async () => {
    const flow = `name: planned
stages: [{ name: a, steps: [{ ref: x, run: "true" }, { ref: y, run: "true" }, { ref: z, run: "true", needs: [x] }] }]
`;
    const id = await deploy(server.admin, flow);
    const run = await trigger(server.admin, id);
    const runner = await startProtocolRunner(server);
    const tasks = await runner.claim();
    await runner.start(...tasks);
    for (const task of tasks) await runner.finish(task, task.stepRef === "x" ? "FAILED" : "SUCCEEDED");
    const plan = async (input: object) => {
      const request = { workflowRunId: run.id, dryRun: true, ...input };
      const { plan: found } = await expectNothingWritten(
        server.database,
        async () => await carriedOut(server, "retryWorkflowRun", request),
      );
      const reuse = found.reuse.map(({ stepRef, stepRunId }: Record<string, string>) => [stepRef, stepRunId]);
      return [found.execute, reuse];
    };
    expect(await plan({})).toEqual([["x", "z"], [["y", run.steps["y"]]]]);
    expect(await plan({ mode: "ALL" })).toEqual([["x", "y", "z"], []]);
    expect(await plan({ mode: "FROM_STEPS", stepRefs: ["y"] })).toEqual([["x", "y", "z"], []]);
  });

  it("tells of a real run how many it would be about, when they are many", async () => {
    const input = { runs: { filter: {} }, labels: { a: "b" }, dryRun: true };
    const { total, items } = await carriedOut(server, "setWorkflowRunsLabels", input);
    const { workflowRuns } = await query(server, "{ workflowRuns(first: 0) { totalCount { value } } }");
    expect({ total, items: items.length }).toEqual({
      total: workflowRuns.totalCount.value,
      items: total > 100 ? 0 : total,
    });
  });
});
