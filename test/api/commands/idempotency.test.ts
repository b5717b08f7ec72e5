import { getNamedType, isInputObjectType } from "graphql";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { forgetOld } from "../../../src/duties/forget-old.ts";
import { buildApiSchema } from "../../../src/graphql/schema.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { startTestServer, type TestServer } from "../../support/server.ts";
import { deploy } from "../../support/workflows.ts";
import { makeToken } from "../accounts.ts";
import { expectNothingWritten } from "../tables.ts";
import {
  auditCount,
  BULK_COMMANDS,
  COMMANDS,
  carriedOut,
  command,
  PLAIN,
  query,
  refusal,
  send,
} from "./commands.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;
const NAMES = Object.keys(COMMANDS);

const clock = new ManualClock();
let server: TestServer;
let workflow: string;
beforeAll(async () => {
  server = await startTestServer({ clock, runDuties: false });
  workflow = await deploy(server.admin, PLAIN("repeated"));
});
afterAll(async () => await server[Symbol.asyncDispose]());

const prepare = async (mutation: string): Promise<Readonly<Record<string, unknown>>> =>
  await COMMANDS[mutation]!(server, workflow);

/** The same command that is refused because of what it names or asks. */
function refusedInput(mutation: string, input: Readonly<Record<string, unknown>>): object {
  if (mutation === "triggerWorkflowRun" || mutation === "executeWorkflow") return { ...input, commit: "abc" };
  if (BULK_COMMANDS.includes(mutation)) return { ...input, runs: { workflowId: "wf_none" } };
  if ("step" in input) return { ...input, step: { id: "step_none" } };
  return { ...input, workflowRunId: "run_none" };
}

