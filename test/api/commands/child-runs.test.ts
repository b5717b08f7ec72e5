import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { keyOf } from "../../../src/domain/ids.ts";
import { applySignals } from "../../../src/duties/apply-signals.ts";
import { expireRuns } from "../../../src/duties/expire-runs.ts";
import { purgeRuns } from "../../../src/duties/purge-runs.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { type ProtocolRunner, startProtocolRunner } from "../../support/protocol-runner.ts";
import { startTestServer, type TestServer } from "../../support/server.ts";
import { deploy, type TriggeredRun, trigger } from "../../support/workflows.ts";
import { carriedOut, type Payload, query } from "./commands.ts";

const CHILD = `name: child
inputs: { count: { type: number, required: true }, loud: { type: boolean, default: false }, who: { type: string } }
outputs: { said: "\${{ steps.x.outputs.said }}", count: "\${{ inputs.count }}" }
timeout: 1h
stages: [{ name: a, steps: [{ ref: x, run: "true" }] }]
`;
const PARENT = (name: string, child = "child", inputs = "{ count: 3 }") => `name: ${name}
outputs: { heard: "\${{ steps.call.outputs.said }}" }
stages:
  - name: a
    steps:
      - { ref: first, type: external }
      - { ref: call, needs: [first], type: workflow, workflow: ${child}, inputs: ${inputs} }
      - { ref: after, needs: [call], type: external }
`;

const clock = new ManualClock();
let server: TestServer;
let runner: ProtocolRunner;
beforeAll(async () => {
  server = await startTestServer({ clock, runDuties: false });
  runner = await startProtocolRunner(server);
  await deploy(server.admin, CHILD);
});
afterAll(async () => await server[Symbol.asyncDispose]());

const signals = async (): Promise<void> => {
  await applySignals.run(server.app.engine);
};
const complete = async (run: TriggeredRun, ref: string, output: object = {}) =>
  await carriedOut(server, "completeStepRun", { step: { id: run.steps[ref] }, success: true, output });

/** A parent whose step has started its child. */
let made = 0;
async function call(child?: string, inputs?: string, output: object = {}): Promise<TriggeredRun> {
  const run = await trigger(
    server.admin,
    await deploy(server.admin, PARENT(`parent-${made++}`, child, inputs)),
  );
  await complete(run, "first", output);
  await signals();
  return run;
}

const FIELDS = `id status inputs outputs trigger { type ref } triggeredBy createdBy { username } parentRun { id }
  parentStepRun { id } statusReason { code message }`;
async function look({ id, steps }: TriggeredRun): Promise<Payload> {
  const {
    run,
    call: step,
    after,
  } = await query(
    server,
    `{ run: node(id: "${id}") { ... on WorkflowRun { status outputs createdBy { username } children { id } } }
      call: node(id: "${steps["call"]}") { ... on StepRun { status output error attempt statusReason { code message } childRun { ${FIELDS} } } }
      after: node(id: "${steps["after"]}") { ... on StepRun { status } } }`,
  );
  return { run, call: step, child: step.childRun, after: after.status };
}

