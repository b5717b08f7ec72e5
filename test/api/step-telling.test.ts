import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MAX_TRACES } from "../../src/actions/tell-of-step.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { type ProtocolRunner, startProtocolRunner } from "../support/protocol-runner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { deploy, type TriggeredRun, trigger } from "../support/workflows.ts";
import { carriedOut, query, refusal } from "./commands/commands.ts";
import { expectNothingWritten } from "./tables.ts";

const clock = new ManualClock();
let server: TestServer;
let runner: ProtocolRunner;
let flow: string;
beforeAll(async () => {
  server = await startTestServer({ clock, runDuties: false });
  runner = await startProtocolRunner(server);
  flow = await deploy(
    server.admin,
    `name: flow
stages:
  - name: a
    steps: [{ ref: x, run: make }, { ref: y, run: make }]
  - name: b
    steps: [{ ref: z, run: make }, { ref: ext, type: external }]
`,
  );
});
afterAll(async () => await server[Symbol.asyncDispose]());

interface Progress {
  readonly run: number;
  readonly revision: number;
  readonly stages: readonly number[];
  readonly steps: readonly number[];
}

async function look({ id }: TriggeredRun): Promise<Progress> {
  const fields = "progress revision stageRuns { progress stepRuns { progress } }";
  const { workflowRun } = await query(server, `{ workflowRun(id: "${id}") { ${fields} } }`);
  const { progress: run, revision, stageRuns } = workflowRun;
  return {
    run,
    revision,
    stages: stageRuns.map(({ progress }: { progress: number }) => progress),
    steps: stageRuns.flatMap(({ stepRuns }: { stepRuns: { progress: number }[] }) =>
      stepRuns.map(({ progress }) => progress),
    ),
  };
}

async function events({ id }: TriggeredRun): Promise<readonly unknown[]> {
  const fields = `__typename ... on StepProgressed { progress message attempt stepRun { stepRef } }`;
  const { workflowRun } = await query(
    server,
    `{ workflowRun(id: "${id}") { events(first: 100) { ${fields} } } }`,
  );
  return workflowRun.events.filter(
    ({ __typename }: { __typename: string }) => __typename === "StepProgressed",
  );
}

async function tell(run: TriggeredRun, ref: string, progress: number, more: object = {}): Promise<void> {
  await carriedOut(server, "reportStepProgress", { step: { id: run.steps[ref] }, progress, ...more });
}

