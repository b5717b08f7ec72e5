import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { decodeId } from "../../src/domain/ids.ts";
import { Database } from "../../src/persistence/database.ts";
import { Growth } from "../../src/realtime/growth.ts";
import { nextFrame, openSocket, type StreamMessage, Subscription } from "../api/sockets.ts";
import { followEvents, HEAD, START } from "../api/streams.ts";
import { countWatches } from "../support/count-watches.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { waitFor } from "../support/wait-for.ts";
import { deploy, type TriggeredRun, trigger } from "../support/workflows.ts";
import { followRuns } from "./list-streams.ts";

const FLOW = "name: awkward\nstages: [{ name: only, steps: [{ ref: outside, type: external }] }]\n";
const EVENTS = `subscription ($id: ID!, $after: StreamPosition!) {
  runEvents(workflowRunId: $id, after: $after) { __typename cursor ... on RunEvent { seq workflowRun { annotations } } } }`;

let server: TestServer;
let workflowId: string;
let followed: () => number;
beforeAll(async () => {
  server = await startTestServer({ clock: new ManualClock(), runDuties: false });
  workflowId = await deploy(server.admin, FLOW);
  followed = countWatches(server.app.engine.bus);
});
afterAll(async () => await server[Symbol.asyncDispose]());

/** Makes one event. */
async function note({ steps }: TriggeredRun): Promise<void> {
  const mutation = `mutation ($step: StepRunSelector!) {
    recordStepTrace(input: { step: $step, kind: NOTE, content: "n" }) { userErrors { message } } }`;
  await server.admin.request(mutation, { step: { id: steps["outside"] } });
}

async function command(name: string, input: object): Promise<void> {
  const type = `${name[0]!.toUpperCase()}${name.slice(1)}Input`;
  const mutation = `mutation ($input: ${type}!) { ${name}(input: $input) { userErrors { message } } }`;
  const answer = (await server.admin.request(mutation, { input })) as Record<string, { userErrors: unknown }>;
  expect(answer[name]!.userErrors).toEqual([]);
}

describe("an operation's id that is used again at once", () => {
  it("names the newest operation only: each event comes once, and nothing is followed when the socket is gone", async () => {
    const run = await trigger(server.admin, workflowId);
    const socket = await openSocket(server.url, { authorization: `Bearer ${server.adminToken}` });
    socket.send(JSON.stringify({ type: "connection_init" }));
    await nextFrame(socket);
    const messages: StreamMessage[] = [];
    socket.on("message", (data: Buffer) => {
      const { type, payload } = JSON.parse(data.toString());
      if (type === "next") messages.push(payload.data.runEvents);
    });
    const payload = { query: EVENTS, variables: { id: run.id, after: HEAD } };
    const subscribe = JSON.stringify({ id: "1", type: "subscribe", payload });
    for (let i = 0; i < 3; i++) {
      socket.send(subscribe);
      socket.send(JSON.stringify({ id: "1", type: "complete" }));
    }
    socket.send(subscribe);
    await waitFor("it to be live", () => messages.some(({ __typename }) => __typename === "CaughtUp"));
    const other = new Subscription(server.url, server.adminToken, EVENTS, { id: run.id, after: HEAD });
    await other.until("CaughtUp");
    for (let i = 0; i < 3; i++) await note(run);
    await other.until(({ seq }) => seq === other.messages[1]!["seq"] + 2);
    const seqs = messages.flatMap(({ seq }) => (seq === undefined ? [] : [seq]));
    expect(seqs).toEqual([...new Set(seqs)]);
    expect(seqs).toHaveLength(3);
    await other[Symbol.asyncDispose]();
    expect(followed()).toBe(1);
    socket.terminate();
    await waitFor("nothing to be followed", () => followed() === 0);
  });
});