describe("a step that runs a workflow", () => {
  it("starts it with typed inputs, waits, and hands its outputs on", async () => {
    const run = await call(
      "child",
      `{ count: "\${{ steps.first.outputs.n }}", loud: true, who: "\${{ steps.first.outputs.who }}" }`,
      {
        n: 7,
        who: "you",
      },
    );
    const { run: parent, call: step, child, after } = await look(run);
    expect(step).toMatchObject({ status: "WAITING", attempt: 1 });
    expect(after).toBe("PENDING");
    expect(parent).toMatchObject({ status: "WAITING", children: [{ id: child.id }] });
    expect(child).toMatchObject({
      status: "QUEUED",
      inputs: { count: 7, loud: true, who: "you" },
      trigger: { type: "PARENT", ref: run.steps["call"] },
      createdBy: parent.createdBy,
      parentRun: { id: run.id },
      parentStepRun: { id: run.steps["call"] },
    });
    const task = await runner.claimOne();
    await runner.start(task);
    await runner.finish(task, "SUCCEEDED", { output: { said: "hello" } });
    await signals();
    expect(await look(run)).toMatchObject({
      call: { status: "SUCCEEDED", output: { said: "hello", count: "7" } },
      child: { status: "SUCCEEDED" },
      after: "WAITING",
    });
    await complete(run, "after");
    expect(await look(run)).toMatchObject({ run: { status: "SUCCEEDED", outputs: { heard: "hello" } } });
  });

  it("has one child however often its signal is applied", async () => {
    const run = await trigger(server.admin, await deploy(server.admin, PARENT(`parent-${made++}`)));
    await complete(run, "first");
    await Promise.all([signals(), signals(), signals(), signals()]);
    await signals();
    expect((await look(run)).run.children).toHaveLength(1);
    await carriedOut(server, "cancelWorkflowRun", { workflowRunId: run.id });
    await signals();
  });

  it.each([
    ["FAILED", "FAILED", "ERROR"],
    ["TIMED_OUT", "TIMED_OUT", "TIMEOUT"],
    ["CANCELED", "FAILED", "ERROR"],
  ])("ends like a child that ended %s", async (childStatus, status, code) => {
    const run = await call();
    const { child } = await look(run);
    if (childStatus === "FAILED") {
      const task = await runner.claimOne();
      await runner.start(task);
      await runner.finish(task, "FAILED");
    } else if (childStatus === "CANCELED") {
      await carriedOut(server, "cancelWorkflowRun", { workflowRunId: child.id, reason: "not today" });
    } else {
      clock.advance(60 * 60 * 1_000);
      await expireRuns.run(server.app.engine);
      runner = await startProtocolRunner(server);
    }
    await signals();
    const seen = await look(run);
    expect(seen).toMatchObject({
      run: { status: "FAILED" },
      call: { status, statusReason: { code }, output: null },
      child: { id: child.id, status: childStatus },
      after: "SKIPPED",
    });
    expect(seen.call.error).toContain(`of "child" ended ${childStatus}`);
  });

  it.each([
    ["missing", `there is no workflow "missing"`, "{ count: 1 }"],
    ["child", "count", "{}"],
    ["child", "count", "{ count: many }"],
    ["child", "unknown", "{ count: 1, unknown: x }"],
  ])("fails with a clear reason when %s cannot be run: %s", async (child, message, inputs) => {
    const seen = await look(await call(child, inputs));
    expect(seen).toMatchObject({
      run: { status: "FAILED", children: [] },
      call: { status: "FAILED" },
      child: null,
    });
    expect(seen.call.statusReason).toMatchObject({
      code: "ERROR",
      message: expect.stringContaining(message),
    });
  });

  it("fails when the workflow is archived, or of another project", async () => {
    const archived = await deploy(server.admin, CHILD.replace("name: child", "name: old"));
    await server.admin.request(
      "mutation ($id: ID!) { archiveWorkflow(input: { workflowId: $id }) { userErrors { message } } }",
      { id: archived },
    );
    const seen = await look(await call("old"));
    expect(seen.call).toMatchObject({
      status: "FAILED",
      statusReason: { message: expect.stringContaining("archived") },
    });
    await server.tokenWith("elsewhere", "PROJECT_USER");
    await deploy(server.admin, CHILD.replace("name: child", "name: foreign"), "elsewhere");
    const foreign = await look(await call("foreign"));
    expect(foreign.call.statusReason.message).toBe(`there is no workflow "foreign"`);
  });

  it("goes 10 deep and no deeper", async () => {
    const recursive = `name: recursive\nstages: [{ name: a, steps: [{ ref: call, type: workflow, workflow: recursive }] }]\n`;
    const run = await trigger(server.admin, await deploy(server.admin, recursive));
    for (let i = 0; i < 40; i++) await signals();
    const { workflowRuns } = await query(
      server,
      `{ workflowRuns(first: 100, filter: { search: "recursive" }) { nodes { status parentRun { id } } } }`,
    );
    expect(workflowRuns.nodes).toHaveLength(11);
    expect(new Set(workflowRuns.nodes.map(({ status }: Payload) => status))).toEqual(new Set(["FAILED"]));
    const { node } = await query(server, `{ node(id: "${run.id}") { ... on WorkflowRun { status error } } }`);
    expect(node.error).toContain("10 deep");
  });

  it("takes its child along when its run is canceled, and is dead only when that is", async () => {
    const run = await call();
    const task = await runner.claimOne();
    await runner.start(task);
    await carriedOut(server, "cancelWorkflowRun", { workflowRunId: run.id });
    expect(await look(run)).toMatchObject({ run: { status: "CANCELING" }, call: { status: "CANCELING" } });
    await signals();
    expect(await look(run)).toMatchObject({ child: { status: "CANCELING" }, call: { status: "CANCELING" } });
    await runner.finish(task, "ABORTED");
    await signals();
    expect(await look(run)).toMatchObject({
      run: { status: "CANCELED" },
      call: { status: "CANCELED" },
      child: { status: "CANCELED" },
    });
  });

  it("starts another child when it is done again", async () => {
    const run = await call();
    const { child } = await look(run);
    await carriedOut(server, "cancelWorkflowRun", { workflowRunId: child.id });
    await signals();
    await carriedOut(server, "retryStepRun", { step: { id: run.steps["call"] } });
    await signals();
    const seen = await look(run);
    expect(seen).toMatchObject({ call: { status: "WAITING", attempt: 2 }, child: { status: "QUEUED" } });
    expect(seen.child.id).not.toBe(child.id);
    expect(seen.run.children).toHaveLength(2);
    await runner.workOff();
    await signals();
    expect((await look(run)).call.status).toBe("SUCCEEDED");
  });

  it("fails when its running child is deleted, once that is dead", async () => {
    const run = await call();
    const { child } = await look(run);
    const task = await runner.claimOne();
    await runner.start(task);
    await carriedOut(server, "deleteWorkflowRun", { workflowRunId: child.id, force: true });
    await signals();
    expect(await look(run)).toMatchObject({
      call: { status: "WAITING" },
      child: null,
      run: { children: [] },
    });
    await runner.finish(task, "ABORTED");
    await purgeRuns.run(server.app.engine);
    await signals();
    expect(await look(run)).toMatchObject({
      run: { status: "FAILED" },
      call: {
        status: "FAILED",
        statusReason: { code: "ERROR", message: expect.stringContaining("deleted") },
      },
    });
  });

  it("goes with its child when its own run is deleted", async () => {
    const run = await call();
    const { child } = await look(run);
    const task = await runner.claimOne();
    await runner.start(task);
    await carriedOut(server, "deleteWorkflowRun", { workflowRunId: run.id, force: true });
    await signals();
    await purgeRuns.run(server.app.engine);
    const rows = async () =>
      await server.database.query("select true from workflow_run where id = $1", [
        keyOf("WorkflowRun", run.id),
      ]);
    expect(await rows()).toHaveLength(1);
    await runner.finish(task, "ABORTED");
    await signals();
    await purgeRuns.run(server.app.engine);
    expect(await rows()).toHaveLength(0);
    const { node } = await query(
      server,
      `{ node(id: "${child.id}") { ... on WorkflowRun { status parentRun { id } } } }`,
    );
    expect(node).toEqual({ status: "CANCELED", parentRun: null });
    expect(await server.database.query("select true from run_signal")).toEqual([]);
  });
});

