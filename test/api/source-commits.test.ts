import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { keyOf } from "../../src/domain/ids.ts";
import { type ProtocolRunner, startProtocolRunner } from "../support/protocol-runner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { deploy, trigger } from "../support/workflows.ts";

const FLOW = (name: string) => `name: ${name}
source: { git: "https://example.org/app.git" }
stages: [{ name: a, steps: [{ ref: x, run: "true" }] }]
`;
const A = "a".repeat(40);
const B = "b".repeat(40);
const C = "c".repeat(40);

let server: TestServer;
let runner: ProtocolRunner;
let workflowId: string;
beforeAll(async () => {
  server = await startTestServer({ runDuties: false });
  workflowId = await deploy(server.admin, FLOW("app"));
  runner = await startProtocolRunner(server);
});
afterAll(async () => await server[Symbol.asyncDispose]());

const commit = (sha: string, message = "m") => ({
  sha,
  message,
  author: "Ada",
  at: "2026-01-02T03:04:05.000Z",
});

async function startRun(input: object = {}, workflow = workflowId) {
  const run = await trigger(server.admin, workflow, { ...input });
  return { run, task: await runner.claimOne() };
}

async function commitsOf(runId: string): Promise<unknown> {
  const [row] = await server.database.query<{ commits: unknown }>(
    "select commits from workflow_run_input where run_id = $1",
    [keyOf("WorkflowRun", runId)],
  );
  return row!.commits;
}

describe("pinRunSource", () => {
  it("answers where the newest earlier run of the workflow and branch stood", async () => {
    const first = await startRun();
    expect(await runner.pin(first.task, A, { branch: "main" })).toEqual({ commit: A, previousCommit: null });
    const aside = await startRun({ branch: "side" });
    expect(await runner.pin(aside.task, B)).toEqual({ commit: B, previousCommit: null });
    const other = await startRun({ branch: "main" }, await deploy(server.admin, FLOW("other")));
    expect(await runner.pin(other.task, B)).toEqual({ commit: B, previousCommit: null });
    const second = await startRun();
    expect(await runner.pin(second.task, B, { branch: "main" })).toEqual({ commit: B, previousCommit: A });
    const third = await startRun({ branch: "main" });
    expect(await runner.pin(third.task, C)).toEqual({ commit: C, previousCommit: B });
    // A later run changes nothing for an earlier one.
    expect(await runner.pin(second.task, C)).toEqual({ commit: B, previousCommit: A });
  });

  it("does not see runs that were deleted", async () => {
    const first = await startRun({ branch: "gone" });
    await runner.pin(first.task, A);
    await server.database.query("update workflow_run set deleted_at = now() where id = $1", [
      keyOf("WorkflowRun", first.run.id),
    ]);
    const second = await startRun({ branch: "gone" });
    expect(await runner.pin(second.task, B)).toMatchObject({ previousCommit: null });
  });

  it("keeps the first list of commits of the commit that the run executes", async () => {
    const { run, task } = await startRun({ branch: "listed" });
    await runner.pin(task, B);
    expect(await commitsOf(run.id)).toBeNull();
    await runner.pin(task, C, { commits: [commit(C)] });
    expect(await commitsOf(run.id)).toBeNull();
    await runner.pin(task, B, { commits: [commit(B, "two"), commit(A, "one")] });
    await runner.pin(task, B, { commits: [] });
    expect(await commitsOf(run.id)).toEqual([commit(B, "two"), commit(A, "one")]);
  });

  it("takes a list for a commit that was given by its beginning", async () => {
    const { run, task } = await startRun({ branch: "short", commit: B.slice(0, 8) });
    await runner.pin(task, B, { commits: [commit(B)] });
    expect(await commitsOf(run.id)).toEqual([commit(B)]);
  });

  it("stores messages however they are cut, and refuses what is no list of commits", async () => {
    const { run, task } = await startRun({ branch: "odd" });
    const many = Array.from({ length: 101 }, () => commit(A));
    await expect(runner.pin(task, B, { commits: many })).rejects.toMatchObject({ codes: ["BAD_USER_INPUT"] });
    await expect(runner.pin(task, B, { commits: [commit("main")] })).rejects.toMatchObject({
      codes: ["BAD_USER_INPUT"],
    });
    expect(await commitsOf(run.id)).toBeNull();
    await runner.pin(task, B, { commits: [commit(B, `\0${"x".repeat(3_998)}\u{1F680}`)] });
    expect(await commitsOf(run.id)).toEqual([commit(B, `\ufffd${"x".repeat(3_998)}\ufffd`)]);
  });
});
