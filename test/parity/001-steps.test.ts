/** The DAG orchestrator of reference 001: what it does to single steps. Its words are explained in 001.test.ts. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { waitFor } from "../support/wait-for.ts";
import { RunningSystem, stepRef } from "./running-system.ts";
import { isAlive } from "./scene.ts";

const STEP = `id workflowRun { id } workflowStepId stepRef currentAttempt { id number status } attempt status
  depsCompleted depsRequired output error startedAt finishedAt createdAt`;
const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);

let system: RunningSystem;
beforeAll(async () => {
  system = await RunningSystem.start();
});
afterAll(async () => await system[Symbol.asyncDispose]());

describe("steps", () => {
  it("001: approve", async () => {
    const scene = system.scene();
    const env = { TICKET: "${{ steps.ask.outputs.ticket }}" };
    const after = scene.step("after", `echo "$TICKET" >> ${scene.path("ticket")}`, { env });
    const { id } = await system.begin([[{ ref: "ask", type: "approval", prompt: "Ship it?" }], [after]]);
    await system.stepInStatus(id, "ask", "WAITING");
    await system.witness();
    expect(scene.executions()).toEqual([]);
    const decision = {
      ...stepRef(id, "ask"),
      verdict: "APPROVE",
      comment: "ship",
      fields: { ticket: "T-1" },
    };
    expect((await system.act("decideApproval", decision)).status).toBe("SUCCEEDED");
    expect((await system.ended(id)).status).toBe("SUCCEEDED");
    expect(scene.lines("ticket")).toEqual(["T-1"]);
    const query = `query ($id: ID!) { workflowRun(id: $id) { approvals { status prompt approvedCount
      decisions { verdict comment fields actor { username } } } } }`;
    expect((await system.ask(query, { id })).approvals).toMatchObject([
      {
        status: "APPROVED",
        prompt: "Ship it?",
        approvedCount: 1,
        decisions: [{ verdict: "APPROVE", comment: "ship", fields: { ticket: "T-1" } }],
      },
    ]);
  });

  it("001: approve, by as many as the quorum asks", async () => {
    const scene = system.scene();
    const second = await system.server.tokenWith("default", "PROJECT_SUPERUSER");
    const { id } = await system.begin([[{ ref: "ask", type: "approval", quorum: 2 }], [scene.step("after")]]);
    await system.stepInStatus(id, "ask", "WAITING");
    const decision = { ...stepRef(id, "ask"), verdict: "APPROVE" };
    expect((await system.act("decideApproval", decision)).status).toBe("WAITING");
    // One actor counts once, however often they say it, and cannot turn round.
    expect((await system.act("decideApproval", decision)).status).toBe("WAITING");
    const turned = await system.refused("decideApproval", { ...decision, verdict: "REJECT" });
    expect(turned).toMatchObject({ __typename: "InvalidState", current: "APPROVE" });
    await system.witness();
    expect(scene.executions()).toEqual([]);
    expect((await system.act("decideApproval", decision, undefined, second)).status).toBe("SUCCEEDED");
    expect((await system.ended(id)).status).toBe("SUCCEEDED");
    expect(scene.executions()).toEqual(["after"]);
  });

  it("001: approve, refused by an approver", async () => {
    const scene = system.scene();
    const { id } = await system.begin([[{ ref: "ask", type: "approval" }], [scene.step("after")]]);
    await system.stepInStatus(id, "ask", "WAITING");
    await system.act("decideApproval", { ...stepRef(id, "ask"), verdict: "REJECT", comment: "too early" });
    const run = await system.ended(id);
    expect(run.status).toBe("FAILED");
    expect(run.steps.ask).toMatchObject({
      status: "FAILED",
      statusReason: { code: "REJECTED", message: "too early" },
    });
    expect(scene.executions()).toEqual([]);
  });

  it("001: skip, before it ran", async () => {
    const scene = system.scene();
    const skipped = scene.step("skipped", "exit 1", { needs: ["held"] });
    const after = scene.step("after", "", { needs: ["skipped"] });
    const { id } = await system.begin([[scene.heldStep("held"), skipped, after]]);
    await system.processes(scene, id, "held");
    const step = await system.act("skipStepRun", { ...stepRef(id, "skipped"), reason: "known to fail" });
    expect(step).toMatchObject({
      status: "SKIPPED",
      statusReason: { code: "REQUESTED", message: "known to fail" },
    });
    const held = await system.refused("skipStepRun", stepRef(id, "held"));
    expect(held).toMatchObject({ __typename: "InvalidState", current: "RUNNING" });
    scene.open("held");
    expect((await system.ended(id)).status).toBe("SUCCEEDED");
    expect(scene.executions().sort()).toEqual(["after", "held"]);
  });

  it("001: skip, after it failed", async () => {
    const scene = system.scene();
    const { id } = await system.begin([[scene.step("bad", "exit 1")], [scene.step("after")]]);
    expect((await system.ended(id)).status).toBe("FAILED");
    expect(scene.executions()).toEqual(["bad"]);
    await system.act("skipStepRun", stepRef(id, "bad"));
    const run = await system.until(id, "new end", ({ status }) => status === "SUCCEEDED");
    expect(run.steps).toMatchObject({ bad: { status: "SKIPPED" }, after: { status: "SUCCEEDED" } });
    expect(scene.executions()).toEqual(["bad", "after"]);
  });

  it("001: force-complete, of a running step", async () => {
    const scene = system.scene();
    const after = scene.step("after", `echo "$URL" >> ${scene.path("url")}`, {
      env: { URL: "${{ steps.held.outputs.url }}" },
    });
    const { id } = await system.begin([[scene.heldStep("held")], [after]]);
    const processes = await system.processes(scene, id, "held");
    await system.act("forceCompleteStepRun", { ...stepRef(id, "held"), result: { url: "made-by-hand" } });
    const run = await system.ended(id);
    expect(processes.filter(isAlive)).toEqual([]);
    expect(run.status).toBe("SUCCEEDED");
    expect(run.steps.held).toMatchObject({
      status: "SUCCEEDED",
      output: { url: "made-by-hand" },
      attempts: [{ number: 1, status: "CANCELED" }],
    });
    expect(scene.lines("url")).toEqual(["made-by-hand"]);
  });

  it("001: force-complete, of a failed step, without a result", async () => {
    const scene = system.scene();
    const { id } = await system.begin([[scene.step("bad", "exit 1")], [scene.step("after")]]);
    await system.ended(id);
    expect(await system.act("forceCompleteStepRun", stepRef(id, "bad"))).toMatchObject({
      status: "SUCCEEDED",
      output: {},
    });
    expect((await system.until(id, "new end", ({ status }) => status === "SUCCEEDED")).status).toBe(
      "SUCCEEDED",
    );
    expect(scene.executions()).toEqual(["bad", "after"]);
  });

  it("001: retry step", async () => {
    const scene = system.scene();
    const bad = scene.step("bad", `[ -e ${scene.path("gate-mended")} ]`);
    const { id } = await system.begin([[scene.step("good"), bad], [scene.step("after")]]);
    const failed = await system.ended(id);
    expect(failed).toMatchObject({ status: "FAILED", steps: { after: { status: "SKIPPED" } } });
    const good = await system.refused("retryStepRun", stepRef(id, "good"));
    expect(good).toMatchObject({ __typename: "InvalidState", current: "SUCCEEDED" });
    scene.open("mended");
    const fields = `stepRun { ${STEP} }`;
    const { stepRun } = await system.act("retryStepRun", stepRef(id, "bad"), fields);
    expect(stepRun).toMatchObject({
      id: failed.steps.bad.id,
      workflowRun: { id },
      stepRef: "bad",
      currentAttempt: { number: 1, status: "FAILED" },
      attempt: 1,
      depsRequired: 0,
      createdAt: TIME,
      workflowStepId: expect.stringMatching(/^wstep_/),
    });
    expect(stepRun.status).toMatch(/QUEUED|PENDING/);
    const run = await system.until(id, "new end", ({ status }) => status === "SUCCEEDED");
    expect(run.steps.bad).toMatchObject({
      attempt: 2,
      attempts: [
        { number: 1, status: "FAILED" },
        { number: 2, status: "SUCCEEDED" },
      ],
    });
    expect(scene.count("good")).toBe(1);
    expect(scene.count("bad")).toBe(2);
    expect(scene.count("after")).toBe(1);
  });

  it("001: replay-subtree", async () => {
    const scene = system.scene();
    const steps = [
      scene.step("root"),
      scene.step("left", "", { needs: ["root"] }),
      scene.step("right", "", { needs: ["root"] }),
      scene.step("join", "", { needs: ["left", "right"] }),
    ];
    const { id } = await system.begin([steps]);
    expect((await system.ended(id)).status).toBe("SUCCEEDED");
    const answer = await system.act(
      "replayStepRunSubtree",
      stepRef(id, "left"),
      "resetCount stepRun { stepRef }",
    );
    expect(answer).toMatchObject({ resetCount: 2, stepRun: { stepRef: "left" } });
    await waitFor("the second join", () => scene.count("join") === 2);
    const run = await system.until(id, "new end", ({ status }) => status === "SUCCEEDED");
    expect(run.steps).toMatchObject({
      root: { attempt: 1 },
      left: { attempt: 2 },
      right: { attempt: 1 },
      join: { attempt: 2 },
    });
    expect(["root", "left", "right", "join"].map((ref) => scene.count(ref))).toEqual([1, 2, 1, 2]);
  });

  it("001: replay-subtree, of what is running, asks approvals again", async () => {
    const scene = system.scene();
    const ask = { ref: "ask", type: "approval", needs: ["root"] };
    const held = scene.heldStep("held", "", { needs: ["ask"] });
    const { id } = await system.begin([[scene.step("root"), ask, held]]);
    const approve = { ...stepRef(id, "ask"), verdict: "APPROVE" };
    await system.stepInStatus(id, "ask", "WAITING");
    await system.act("decideApproval", approve);
    const processes = await system.processes(scene, id, "held");
    const { resetCount } = await system.act("replayStepRunSubtree", stepRef(id, "root"), "resetCount");
    expect(resetCount).toBe(3);
    await waitFor("the second root", () => scene.count("root") === 2);
    await system.stepInStatus(id, "ask", "WAITING");
    await waitFor("the first held step's end", () => !processes.some(isAlive));
    await system.witness();
    expect(scene.count("held")).toBe(1);
    await system.act("decideApproval", approve);
    await system.processes(scene, id, "held", 2);
    scene.open("held");
    expect((await system.ended(id)).status).toBe("SUCCEEDED");
    expect(scene.executions()).toEqual(["root", "held", "root", "held"]);
  });
});