describe("progress", () => {
  it("of a run is that of its steps, and never falls", async () => {
    const run = await trigger(server.admin, flow);
    const [x, y] = await runner.claim();
    await runner.start(x!, y!);
    await tell(run, "x", 50);
    expect(await look(run)).toEqual({ run: 12, revision: 1, stages: [25, 0], steps: [50, 0, 0, 0] });
    await tell(run, "y", 90);
    expect(await look(run)).toMatchObject({ run: 35, stages: [70, 0], steps: [50, 90, 0, 0] });
    await tell(run, "y", 10);
    expect(await look(run)).toMatchObject({ run: 35, stages: [30, 0], steps: [50, 10, 0, 0] });
    // The end of one counts with what the other told, on the fast way and on the slow one.
    await tell(run, "y", 80);
    await runner.finish(x!, "SUCCEEDED");
    expect(await look(run)).toMatchObject({ run: 45, stages: [90, 0], steps: [100, 80, 0, 0] });
    await runner.finish(y!, "SUCCEEDED");
    await tell(run, "ext", 60);
    expect(await look(run)).toMatchObject({ run: 65, stages: [100, 30] });
    const z = await runner.claimOne();
    await runner.start(z);
    await tell(run, "z", 70);
    await runner.finish(z, "FAILED");
    expect(await look(run)).toMatchObject({ run: 90, stages: [100, 80], steps: [100, 100, 70, 60] });
    await carriedOut(server, "completeStepRun", { step: { id: run.steps["ext"] }, success: true });
    expect(await look(run)).toMatchObject({ run: 90, steps: [100, 100, 70, 100] });
    // Only what begins again falls.
    await carriedOut(server, "retryStepRun", { step: { id: run.steps["z"] } });
    expect(await look(run)).toMatchObject({ run: 75, stages: [100, 50], steps: [100, 100, 0, 100] });
    await runner.workOff();
    expect(await look(run)).toMatchObject({ run: 100, stages: [100, 100] });
  });

  it("is told by two events a second at most, and by the row at once", async () => {
    const run = await trigger(server.admin, flow);
    const [x] = await runner.claim();
    await runner.start(x!);
    await tell(run, "x", 10, { message: "ten" });
    clock.advance(499);
    await tell(run, "x", 20);
    expect((await look(run)).steps[0]).toBe(20);
    const told = { __typename: "StepProgressed", attempt: 1, stepRun: { stepRef: "x" } };
    const first = { ...told, progress: 10, message: "ten" };
    expect(await events(run)).toEqual([first]);
    clock.advance(1);
    await tell(run, "x", 30);
    expect(await events(run)).toEqual([first, { ...told, progress: 30, message: null }]);
    await carriedOut(server, "cancelWorkflowRun", { workflowRunId: run.id, mode: "FORCE" });
  });

  it("and traces are refused when they are faulty", async () => {
    const run = await trigger(server.admin, flow);
    const step = { id: run.steps["x"] };
    const faulty = [
      ["reportStepProgress", { step, progress: -1 }, "input.progress"],
      ["reportStepProgress", { step, progress: 101 }, "input.progress"],
      ["reportStepProgress", { step, progress: 1, message: "x".repeat(501) }, "input.message"],
      ["recordStepTrace", { step, kind: "NOTE", content: "" }, "input.content"],
      ["recordStepTrace", { step, kind: "NOTE", content: "a\0b" }, "input.content"],
      ["recordStepTrace", { step, kind: "NOTE", content: "ä".repeat(32 * 1024 + 1) }, "input.content"],
    ] as const;
    for (const [mutation, input, path] of faulty) {
      const refused = await expectNothingWritten(
        server.database,
        async () => await refusal(server, mutation, input),
      );
      expect(refused).toMatchObject({ code: "VALIDATION_FAILED", path });
    }
  });
});

describe("traces", () => {
  const trace = async (run: TriggeredRun, content: string, more: object = {}) =>
    await carriedOut(server, "recordStepTrace", {
      step: { id: run.steps["ext"] },
      kind: "TOOL",
      content,
      ...more,
    });
  const page = async (run: TriggeredRun, after: string | null) => {
    const args = `first: 2${after === null ? "" : `, after: "${after}"`}`;
    const { node } = await query(
      server,
      `{ node(id: "${run.steps["ext"]}") { ... on StepRun { trace(${args}) {
        totalCount { value } pageInfo { hasNextPage endCursor } nodes { kind content at } } } } }`,
    );
    return node.trace;
  };

  it("are listed in pages, once for each key, and have an end", async () => {
    const source = `name: traced\nstages: [{ name: a, steps: [{ ref: ext, type: external }, { ref: other, type: external }] }]\n`;
    const run = await trigger(server.admin, await deploy(server.admin, source));
    for (const content of ["one", "two", "three"]) {
      const input = { idempotencyKey: content };
      await trace(run, content, input);
      await trace(run, content, input);
    }
    await carriedOut(server, "recordStepTrace", {
      step: { id: run.steps["other"] },
      kind: "NOTE",
      content: "of the other",
    });
    const first = await page(run, null);
    expect(first).toMatchObject({ totalCount: { value: 3 }, pageInfo: { hasNextPage: true } });
    const second = await page(run, first.pageInfo.endCursor);
    const told = [...first.nodes, ...second.nodes].map(({ content }) => content);
    expect(told).toEqual(["one", "two", "three"]);
    expect(second.pageInfo.hasNextPage).toBe(false);
    await server.database.query("update step_run set trace_count = $1 where idx = 0", [MAX_TRACES]);
    const input = { step: { id: run.steps["ext"] }, kind: "NOTE", content: "too much" };
    expect(await refusal(server, "recordStepTrace", input)).toMatchObject({ code: "LIMIT_EXCEEDED" });
  });
});
