import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ManualClock } from "../support/manual-clock.ts";
import { startProtocolRunner } from "../support/protocol-runner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { deploy, type TriggeredRun, trigger } from "../support/workflows.ts";

const clock = new ManualClock();
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ clock, runDuties: false });
});
afterAll(async () => await server[Symbol.asyncDispose]());

const WAIT =
  "waitingOn { kind message until stepRefs queue runnerLabels holders { stepRef workflowRun { number } } }";
const QUERY = `query ($id: ID!) { workflowRun(id: $id) { status draining ${WAIT}
  stepRuns(first: 100) { nodes { stepRef status ${WAIT} } } } }`;

interface Wait {
  readonly kind: string;
  readonly until: string | null;
  readonly stepRefs: string[];
  readonly queue: string | null;
  readonly runnerLabels: string[];
  readonly holders: { stepRef: string }[];
}

async function waits(runId: string) {
  const { body } = await server.post({ query: QUERY, variables: { id: runId } });
  expect(body.errors ?? []).toEqual([]);
  const { stepRuns, ...run } = body.data.workflowRun;
  const steps = stepRuns.nodes.map(({ stepRef, waitingOn }: { stepRef: string; waitingOn: Wait }) => [
    stepRef,
    waitingOn,
  ]);
  return {
    run: run as { status: string; draining: boolean; waitingOn: Wait | null },
    steps: Object.fromEntries(steps) as Record<string, Wait | null>,
  };
}

let made = 0;
async function runOf(steps: readonly string[], more = ""): Promise<TriggeredRun> {
  const name = `flow-${made++}`;
  const source = `name: ${name}\n${more}stages:\n  - name: a\n    steps:\n${steps.map((step) => `      - ${step}\n`).join("")}`;
  return await trigger(server.admin, await deploy(server.admin, source));
}

async function command(mutation: string, input: object): Promise<void> {
  const type = `${mutation[0]!.toUpperCase()}${mutation.slice(1)}Input`;
  const query = `mutation ($input: ${type}!) { ${mutation}(input: $input) { userErrors { message } } }`;
  const { body } = await server.post({ query, variables: { input } });
  expect(body.errors ?? []).toEqual([]);
  expect(body.data[mutation].userErrors).toEqual([]);
}

