import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ProjectRole } from "../../../src/domain/access.ts";
import { wakeSteps } from "../../../src/duties/wake-steps.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { startTestServer, type TestServer } from "../../support/server.ts";
import { deploy, type TriggeredRun, trigger } from "../../support/workflows.ts";
import { makeToken } from "../accounts.ts";
import { expectNothingWritten } from "../tables.ts";
import { carriedOut, command, type Payload, query, refusal, send } from "./commands.ts";

const FLOW = (name: string, keys: string) => `name: ${name}
stages:
  - name: a
    steps:
      - { ref: ok, type: approval${keys} }
      - { ref: after, needs: [ok], type: external }
`;

const clock = new ManualClock();
let server: TestServer;
const tokens: Record<string, string> = {};
beforeAll(async () => {
  server = await startTestServer({ clock, runDuties: false });
  const people: [string, ProjectRole][] = [
    ["ada", "PROJECT_SUPERUSER"],
    ["grace", "PROJECT_SUPERUSER"],
    ["edsger", "PROJECT_ADMIN"],
    ["reader", "PROJECT_USER"],
    ["named", "PROJECT_USER"],
  ];
  for (const [username, role] of people) {
    tokens[username] = await makeToken(server, { username, member: { project: "default", role } });
  }
  tokens["stranger"] = await makeToken(server, {
    username: "stranger",
    member: { project: "other", role: "PROJECT_ADMIN" },
  });
});
afterAll(async () => await server[Symbol.asyncDispose]());

let made = 0;
async function ask(keys = "", by?: string): Promise<TriggeredRun> {
  const workflow = await deploy(server.admin, FLOW(`approval-${made++}`, keys));
  if (by === undefined) return await trigger(server.admin, workflow);
  const { workflowRun } = await carriedOut(
    server,
    "triggerWorkflowRun",
    { workflowId: workflow },
    tokens[by],
  );
  const { node } = await query(
    server,
    `{ node(id: "${workflowRun.id}") { ... on WorkflowRun { stepRuns { nodes { id stepRef } } } } }`,
  );
  const steps = node.stepRuns.nodes.map(({ id, stepRef }: Record<string, string>) => [stepRef, id]);
  return { ...workflowRun, steps: Object.fromEntries(steps) };
}

const inputOf = (run: TriggeredRun, verdict: string, more: object = {}) => ({
  step: { id: run.steps["ok"] },
  verdict,
  ...more,
});
const decide = async (
  run: TriggeredRun,
  by: string,
  verdict = "APPROVE",
  more: object = {},
): Promise<Payload> => await command(server, "decideApproval", inputOf(run, verdict, more), tokens[by]);

interface Seen {
  readonly run: string;
  readonly ok: string;
  readonly code: string | null;
  readonly after: string;
  readonly approval: { status: string; approvedCount: number; deciders: string[] };
  readonly output: unknown;
}
async function look({ id, steps }: TriggeredRun): Promise<Seen> {
  const { run, ok, after } = await query(
    server,
    `{ run: node(id: "${id}") { ... on WorkflowRun { status } }
      ok: node(id: "${steps["ok"]}") { ... on StepRun { status output statusReason { code message } approval {
        status approvedCount closedAt decisions { verdict comment fields actor { username } } } } }
      after: node(id: "${steps["after"]}") { ... on StepRun { status } } }`,
  );
  const { status, approvedCount, decisions } = ok.approval;
  const deciders = decisions.map((each: Payload) => `${each.actor.username} ${each.verdict}`);
  return {
    run: run.status,
    ok: ok.status,
    code: ok.statusReason?.code ?? null,
    after: after.status,
    approval: { status, approvedCount, deciders },
    output: ok.output,
  };
}

const forbidden = async (run: TriggeredRun, by: string): Promise<void> => {
  const { body } = await expectNothingWritten(
    server.database,
    async () => await send(server, "decideApproval", inputOf(run, "APPROVE"), tokens[by]),
  );
  expect(body.data).toEqual({ decideApproval: null });
  expect(body.errors).toMatchObject([{ extensions: { code: "FORBIDDEN" } }]);
};

