import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Subscription } from "../api/sockets.ts";
import { HEAD, START } from "../api/streams.ts";
import { startProtocolRunner } from "../support/protocol-runner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { deploy, trigger } from "../support/workflows.ts";
import { followRuns, listRuns, type RunChange } from "./list-streams.ts";

const FLOW = (name: string) => `name: ${name}\nstages: [{ name: a, steps: [{ ref: x, run: "true" }] }]\n`;

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ runDuties: false });
});
afterAll(async () => await server[Symbol.asyncDispose]());

function changesOf(stream: Subscription): RunChange[] {
  return stream.messages.flatMap(({ changes = [] }) => changes as RunChange[]);
}

/** Waits until a run is told in a way. */
async function told(stream: Subscription, fits: (change: RunChange) => boolean): Promise<RunChange> {
  await stream.until(({ changes = [] }) => changes.some(fits));
  return changesOf(stream).find(fits)!;
}

describe("a list that is followed", () => {
  it("is told of a run that is made, changes, and is deleted", async () => {
    const workflowId = await deploy(server.admin, FLOW("life"));
    const { cursor } = await listRuns(server);
    await using stream = followRuns(server, { cursor });
    await stream.until("CaughtUp");
    const run = await trigger(server.admin, workflowId);
    const of = (change: string, status?: string) => (each: RunChange) =>
      each.workflowRunId === run.id &&
      each.change === change &&
      (status === undefined || each.workflowRun?.status === status);
    expect((await told(stream, of("ENTERED"))).workflowRun).toMatchObject({ id: run.id });
    await (await startProtocolRunner(server)).workOff();
    await told(stream, of("UPDATED", "SUCCEEDED"));
    await server.admin.request(
      `mutation ($id: ID!) { deleteWorkflowRun(input: { workflowRunId: $id }) { userErrors { message } } }`,
      { id: run.id },
    );
    expect((await told(stream, of("LEFT"))).workflowRun).toBeNull();
  });

  it("is told that a run left which its filter does not match any more", async () => {
    const workflowId = await deploy(server.admin, FLOW("filtered"));
    await using stream = followRuns(server, HEAD, {
      filter: { status: ["QUEUED"], workflowIds: [workflowId] },
    });
    await stream.until("CaughtUp");
    const run = await trigger(server.admin, workflowId);
    await told(stream, ({ change, workflowRunId }) => change === "ENTERED" && workflowRunId === run.id);
    await (await startProtocolRunner(server)).workOff();
    const left = await told(
      stream,
      ({ change, workflowRunId }) => change === "LEFT" && workflowRunId === run.id,
    );
    expect(left.workflowRun).toMatchObject({ id: run.id });
  });

  it("goes on from any cursor, and from START with what is kept", async () => {
    const workflowId = await deploy(server.admin, FLOW("resumed"));
    await using first = followRuns(server, HEAD);
    await first.until("CaughtUp");
    const one = await trigger(server.admin, workflowId);
    await told(first, ({ workflowRunId }) => workflowRunId === one.id);
    const { cursor } = first.messages.at(-1)!;
    const two = await trigger(server.admin, workflowId);
    await using second = followRuns(server, { cursor });
    await second.until("CaughtUp");
    expect(changesOf(second).map(({ workflowRunId }) => workflowRunId)).toEqual([two.id]);
    await using again = followRuns(server, { cursor: second.messages.at(-1)!.cursor });
    await again.until("CaughtUp");
    expect(changesOf(again)).toEqual([]);
    await using all = followRuns(server, START);
    await all.until("CaughtUp");
    expect(changesOf(all).map(({ workflowRunId }) => workflowRunId)).toEqual(
      expect.arrayContaining([one.id, two.id]),
    );
  });

  it("is told of each of a workflow's runs when the workflow is renamed", async () => {
    const workflowId = await deploy(server.admin, FLOW("before"));
    const runs = [await trigger(server.admin, workflowId), await trigger(server.admin, workflowId)];
    await using stream = followRuns(server, HEAD, { filter: { workflowIds: [workflowId] } });
    await stream.until("CaughtUp");
    await server.admin.request(
      `mutation ($id: ID!) { renameWorkflow(input: { workflowId: $id, name: "after" }) { userErrors { message } } }`,
      { id: workflowId },
    );
    for (const { id } of runs) {
      const { change, workflowRun } = await told(stream, ({ workflowRunId }) => workflowRunId === id);
      expect({ change, name: workflowRun!.workflow.name }).toEqual({ change: "UPDATED", name: "after" });
    }
  });
});
