import pg from "pg";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { ManualClock } from "../support/manual-clock.ts";
import { startProtocolRunner } from "../support/protocol-runner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { deploy, trigger } from "../support/workflows.ts";
import { expectNothingWritten } from "./tables.ts";

const ACTOR = "{ name username type }";
const REASON = `{ code message actor ${ACTOR} at }`;
const STEP = `id order stepRef name type workflowStepId status statusReason ${REASON} result attempt depsCompleted depsRequired
  exitCode queue labels startedAt finishedAt dueAt durationMs cancelProof needs output error runner { id name }
  attempts { id number status exitCode output error runner { name } } currentAttempt { number }`;
/** Everything that a page about one run shows. */
const DETAIL = `query ($id: ID!) { workflowRun(id: $id) { number status statusReason ${REASON} progress inputs payload envVars { key value }
  outputs labels error workflow { name } project { slug } createdBy ${ACTOR} eventCursor can { action allowed }
  stageRuns { id name status stepRuns { ${STEP} stageRun { name } workflowRun { number } } } } }`;
const PAGE = `query ($id: ID!) { workflowRun(id: $id) { stepRuns(first: 250) { nodes { stepRef status needs output error
  runner { name } stageRun { name } attempts { number } } totalCount { value } } } }`;
const LIST = `{ workflowRuns(first: 30) { totalCount { value } nodes { number status inputs payload workflow { name } project { slug }
  createdBy ${ACTOR} statusReason ${REASON} stageRuns { name status stepRuns { stepRef status output } } } } }`;

/** Stages of steps that need each other, one of which fails, is retried or is skipped. */
const FLOW = (stages: number, steps: number) => `name: detail-${stages}-${steps}
inputs: { who: { type: string, default: me } }
outputs: { last: "\${{ steps.s0-0.outputs.key }}" }
stages:
${Array.from(
  { length: stages },
  (_, stage) => `  - name: stage-${stage}
    steps:
${Array.from(
  { length: steps },
  (_, step) =>
    `      - { ref: s${stage}-${step}, run: "true", continueOnError: ${step % 5 === 0}, labels: [l${step % 3}]${step % 4 === 3 ? `, needs: [s${stage}-${step - 1}]` : ""} }\n`,
).join("")}`,
).join("")}`;

let server: TestServer;
/** Ids of runs by how many steps they have. */
const runs = new Map<number, string>();
beforeAll(async () => {
  // A clock that does not ask the database, and no duties: only the requests make statements.
  server = await startTestServer({ clock: new ManualClock(), runDuties: false });
  const runner = await startProtocolRunner(server, { labels: ["l0", "l1", "l2"] });
  for (const [stages, steps] of [
    [2, 10],
    [4, 50],
  ] as const) {
    const { id } = await trigger(server.admin, await deploy(server.admin, FLOW(stages, steps)));
    runs.set(stages * steps, id);
    for (let tasks = await runner.claim(); tasks.length > 0; tasks = await runner.claim({ waitMs: 0 })) {
      await runner.start(...tasks);
      await Promise.all(
        tasks.map(async (task, i) =>
          task.stepRef.endsWith("-5")
            ? await runner.finish(task, "FAILED", { error: "it broke" })
            : await runner.finish(task, "SUCCEEDED", { output: { key: `${i}` } }),
        ),
      );
    }
  }
});
afterAll(async () => await server[Symbol.asyncDispose]());

/** How many statements a request makes, once what never changes has been read. */
async function statementsOf(query: string, variables: object = {}): Promise<number> {
  await server.post({ query, variables });
  const statements = vi.spyOn(pg.Client.prototype, "query");
  try {
    const { body } = await server.post({ query, variables });
    expect(body.errors ?? []).toEqual([]);
    return statements.mock.calls.length;
  } finally {
    statements.mockRestore();
  }
}