describe("an idempotency key", () => {
  it("is taken by every command to runs and steps", () => {
    const mutations = Object.entries(buildApiSchema().getMutationType()!.getFields());
    const withKey = mutations.filter(([, { args }]) => {
      const input = getNamedType(args[0]!.type);
      return isInputObjectType(input) && input.getFields()["idempotencyKey"] !== undefined;
    });
    const toRuns = /(Run|Runs|RunLabels|RunsLabels|Subtree|Approval|executeWorkflow)$/;
    // Commands to tests are looked at with these: test/tests/history.test.ts.
    const names = withKey
      .map(([name]) => name)
      .filter((name) => !/TestRuns$/.test(name))
      .filter((name) => toRuns.test(name));
    expect(names.sort()).toEqual([...NAMES].sort());
  });

  it.each(NAMES)("lets %s happen once, however often it comes at once", async (mutation) => {
    const input = { ...(await prepare(mutation)), idempotencyKey: `at once ${mutation}` };
    const before = await auditCount(server, mutation);
    const answers = await Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        const { clientMutationId, ...payload } = await command(server, mutation, {
          ...input,
          clientMutationId: `${i}`,
        });
        expect(clientMutationId).toBe(`${i}`);
        return payload;
      }),
    );
    expect(await auditCount(server, mutation)).toBe(before + 1);
    for (const { userErrors } of answers) expect(userErrors).toEqual([]);
    const told = answers.map(({ workflowRun, stepRun, plan, resetCount, total, operation }) =>
      JSON.stringify([workflowRun?.id, stepRun?.id, stepRun?.status, plan, resetCount, total, operation?.id]),
    );
    expect(new Set(told).size).toBe(1);
    const keys = await server.database.query("select true from idempotency_key where key = $1", [
      input.idempotencyKey,
    ]);
    expect(keys).toHaveLength(1);
  });

  it.each(NAMES)("answers %s again without doing anything", async (mutation) => {
    const input = { ...(await prepare(mutation)), idempotencyKey: `again ${mutation}` };
    const first = await carriedOut(server, mutation, input);
    const second = await expectNothingWritten(
      server.database,
      async () => await carriedOut(server, mutation, { ...input, clientMutationId: "other" }),
    );
    expect({ ...second, clientMutationId: null }).toEqual(first);
  });

  it.each(NAMES)("of %s is in conflict with another input", async (mutation) => {
    const idempotencyKey = `conflict ${mutation}`;
    await carriedOut(server, mutation, { ...(await prepare(mutation)), idempotencyKey });
    // For a run of the same kind, which the command could well be done to.
    const other = { ...(await prepare(mutation)), idempotencyKey };
    const refused = await expectNothingWritten(
      server.database,
      async () => await refusal(server, mutation, other),
    );
    expect(refused).toMatchObject({
      __typename: "IdempotencyConflict",
      code: "IDEMPOTENCY_CONFLICT",
      path: "input.idempotencyKey",
    });
  });

  it.each(NAMES)("of a %s that was refused is free", async (mutation) => {
    const idempotencyKey = `refused ${mutation}`;
    const input = { ...(await prepare(mutation)), idempotencyKey };
    const refused = refusedInput(mutation, input);
    await expectNothingWritten(server.database, async () => await refusal(server, mutation, refused));
    const before = await auditCount(server, mutation);
    await carriedOut(server, mutation, input);
    expect(await auditCount(server, mutation)).toBe(before + 1);
  });

  it("is good for a day", async () => {
    const inputs = new Map<string, object>();
    const answers = new Map<string, unknown>();
    for (const mutation of NAMES) {
      const input = { ...(await prepare(mutation)), idempotencyKey: "a day" };
      inputs.set(mutation, input);
      answers.set(mutation, await carriedOut(server, mutation, input));
    }
    clock.advance(DAY_MS - 1_000);
    await forgetOld.run(server.app.engine);
    for (const [mutation, input] of inputs) {
      const again = await expectNothingWritten(
        server.database,
        async () => await carriedOut(server, mutation, input),
      );
      expect(JSON.stringify(again)).toBe(JSON.stringify(answers.get(mutation)));
    }
    clock.advance(2_000);
    const outcomes: Record<string, string> = {};
    const idOf = (answer: unknown): unknown => {
      const { workflowRun, operation } = answer as Record<string, { id: string } | undefined>;
      return workflowRun?.id ?? operation?.id;
    };
    for (const [mutation, input] of inputs) {
      const payload = await command(server, mutation, input);
      const [refused] = payload.userErrors;
      const isOther = idOf(payload) !== idOf(answers.get(mutation));
      outcomes[mutation] = refused?.code ?? (isOther ? "another" : "the same");
    }
    expect(outcomes).toEqual({
      triggerWorkflowRun: "another",
      executeWorkflow: "another",
      startWorkflowRun: "INVALID_STATE",
      cancelWorkflowRun: "the same",
      pauseWorkflowRun: "INVALID_STATE",
      resumeWorkflowRun: "INVALID_STATE",
      retryWorkflowRun: "another",
      finalizeWorkflowRun: "the same",
      deleteWorkflowRun: "NOT_FOUND",
      setWorkflowRunLabels: "the same",
      annotateWorkflowRun: "the same",
      abortStepRun: "INVALID_STATE",
      retryStepRun: "INVALID_STATE",
      replayStepRunSubtree: "the same",
      skipStepRun: "INVALID_STATE",
      forceCompleteStepRun: "INVALID_STATE",
      completeStepRun: "the same",
      decideApproval: "the same",
      cancelWorkflowRuns: "another",
      replayWorkflowRuns: "another",
      retryWorkflowRuns: "another",
      deleteWorkflowRuns: "another",
      setWorkflowRunsLabels: "another",
    });
  });

  it("is forgotten after a day, which makes room", async () => {
    clock.advance(DAY_MS + 1);
    await forgetOld.run(server.app.engine);
    expect(await server.database.query("select key from idempotency_key")).toEqual([]);
  });

  it("is each caller's, each mutation's and each project's own", async () => {
    const idempotencyKey = "shared";
    await server.tokenWith("elsewhere", "PROJECT_USER");
    const elsewhere = await deploy(server.admin, PLAIN("elsewhere"), "elsewhere");
    const other = await makeToken(server, {
      username: "other",
      member: { project: "default", role: "PROJECT_SUPERUSER" },
    });
    const runs = [
      await carriedOut(server, "triggerWorkflowRun", { workflowId: workflow, idempotencyKey }),
      await carriedOut(server, "triggerWorkflowRun", { workflowId: elsewhere, idempotencyKey }),
      await carriedOut(server, "triggerWorkflowRun", { workflowId: workflow, idempotencyKey }, other),
      await carriedOut(server, "executeWorkflow", { workflowId: workflow, idempotencyKey, waitMs: 0 }),
    ].map(({ workflowRun }) => workflowRun.id);
    expect(new Set(runs).size).toBe(4);
    // Another token of the same account is the same caller.
    const again = await makeToken(server, { username: "other" });
    const { workflowRun } = await carriedOut(
      server,
      "triggerWorkflowRun",
      { workflowId: workflow, idempotencyKey },
      again,
    );
    expect(workflowRun.id).toBe(runs[2]);
  });

  it("opens nothing to somebody who lost their role", async () => {
    const wish = { username: "leaver", member: { project: "default", role: "PROJECT_SUPERUSER" } } as const;
    const token = await makeToken(server, wish);
    const input = { workflowId: workflow, idempotencyKey: "leaving" };
    await carriedOut(server, "triggerWorkflowRun", input, token);
    await server.database.query(
      "delete from project_member where account_id = (select id from account where username = $1)",
      ["leaver"],
    );
    // For so long the server may remember what a token's owner may do.
    clock.advance(5_001);
    const { body } = await expectNothingWritten(
      server.database,
      async () => await send(server, "triggerWorkflowRun", input, token),
    );
    expect(body.data.triggerWorkflowRun.userErrors).toMatchObject([{ code: "NOT_FOUND" }]);
  });
});