describe("a step tells what it waits for:", () => {
  it("other steps, a runner that does not exist, one that is busy, and nothing", async () => {
    const run = await runOf([
      `{ ref: one, run: "true", queue: rare, labels: [gpu, big] }`,
      `{ ref: two, run: "true", queue: rare, labels: [big] }`,
      `{ ref: three, run: "true", needs: [one, two] }`,
    ]);
    const none = await waits(run.id);
    expect(none.steps["one"]).toMatchObject({
      kind: "RUNNER_LABELS",
      queue: "rare",
      runnerLabels: ["big", "gpu"],
      holders: [],
    });
    expect(none.steps["three"]).toMatchObject({ kind: "DEPENDENCY", stepRefs: ["one", "two"], queue: null });
    expect(none.run.waitingOn).toMatchObject({ kind: "RUNNER_LABELS", stepRefs: ["one", "two"] });

    const runner = await startProtocolRunner(server, { queues: ["rare"], labels: ["big"] });
    const idle = await waits(run.id);
    expect(idle.steps["one"]).toMatchObject({ kind: "RUNNER_LABELS" });
    expect(idle.steps["two"]).toBeNull();

    // The older run is served first; within one millisecond no run is older.
    clock.advance(1);
    const other = await runOf([`{ ref: hog, run: "true", queue: rare, labels: [big] }`]);
    await server.database.query(
      "update runner set capacity = 1 where id in (select runner_id from runner_session)",
    );
    const task = await runner.claimOne();
    expect(task.stepRef).toBe("two");
    expect((await waits(run.id)).steps["two"]).toBeNull();
    await runner.start(task);
    const busy = await waits(other.id);
    expect(busy.steps["hog"]).toMatchObject({ kind: "CAPACITY", queue: "rare", stepRefs: [] });
    expect(busy.steps["hog"]!.holders).toEqual([{ stepRef: "two", workflowRun: { number: 1 } }]);
    expect((await waits(run.id)).run.waitingOn).toBeNull();
    await runner.finish(task, "SUCCEEDED");
    const freed = await waits(run.id);
    expect(freed.steps["two"]).toBeNull();
    expect(freed.steps["three"]).toMatchObject({ kind: "DEPENDENCY", stepRefs: ["one"] });
    clock.advance(31_000);
    expect((await waits(other.id)).steps["hog"]).toMatchObject({ kind: "RUNNER_LABELS" });
  });

  it("earlier stages", async () => {
    const source = `name: staged
stages:
  - { name: a, steps: [{ ref: a1, run: "true" }, { ref: a2, run: "true" }] }
  - { name: b, steps: [{ ref: b1, run: "true" }] }
`;
    const run = await trigger(server.admin, await deploy(server.admin, source));
    expect((await waits(run.id)).steps["b1"]).toMatchObject({ kind: "DEPENDENCY", stepRefs: ["a1", "a2"] });
  });

  it("a delay, an approval, an external system", async () => {
    const run = await runOf([
      "{ ref: later, type: delay, duration: 1h }",
      "{ ref: ok, type: approval, timeout: 2h }",
      "{ ref: mirrors, type: external }",
    ]);
    const { run: whole, steps } = await waits(run.id);
    const at = (hours: number) => new Date(clock.now().getTime() + hours * 3_600_000).toISOString();
    expect(steps["later"]).toMatchObject({ kind: "DELAY", until: at(1) });
    expect(steps["ok"]).toMatchObject({ kind: "APPROVAL", until: at(2) });
    expect(steps["mirrors"]).toMatchObject({ kind: "EXTERNAL_COMPLETION", until: null });
    expect(whole).toMatchObject({ status: "WAITING", waitingOn: { kind: "DELAY", stepRefs: ["later"] } });
  });

  it("its next try, and nothing once it has ended", async () => {
    const runner = await startProtocolRunner(server, { queues: ["retried"] });
    const run = await runOf([`{ ref: x, run: "true", queue: retried, retry: { attempts: 2, backoff: 1m } }`]);
    const task = await runner.claimOne();
    await runner.start(task);
    await runner.finish(task, "FAILED", { error: "it broke" });
    const { steps } = await waits(run.id);
    const until = new Date(clock.now().getTime() + 60_000).toISOString();
    expect(steps["x"]).toMatchObject({ kind: "BACKOFF", until });
    await command("cancelWorkflowRun", { workflowRunId: run.id });
    const ended = await waits(run.id);
    expect([ended.run.waitingOn, ended.steps["x"]]).toEqual([null, null]);
  });

  it("a slot of its run", async () => {
    const steps = ["one", "two"].map((ref) => `{ ref: ${ref}, run: "true", queue: slots }`);
    const run = await runOf(steps, "maxParallelSteps: 1\n");
    const runner = await startProtocolRunner(server, { queues: ["slots"] });
    await runner.start(await runner.claimOne());
    const waiting = await waits(run.id);
    expect(waiting.steps["one"]).toBeNull();
    expect(waiting.steps["two"]).toMatchObject({ kind: "SLOT", stepRefs: ["one"], queue: "slots" });
  });

  it("the end of a pause, during which what runs drains", async () => {
    const run = await runOf(["one", "two"].map((ref) => `{ ref: ${ref}, run: "true", queue: paused }`));
    const runner = await startProtocolRunner(server, { queues: ["paused"] });
    const task = await runner.claimOne();
    await runner.start(task);
    await command("pauseWorkflowRun", { workflowRunId: run.id });
    const draining = await waits(run.id);
    expect(draining.run).toMatchObject({ status: "PAUSED", draining: true, waitingOn: { kind: "PAUSE" } });
    expect(draining.steps["one"]).toBeNull();
    expect(draining.steps["two"]).toMatchObject({ kind: "PAUSE" });
    await runner.finish(task, "SUCCEEDED");
    expect((await waits(run.id)).run).toMatchObject({ status: "PAUSED", draining: false });
  });

  it("the start of its run", async () => {
    const source = `name: by-hand\nstages: [{ name: a, steps: [{ ref: x, run: "true" }] }]\n`;
    const run = await trigger(server.admin, await deploy(server.admin, source), { start: "MANUAL" });
    const { run: whole, steps } = await waits(run.id);
    expect([whole.waitingOn?.kind, steps["x"]?.kind]).toEqual(["START", "START"]);
  });
});

it("steps of another project that hold the runners are not named", async () => {
  await server.tokenWith("secret", "PROJECT_USER");
  const source = `name: hidden\nstages: [{ name: a, steps: [{ ref: x, run: "true", queue: shared }] }]\n`;
  await trigger(server.admin, await deploy(server.admin, source, "secret"));
  const runner = await startProtocolRunner(server, { queues: ["shared"] });
  await server.database.query("update runner set capacity = 1 where 'shared' = any (queues)");
  await runner.start(await runner.claimOne());
  const run = await runOf([`{ ref: mine, run: "true", queue: shared }`]);
  expect((await waits(run.id)).steps["mine"]).toMatchObject({ kind: "CAPACITY", holders: [] });
});