describe("an approval", () => {
  it("succeeds with its quorum, of different people, with what all of them filled in", async () => {
    const run = await ask(", quorum: 2");
    expect((await decide(run, "ada", "APPROVE", { fields: { a: 1, both: "ada" } })).userErrors).toEqual([]);
    expect(await look(run)).toMatchObject({
      ok: "WAITING",
      after: "PENDING",
      approval: { status: "PENDING", approvedCount: 1 },
    });
    // The same again is no second decision, and another one is refused.
    const again = await expectNothingWritten(
      server.database,
      async () => await decide(run, "ada", "APPROVE"),
    );
    expect(again.userErrors).toEqual([]);
    const other = await expectNothingWritten(server.database, async () => await decide(run, "ada", "REJECT"));
    expect(other.userErrors).toMatchObject([
      { __typename: "InvalidState", current: "APPROVE", path: "input.step" },
    ]);
    clock.advance(1);
    await decide(run, "grace", "APPROVE", { fields: { b: 2, both: "grace" } });
    expect(await look(run)).toEqual({
      run: "WAITING",
      ok: "SUCCEEDED",
      code: null,
      after: "WAITING",
      approval: { status: "APPROVED", approvedCount: 2, deciders: ["ada APPROVE", "grace APPROVE"] },
      output: { a: 1, b: 2, both: "grace" },
    });
    const late = await decide(run, "edsger");
    expect(late.userErrors).toMatchObject([{ __typename: "InvalidState", current: "SUCCEEDED" }]);
  });

  it("counts decisions that come at once, each once", async () => {
    const run = await ask(", quorum: 3");
    const all = ["ada", "grace", "edsger"].flatMap((by) => [by, by, by]);
    const answers = await Promise.all(all.map(async (by) => await decide(run, by)));
    expect(answers.flatMap(({ userErrors }) => userErrors)).toEqual([]);
    const seen = await look(run);
    expect(seen).toMatchObject({ ok: "SUCCEEDED", approval: { status: "APPROVED", approvedCount: 3 } });
    expect(seen.approval.deciders).toHaveLength(3);
  });

  it("fails with a single rejection", async () => {
    const run = await ask(", quorum: 2");
    await decide(run, "ada");
    clock.advance(1);
    await decide(run, "grace", "REJECT", { comment: "not on a Friday" });
    expect(await look(run)).toMatchObject({
      run: "FAILED",
      ok: "FAILED",
      code: "REJECTED",
      after: "SKIPPED",
      approval: { status: "REJECTED", approvedCount: 1, deciders: ["ada APPROVE", "grace REJECT"] },
    });
    const { node } = await query(
      server,
      `{ node(id: "${run.steps["ok"]}") { ... on StepRun { error statusReason { message actor { username } } } } }`,
    );
    expect(node).toEqual({
      error: "not on a Friday",
      statusReason: { message: "not on a Friday", actor: { username: "grace" } },
    });
  });

  it("is asked anew when its step is done again", async () => {
    const run = await ask();
    await decide(run, "ada", "REJECT");
    await carriedOut(server, "retryStepRun", { step: { id: run.steps["ok"] } });
    expect(await look(run)).toMatchObject({
      run: "WAITING",
      ok: "WAITING",
      approval: { status: "PENDING", approvedCount: 0, deciders: [] },
    });
    await decide(run, "ada", "APPROVE");
    expect(await look(run)).toMatchObject({ ok: "SUCCEEDED", approval: { deciders: ["ada APPROVE"] } });
    const { node } = await query(
      server,
      `{ node(id: "${run.id}") { ... on WorkflowRun { approvals { status attempt } } } }`,
    );
    expect(node.approvals).toEqual([
      { status: "REJECTED", attempt: 1 },
      { status: "APPROVED", attempt: 2 },
    ]);
  });

  it("is open to superusers when it names nobody", async () => {
    const run = await ask();
    for (const by of ["reader", "named"]) await forbidden(run, by);
    const foreign = await expectNothingWritten(server.database, async () => await decide(run, "stranger"));
    expect(foreign.userErrors).toMatchObject([{ code: "NOT_FOUND" }]);
    await decide(run, "edsger");
    expect(await look(run)).toMatchObject({ ok: "SUCCEEDED" });
  });

  it("is open to those it names alone, whatever their role", async () => {
    const run = await ask(", approvers: [named, stranger], quorum: 1");
    for (const by of ["ada", "edsger", "reader"]) await forbidden(run, by);
    // Named, but not of the project.
    expect((await decide(run, "stranger")).userErrors).toMatchObject([{ code: "NOT_FOUND" }]);
    const { approvals } = await query(
      server,
      `{ approvals(filter: { mine: true }) { nodes { stepRun { id } } } }`,
      tokens["named"],
    );
    expect(approvals.nodes).toEqual([{ stepRun: { id: run.steps["ok"] } }]);
    await decide(run, "named");
    expect(await look(run)).toMatchObject({ ok: "SUCCEEDED", approval: { deciders: ["named APPROVE"] } });
  });

  it("may be closed to whoever made the run", async () => {
    const run = await ask(", selfApproval: false", "ada");
    await forbidden(run, "ada");
    await decide(run, "grace");
    expect(await look(run)).toMatchObject({ ok: "SUCCEEDED" });
    const open = await ask("", "ada");
    await decide(open, "ada");
    expect(await look(open)).toMatchObject({ ok: "SUCCEEDED" });
  });

  it("is decided while its run is paused, and what follows waits for the resume", async () => {
    const run = await ask();
    await carriedOut(server, "pauseWorkflowRun", { workflowRunId: run.id });
    await decide(run, "ada");
    expect(await look(run)).toMatchObject({
      run: "PAUSED",
      ok: "SUCCEEDED",
      approval: { status: "APPROVED" },
    });
    await carriedOut(server, "resumeWorkflowRun", { workflowRunId: run.id });
    expect(await look(run)).toMatchObject({ run: "WAITING", after: "WAITING" });
  });

  it("times out, and is closed with a run that is canceled", async () => {
    const run = await ask(", timeout: 1h");
    const canceled = await ask();
    await carriedOut(server, "cancelWorkflowRun", { workflowRunId: canceled.id });
    expect(await look(canceled)).toMatchObject({ ok: "CANCELED", approval: { status: "CANCELED" } });
    clock.advance(60 * 60 * 1_000 - 1);
    await wakeSteps.run(server.app.engine);
    expect(await look(run)).toMatchObject({ ok: "WAITING" });
    clock.advance(1);
    await wakeSteps.run(server.app.engine);
    expect(await look(run)).toMatchObject({
      run: "FAILED",
      ok: "TIMED_OUT",
      code: "TIMEOUT",
      approval: { status: "TIMED_OUT" },
    });
    expect(await refusal(server, "decideApproval", inputOf(run, "APPROVE"))).toMatchObject({
      current: "TIMED_OUT",
    });
  });
});