describe("executeWorkflow", () => {
  it("is the same request however long it waits", async () => {
    const nested = { waitMs: 0, clientMutationId: "a", deeper: { waitMs: 0 } };
    const input = { workflowId: workflow, idempotencyKey: "waiting", payload: nested };
    const first = await carriedOut(server, "executeWorkflow", { ...input, waitMs: 0, clientMutationId: "a" });
    const again = { ...input, waitMs: 1, clientMutationId: "b" };
    const second = await carriedOut(server, "executeWorkflow", again);
    expect(first.finished).toBe(false);
    expect(second.workflowRun.id).toBe(first.workflowRun.id);
    const other = { ...input, waitMs: 0, payload: { ...nested, waitMs: 7 } };
    expect(await refusal(server, "executeWorkflow", other)).toMatchObject({ code: "IDEMPOTENCY_CONFLICT" });
  });

  it("hears of the end of the run that the first request made", async () => {
    const input = { workflowId: workflow, idempotencyKey: "ending", waitMs: 20_000 };
    const { workflowRun } = await carriedOut(server, "executeWorkflow", { ...input, waitMs: 0 });
    const waiting = Promise.all(
      [1, 2, 3].map(async () => await carriedOut(server, "executeWorkflow", input)),
    );
    await carriedOut(server, "cancelWorkflowRun", { workflowRunId: workflowRun.id });
    for (const answer of await waiting) {
      expect(answer).toMatchObject({
        finished: true,
        workflowRun: { id: workflowRun.id, status: "CANCELED" },
      });
    }
  });

  it("takes an input whose keys come in another order for the same", async () => {
    const one = { workflowId: workflow, idempotencyKey: "order", labels: { a: "1", b: "2" } };
    const other = { labels: { b: "2", a: "1" }, idempotencyKey: "order", workflowId: workflow };
    const first = await carriedOut(server, "triggerWorkflowRun", one);
    const second = await carriedOut(server, "triggerWorkflowRun", other);
    expect(second.workflowRun.id).toBe(first.workflowRun.id);
    const { workflowRun } = await query(server, `{ workflowRun(id: "${first.workflowRun.id}") { labels } }`);
    expect(workflowRun.labels).toEqual({ a: "1", b: "2" });
  });
});
