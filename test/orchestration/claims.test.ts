import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { SessionLostError } from "../../src/domain/refusals.ts";
import { taskKey } from "../../src/domain/task-key.ts";
import { sweepSessions } from "../../src/duties/sweep-sessions.ts";
import { openProject } from "../../src/persistence/account-store.ts";
import type { ClaimedStep } from "../../src/persistence/runner-store.ts";
import { stage, step } from "../domain/workflow-builder.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { ScriptedSession } from "./scripted-session.ts";
import { openWorkbench, type Workbench } from "./workbench.ts";

let bench: Workbench;
let clock: ManualClock;

beforeEach(async () => {
  clock = new ManualClock();
  bench = await openWorkbench(clock);
});
afterEach(async () => await bench[Symbol.asyncDispose]());

/** A run with that many steps ready. Later runs have later ids. */
async function ready(count: number, options?: { project?: string; queue?: string; labels?: string[] }) {
  const { project, ...place } = options ?? {};
  const steps = Array.from({ length: count }, (_, i) => step(`s${i}`, place));
  clock.advance(1);
  return await bench.trigger(
    await bench.deploy([stage("all", ...steps)], { ...(project !== undefined && { project }) }),
  );
}

function perRun(claimed: readonly ClaimedStep[], ...runs: readonly string[]): number[] {
  return runs.map((id) => claimed.filter(({ runId }) => runId === id).length);
}

describe("a claim", () => {
  test("repeated under its id gets the same leases, and no others", async () => {
    await ready(5);
    const session = await ScriptedSession.open(bench);
    const first = await session.claim(2, "first");
    expect(first.map(({ step: index, fence, attempt }) => [index, fence, attempt])).toEqual([
      [0, 1, 1],
      [1, 1, 1],
    ]);
    expect(await session.claim(2, "first")).toEqual(first);
    const second = await session.claim(2, "second");
    expect(second.map(({ step: index }) => index)).toEqual([2, 3]);
    expect(await session.claim(2, "second")).toEqual(second);
  });

  test("repeated after a start gets only what was not started", async () => {
    await ready(3);
    const session = await ScriptedSession.open(bench);
    const claimed = await session.claim(2, "first");
    await session.start(claimed[0]!);
    expect(await session.claim(2, "first")).toEqual([claimed[1]]);
  });

  test("for nothing gets nothing, but says when the session is over", async () => {
    await ready(1);
    const session = await ScriptedSession.open(bench);
    expect(await session.claim(0)).toEqual([]);
    clock.advance(30_000);
    await expect(session.claim(0)).rejects.toBeInstanceOf(SessionLostError);
  });

  test("of a session that fell silent, is dead or unknown, is refused", async () => {
    const runId = await ready(1);
    const session = await ScriptedSession.open(bench);
    clock.advance(30_001);
    await expect(session.claim()).rejects.toBeInstanceOf(SessionLostError);
    await sweepSessions.run(bench.engine);
    await bench.database.query("update runner_session set lease_until = 'infinity'");
    await expect(session.claim()).rejects.toBeInstanceOf(SessionLostError);
    await expect(session.heartbeat([])).rejects.toBeInstanceOf(SessionLostError);
    const other = await ScriptedSession.open(bench);
    await bench.database.query("delete from runner_session where id = $1", [other.id]);
    await expect(other.claim()).rejects.toBeInstanceOf(SessionLostError);
    expect(perRun(await (await ScriptedSession.open(bench)).claim(), runId)).toEqual([1]);
  });

  test("never shares a step with another one, however many ask at once", async () => {
    for (let i = 0; i < 5; i++) await ready(40);
    const replica = { ...bench, engine: await bench.replica() };
    const sessions = await Promise.all(
      Array.from({ length: 8 }, async (_, i) => await ScriptedSession.open(i % 2 === 0 ? bench : replica)),
    );
    const granted: ClaimedStep[] = [];
    for (let round = 0; round < 10 && granted.length < 200; round++) {
      granted.push(...(await Promise.all(sessions.map(async (session) => await session.claim(7)))).flat());
    }
    expect(granted.length).toBe(200);
    expect(new Set(granted.map(taskKey)).size).toBe(200);
    expect(granted.every(({ fence }) => fence === 1)).toBe(true);
  });
});

describe("fairness", () => {
  test("one run gets at most half while others wait, the oldest first", async () => {
    const [a, b, c] = [await ready(100), await ready(100), await ready(100)];
    const session = await ScriptedSession.open(bench);
    expect(perRun(await session.claim(10), a, b, c)).toEqual([5, 5, 0]);
    expect(perRun(await session.claim(1), a, b, c)).toEqual([1, 0, 0]);
    expect(perRun(await session.claim(3), a, b, c)).toEqual([2, 1, 0]);
  });

  test("also a younger run does not crowd out those after it", async () => {
    const [a, b, c] = [await ready(1), await ready(100), await ready(5)];
    const session = await ScriptedSession.open(bench);
    expect(perRun(await session.claim(10), a, b, c)).toEqual([1, 4, 5]);
  });

  test("what the others leave over goes to those who have steps", async () => {
    const [a, b] = [await ready(100), await ready(2)];
    const session = await ScriptedSession.open(bench);
    expect(perRun(await session.claim(10), a, b)).toEqual([8, 2]);
    expect(perRun(await session.claim(10), a, b)).toEqual([10, 0]);
  });

  test("holds across queues and projects", async () => {
    const a = await ready(100, { project: "one" });
    const b = await ready(100, { project: "two" });
    const c = await ready(100, { project: "two", queue: "slow" });
    const session = await ScriptedSession.open(bench, { queues: ["default", "slow"] });
    expect(perRun(await session.claim(10), a, b, c)).toEqual([5, 5, 0]);
    expect(perRun(await (await ScriptedSession.open(bench, { queues: ["slow"] })).claim(10), c)).toEqual([
      10,
    ]);
  });
});

describe("who may take a step", () => {
  test("runners of its queue, with all of its labels", async () => {
    const plain = await ready(1);
    const other = await ready(1, { queue: "gpu" });
    const labelled = await ready(1, { labels: ["linux", "x64"] });
    const taken = async (options: { queues: string[]; labels: string[] }) => {
      const claimed = await (await ScriptedSession.open(bench, options)).claim();
      await bench.database.query(
        `update step_run s set ready_pool = w.pool_id, session_id = null from workflow_run r join workflow_step w
          on w.version_id = r.workflow_version_id where s.run_id = r.id`,
      );
      return perRun(claimed, plain, other, labelled);
    };
    expect(await taken({ queues: ["default"], labels: [] })).toEqual([1, 0, 0]);
    expect(await taken({ queues: ["default"], labels: ["linux"] })).toEqual([1, 0, 0]);
    expect(await taken({ queues: ["default"], labels: ["x64", "arm", "linux"] })).toEqual([1, 0, 1]);
    expect(await taken({ queues: ["gpu"], labels: ["x64", "linux"] })).toEqual([0, 1, 0]);
    expect(await taken({ queues: ["gpu", "default"], labels: [] })).toEqual([1, 1, 0]);
    expect(await taken({ queues: [], labels: [] })).toEqual([0, 0, 0]);
  });

  test("a runner of one project takes nothing from others", async () => {
    const [here, there] = [await ready(1, { project: "here" }), await ready(1, { project: "there" })];
    const projectId = await bench.engine.database.transaction(
      async (transaction) => await openProject(transaction, "there", clock),
    );
    const session = await ScriptedSession.open(bench, { projectId });
    expect(perRun(await session.claim(), here, there)).toEqual([0, 1]);
  });
});
