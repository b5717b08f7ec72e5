import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeToken } from "../api/accounts.ts";
import type { Subscription } from "../api/sockets.ts";
import { HEAD, START } from "../api/streams.ts";
import { startProtocolRunner } from "../support/protocol-runner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { waitFor } from "../support/wait-for.ts";
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

describe("whose runs are told", () => {
  const idsOf = (stream: Subscription): string[] =>
    changesOf(stream).map(({ workflowRunId }) => workflowRunId);

  it("are those of the project, or of all projects that the subscriber may read", async () => {
    const tokens = await Promise.all(
      ["one", "two"].map(async (name) => await server.tokenWith(name, "PROJECT_USER")),
    );
    const [one, two] = await Promise.all(
      ["one", "two"].map(async (project) => await deploy(server.admin, FLOW(project), project)),
    );
    await using own = followRuns(server, HEAD, { token: tokens[0]! });
    await using everything = followRuns(server, HEAD);
    await using other = followRuns(server, HEAD, { projectId: "two" });
    for (const each of [own, everything, other]) await each.until("CaughtUp");
    const foreign = await trigger(server.admin, two!);
    const run = await trigger(server.admin, one!);
    for (const stream of [own, everything])
      await told(stream, ({ workflowRunId }) => workflowRunId === run.id);
    await told(other, ({ workflowRunId }) => workflowRunId === foreign.id);
    expect(new Set(idsOf(own))).toEqual(new Set([run.id]));
    expect(new Set(idsOf(everything))).toEqual(new Set([run.id, foreign.id]));
    expect(new Set(idsOf(other))).toEqual(new Set([foreign.id]));
    await using refused = followRuns(server, HEAD, { token: tokens[0]!, projectId: "two" });
    await using unknown = followRuns(server, HEAD, { token: tokens[0]!, projectId: "three" });
    const refusals = await Promise.all([refused, unknown].map(async (each) => (await each.refusal())[0]!));
    expect(refusals.map(({ message, extensions }) => [message, extensions.code])).toEqual([
      [expect.any(String), "NOT_FOUND"],
      [refusals[0]!.message, "NOT_FOUND"],
    ]);
  });

  it("follow the subscriber's memberships, without ending what others of the old rights hear", async () => {
    const token = await makeToken(server, {
      username: "mover",
      member: { project: "left", role: "PROJECT_USER" },
    });
    const stays = await server.tokenWith("left", "PROJECT_USER");
    const left = await deploy(server.admin, FLOW("left"), "left");
    await server.tokenWith("joined", "PROJECT_USER");
    const joined = await deploy(server.admin, FLOW("joined"), "joined");
    await using mover = followRuns(server, HEAD, { token });
    await mover.until("CaughtUp");
    await using other = followRuns(server, HEAD, { token: stays });
    await other.until("CaughtUp");
    await trigger(server.admin, left);
    for (const each of [mover, other]) await each.until("WorkflowRunsChanged");
    const command = (name: string, input: object) =>
      server.admin.request(
        `mutation ($input: ${name[0]!.toUpperCase()}${name.slice(1)}Input!) { ${name}(input: $input) { userErrors { message } } }`,
        { input },
      );
    const account = { username: "mover" };
    await command("removeProjectMember", { projectId: "left", account });
    await command("setProjectMember", { projectId: "joined", account, role: "PROJECT_USER" });
    // Rights are looked at again after a few seconds: from then on each run is told to one of the two alone.
    const first = await waitFor(
      "a run of the new project",
      async () => {
        const { id } = await trigger(server.admin, joined);
        return idsOf(mover).includes(id) ? id : null;
      },
      { everyMs: 200 },
    );
    expect(idsOf(other)).not.toContain(first);
    const hidden = await trigger(server.admin, left);
    await told(other, ({ workflowRunId }) => workflowRunId === hidden.id);
    const seen = await trigger(server.admin, joined);
    await told(mover, ({ workflowRunId }) => workflowRunId === seen.id);
    expect(idsOf(mover)).not.toContain(hidden.id);
  }, 60_000);
});

describe("a position", () => {
  it("that is none is refused, whatever it looks like", async () => {
    const { cursor } = await listRuns(server);
    const [epoch] = atob(cursor.replaceAll("-", "+").replaceAll("_", "/")).split("|");
    const made = (text: string) => btoa(`${epoch}|changes|${text}`).replaceAll("+", "-").replaceAll("/", "_");
    for (const text of [
      "",
      "5",
      "5:4:",
      "5:9:3",
      "5:9:7,6",
      "0:0:",
      "5:9:x",
      "5:9:/5:9:",
      "5:9:/5:9:/x",
      "5:9:/5:9:/x/y",
      "'",
    ]) {
      await using refused = followRuns(server, { cursor: made(text) });
      expect([text, (await refused.refusal())[0]!.extensions.code]).toEqual([text, "INVALID_CURSOR"]);
    }
    await using long = followRuns(server, { cursor: "a".repeat(40_000) });
    expect((await long.refusal())[0]!.extensions.code).toBe("INVALID_CURSOR");
    await using beyond = followRuns(server, { cursor: made("900000000000000000:900000000000000000:") });
    await beyond.until("CaughtUp");
    expect(beyond.types).toEqual(["Reset", "CaughtUp"]);
    await using elsewhere = followRuns(server, { cursor: btoa("1.1.0|changes|5:9:") });
    await elsewhere.until("CaughtUp");
    expect(elsewhere.types).toEqual(["Reset", "CaughtUp"]);
  });
});