describe("a run in full", () => {
  it("holds all that it is made of", async () => {
    const { body } = await server.post({ query: DETAIL, variables: { id: runs.get(200) } });
    const run = body.data.workflowRun;
    expect(run).toMatchObject({
      status: "SUCCEEDED",
      progress: 100,
      outputs: { last: expect.any(String) },
      inputs: { who: "me" },
    });
    const steps = run.stageRuns.flatMap(({ stepRuns }: { stepRuns: object[] }) => stepRuns);
    expect(steps).toHaveLength(200);
    expect(steps.filter(({ status }: { status: string }) => status === "FAILED")).toHaveLength(4);
    for (const step of steps) {
      expect(step.attempts).toHaveLength(1);
      expect(step.depsCompleted).toBe(step.depsRequired);
      expect(step.currentAttempt).toEqual({ number: 1 });
    }
  });

  it("of 200 steps costs as many statements as one of 20", async () => {
    for (const query of [DETAIL, PAGE]) {
      const [few, many] = [
        await statementsOf(query, { id: runs.get(20) }),
        await statementsOf(query, { id: runs.get(200) }),
      ];
      expect(many).toBe(few);
      expect(many).toBeLessThanOrEqual(16);
      expect(many).toBeGreaterThan(2);
    }
  });

  it("in a list costs as many statements as alone", async () => {
    const two = await statementsOf(LIST);
    const workflowId = await deploy(server.admin, FLOW(1, 4));
    for (let i = 0; i < 20; i++) await trigger(server.admin, workflowId);
    expect(await statementsOf(LIST)).toBe(two);
  });

  it("counts no total that is not asked for", async () => {
    const list = (fields: string) => `{ workflowRuns { ${fields} nodes { number } } }`;
    expect(await statementsOf(list("totalCount { value }"))).toBe((await statementsOf(list(""))) + 1);
  });
});

describe("the events of a run, polled,", () => {
  const EVENTS = `query ($id: ID!, $after: String, $first: Int) { workflowRun(id: $id) { eventCursor
    events(after: $after, first: $first) { __typename seq cursor } } }`;
  const poll = async (id: string, variables: object = {}) => {
    const { body } = await server.post({ query: EVENTS, variables: { id, ...variables } });
    expect(body.errors ?? []).toEqual([]);
    return body.data.workflowRun as {
      eventCursor: string;
      events: { __typename: string; seq: number; cursor: string }[];
    };
  };
  const codeOf = async (id: string, variables: object) => {
    const { body } = await expectNothingWritten(
      server.database,
      async () => await server.post({ query: EVENTS, variables: { id, ...variables } }),
    );
    return body.errors?.[0].extensions.code;
  };

  it("are the same that a subscription gets, page by page", async () => {
    const id = runs.get(20)!;
    const seen: number[] = [];
    const first = 7;
    let after: string | null = null;
    for (;;) {
      const { events, eventCursor } = await poll(id, { after, first });
      seen.push(...events.map(({ seq }) => seq));
      after = events.at(-1)?.cursor ?? after;
      if (events.length < first) {
        expect(after).toBe(eventCursor);
        break;
      }
    }
    expect(seen).toEqual(seen.map((_, i) => i + 1));
    const whole = await poll(id, { first: 1_000 });
    expect(whole.events.map(({ seq }) => seq)).toEqual(seen);
    expect(whole.events.at(-1)).toMatchObject({ __typename: "RunFinished", cursor: whole.eventCursor });
    expect((await poll(id)).events).toHaveLength(Math.min(100, seen.length));
    expect((await poll(id, { first: 0 })).events).toEqual([]);
  });

  it("are refused for pages and positions that are none", async () => {
    const [id, other] = [runs.get(20)!, runs.get(200)!];
    for (const first of [-1, 1_001]) expect(await codeOf(id, { first })).toBe("BAD_USER_INPUT");
    const { eventCursor } = await poll(id);
    const change = (by: (text: string) => string) => btoa(by(atob(eventCursor)));
    const beyond = change((text) => text.replace(/(\d+)$/, (seq) => `${Number(seq) + 1}`));
    const huge = change((text) => text.replace(/\d+$/, "99999999999"));
    const elsewhere = change((text) => `1${text}`);
    for (const after of ["", "x", (await poll(other)).eventCursor, beyond, huge, elsewhere])
      expect([after, await codeOf(id, { after })]).toEqual([after, "INVALID_CURSOR"]);
  });
});