describe("a step that runs a workflow, among others,", () => {
  it("fails when a thousand runs that steps made are open in its project", async () => {
    const { id } = await trigger(server.admin, await deploy(server.admin, PARENT("crowd")));
    await server.database.query(
      `insert into workflow_run select (jsonb_populate_record(r, jsonb_build_object('id', gen_random_uuid(),
          'number', 100000 + i, 'parent_run_id', gen_random_uuid(), 'parent_step_idx', 0, 'parent_attempt', 1))).*
        from workflow_run r, generate_series(1, 1000) i where r.id = '${keyOf("WorkflowRun", id)}'`,
    );
    const refused = await look(await call());
    expect(refused.call.status).toBe("FAILED");
    expect(refused.call.statusReason.message).toContain("1000 runs that steps made are open");
    await server.database.query("delete from workflow_run where number > 100000");
    expect((await look(await call())).child.status).toBe("QUEUED");
  });

  it("is not held up by a signal that cannot be applied", async () => {
    const broken = await trigger(server.admin, await deploy(server.admin, PARENT("broken")));
    // The step waits, but for no child: no code of ours makes such a signal.
    await server.database.query(
      `insert into run_signal (target_run_id, kind, payload, created_at)
        values ('${keyOf("WorkflowRun", broken.id)}', 'START_CHILD', '{"step": 0, "attempt": 1}', now())`,
    );
    const run = await trigger(server.admin, await deploy(server.admin, PARENT("behind")));
    await complete(run, "first");
    await expect(signals()).rejects.toThrow("1 signals could not be applied");
    expect((await look(run)).child.status).toBe("QUEUED");
    await signals();
    clock.advance(30_000);
    await expect(signals()).rejects.toThrow("1 signals could not be applied");
    await server.database.query("delete from run_signal");
  });
});