describe("events of a run", () => {
  it("that was deleted but is not purged yet end with RunDeleted, from START and from HEAD", async () => {
    const run = await trigger(server.admin, workflowId);
    await command("deleteWorkflowRun", { workflowRunId: run.id, force: true });
    for (const after of [START, HEAD]) {
      await using events = followEvents(server, run.id, { after, until: "DELETED" });
      expect((await events.all()).at(-1)).toMatchObject({ __typename: "RunDeleted" });
    }
  });

  it("that are not there any more are a Reset, and the stream goes on", async () => {
    const run = await trigger(server.admin, workflowId);
    await server.database.query("delete from run_event where run_id = $1", [decodeId(run.id)!.uuid]);
    await using events = followEvents(server, run.id, { after: START });
    expect((await events.until("CaughtUp")).map(({ __typename }) => __typename)).toEqual([
      "Reset",
      "CaughtUp",
    ]);
    await note(run);
    await events.until("StepTraced");
  });

  it("go on though the run grows while it is looked whether something was missed", async () => {
    const run = await trigger(server.admin, workflowId);
    await using events = followEvents(server, run.id, { after: HEAD });
    await events.until("CaughtUp");
    const original = Database.prototype.query;
    let held = 0;
    const spy = vi.spyOn(Database.prototype, "query").mockImplementation(async function (
      this: Database,
      ...[statement, values]
    ) {
      const rows = await original.call(this, statement, values);
      if (statement.name !== "event-heads") return rows as never;
      // The answer arrives after an event that it does not know of.
      held++;
      const before = events.messages.length;
      await note(run);
      await waitFor("the event", () => events.messages.length > before);
      return rows as never;
    });
    try {
      await waitFor("a look", () => held > 0 && events.messages.length > 1);
    } finally {
      spy.mockRestore();
    }
    await note(run);
    await waitFor("what follows", () => events.messages.length > 2);
    expect(events.problem).toBeNull();
  });

  it("that come while a message takes long are made together after it", async () => {
    const run = await trigger(server.admin, workflowId);
    await using slow = new Subscription(server.url, server.adminToken, EVENTS, { id: run.id, after: HEAD });
    await slow.until("CaughtUp");
    const plain = EVENTS.replace("workflowRun { annotations }", "");
    await using quick = new Subscription(server.url, server.adminToken, plain, { id: run.id, after: HEAD });
    await quick.until("CaughtUp");
    const notes = 40;
    const original = Database.prototype.query;
    let reads = 0;
    const spy = vi.spyOn(Database.prototype, "query").mockImplementation(async function (
      this: Database,
      ...[statement, values]
    ) {
      const isLink = statement.name === "find-runs";
      if (isLink) reads++;
      // The first one takes until everything has happened.
      if (isLink && reads === 1) await waitFor("all events", () => quick.messages.length > notes);
      return (await original.call(this, statement, values)) as never;
    });
    try {
      for (let i = 0; i < notes; i++) await note(run);
      await waitFor("all of them", () => slow.messages.length > notes);
    } finally {
      spy.mockRestore();
    }
    const seqs = slow.messages.slice(1).map(({ seq }) => seq);
    expect(seqs).toEqual(seqs.map((_, i) => seqs[0] + i));
    expect(reads).toBeLessThan(notes / 2);
  });

  it("link to what is current when somebody comes later", async () => {
    const run = await trigger(server.admin, workflowId);
    await using first = new Subscription(server.url, server.adminToken, EVENTS, { id: run.id, after: HEAD });
    await first.until("CaughtUp");
    await note(run);
    const [, traced] = await first.until("StepTraced");
    expect(traced!["workflowRun"].annotations).toEqual({});
    await command("annotateWorkflowRun", { workflowRunId: run.id, annotations: { k: "v" } });
    await waitFor("what was made to be made anew", async () => {
      await using second = new Subscription(server.url, server.adminToken, EVENTS, {
        id: run.id,
        after: START,
      });
      const messages = await second.until("CaughtUp");
      const same = messages.find(({ seq }) => seq === traced!["seq"]);
      return same!["workflowRun"].annotations["k"] === "v";
    });
  });
});

describe("a list that is followed by a project's slug", () => {
  it("stays that project's when the slug changes", async () => {
    const { createProject } = (await server.admin.request(
      `mutation { createProject(input: { slug: "old", name: "Old" }) { project { id } } }`,
    )) as { createProject: { project: { id: string } } };
    const projectId = createProject.project.id;
    const own = await deploy(server.admin, FLOW, projectId);
    await using runs = followRuns(server, HEAD, { projectId: "old" });
    await runs.until("CaughtUp");
    await command("updateProject", { projectId, slug: "new" });
    const run = await trigger(server.admin, own);
    const [change] = (await runs.until(({ changes }) => changes !== undefined)).at(-1)!["changes"];
    expect(change).toMatchObject({ change: "ENTERED", workflowRunId: run.id });
  });
});

describe("growth", () => {
  it.each([0, 1, 2, 3, 4, 5, 6])(
    "reads what was there before the call, also when one reading ends %i turns after the call",
    async (turns) => {
      let written = 1;
      let read = 0;
      const growth = new Growth(async () => {
        await null;
        read = written;
      });
      const late = async (): Promise<void> => {
        for (let i = 0; i < turns; i++) await null;
        written = 2;
        await growth.grow();
        expect(read).toBe(2);
      };
      await Promise.all([growth.grow(), late()]);
    },
  );
});