describe("the list of approvals", () => {
  it("has them newest first, by status and for whom they wait", async () => {
    await server.database.query("update workflow_run set deleted_at = now()");
    const first = await ask(", prompt: Ship it?");
    clock.advance(1);
    const second = await ask(", approvers: [named]");
    clock.advance(1);
    const third = await ask(", quorum: 2");
    await decide(third, "ada");
    const list = async (args: string, by?: string): Promise<string[]> => {
      const { approvals } = await query(
        server,
        `{ approvals(${args}) { nodes { stepRun { id } } } }`,
        tokens[by ?? ""] ?? server.adminToken,
      );
      return approvals.nodes.map((each: Payload) => each.stepRun.id);
    };
    const [one, two, three] = [first, second, third].map(({ steps }) => steps["ok"]!);
    expect(await list(`projectId: "default"`)).toEqual([three, two, one]);
    expect(await list("filter: { mine: true }", "ada")).toEqual([one]);
    expect(await list("filter: { mine: true }", "grace")).toEqual([three, one]);
    expect(await list("filter: { mine: true }", "named")).toEqual([two]);
    expect(await list("filter: { mine: true }", "reader")).toEqual([]);
    expect(await list("first: 10", "stranger")).toEqual([]);
    await decide(first, "grace", "REJECT");
    expect(await list("filter: { status: [REJECTED] }")).toEqual([one]);
    expect(await list("filter: { status: [] }")).toEqual([]);
    expect(await list("filter: { status: [PENDING] }")).toEqual([three, two]);
  });
});
