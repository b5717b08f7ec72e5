import { expireRuns } from "../../../src/duties/expire-runs.ts";
import type { ManualClock } from "../../support/manual-clock.ts";
import type { ProtocolRunner, ProtocolTask } from "../../support/protocol-runner.ts";
import type { TestServer } from "../../support/server.ts";
import { deploy, type TriggeredRun, trigger } from "../../support/workflows.ts";
import { carriedOut } from "./commands.ts";

const CHAIN = (name: string, queue: string) => `name: ${name}
stages:
  - name: a
    steps:
      - { ref: x, run: "true", queue: ${queue} }
      - { ref: after, run: "true", queue: ${queue}, needs: [x] }
      - { ref: fallback, run: "true", queue: ${queue}, needs: [x], when: on_failure }
`;
const WAITS = `name: waits
stages:
  - name: a
    steps:
      - { ref: approval, type: approval }
      - { ref: external, type: external }
      - { ref: delay, type: delay, duration: 1d }
`;

/** Runs by their status, and steps by their status and what it is about. */
export interface States {
  readonly runs: Readonly<Record<string, string>>;
  readonly steps: Readonly<Record<string, string>>;
}

/** Brings about every status that runs and steps can have, and leaves it so. */
export async function everyState(
  server: TestServer,
  runner: ProtocolRunner,
  clock: ManualClock,
): Promise<States> {
  const idle = await deploy(server.admin, CHAIN("idle", "nobody"));
  const busy = await deploy(server.admin, CHAIN("busy", "default"));
  const waits = await deploy(server.admin, WAITS);
  const make = async (workflowId = idle, input = {}) => await trigger(server.admin, workflowId, input);
  const does = async (mutation: string, { id }: TriggeredRun, more = {}) =>
    await carriedOut(server, mutation, { workflowRunId: id, ...more });
  const doesTo = async (mutation: string, id: string) => await carriedOut(server, mutation, { step: { id } });
  const started = async (): Promise<[TriggeredRun, ProtocolTask]> => {
    const run = await make(busy);
    const task = await runner.claimOne();
    await runner.start(task);
    return [run, task];
  };
  const finished = async (outcome: "SUCCEEDED" | "FAILED" | "TIMED_OUT"): Promise<TriggeredRun> => {
    const [run, task] = await started();
    await runner.finish(task, outcome);
    await runner.workOff();
    return run;
  };

  const queued = await make();
  const waiting = await make(waits);
  const paused = await make();
  await does("pauseWorkflowRun", paused);
  const canceled = await make();
  await does("cancelWorkflowRun", canceled);
  const skipped = await make();
  for (const ref of ["x", "after"]) await doesTo("skipStepRun", skipped.steps[ref]!);
  const aborted = await make();
  await doesTo("abortStepRun", aborted.steps["x"]!);
  const succeeded = await finished("SUCCEEDED");
  const failed = await finished("FAILED");
  const stepTimedOut = await finished("TIMED_OUT");
  const sealed = await finished("FAILED");
  await does("finalizeWorkflowRun", sealed);
  const [running] = await started();
  const [canceling] = await started();
  await does("cancelWorkflowRun", canceling);
  const [stopping] = await started();
  await doesTo("abortStepRun", stopping.steps["x"]!);
  const expired = await make(idle, { timeoutMs: 1_000 });
  clock.advance(1_001);
  await expireRuns.run(server.app.engine);

  return {
    runs: {
      PENDING: (await make(idle, { start: "MANUAL" })).id,
      QUEUED: queued.id,
      RUNNING: running.id,
      WAITING: waiting.id,
      PAUSED: paused.id,
      CANCELING: canceling.id,
      SUCCEEDED: succeeded.id,
      FAILED: failed.id,
      TIMED_OUT: expired.id,
      CANCELED: canceled.id,
      SKIPPED: skipped.id,
    },
    steps: {
      PENDING: queued.steps["after"]!,
      QUEUED: queued.steps["x"]!,
      "WAITING for approval": waiting.steps["approval"]!,
      "WAITING for somebody else": waiting.steps["external"]!,
      "WAITING for time": waiting.steps["delay"]!,
      RUNNING: running.steps["x"]!,
      CANCELING: stopping.steps["x"]!,
      SUCCEEDED: succeeded.steps["x"]!,
      FAILED: failed.steps["x"]!,
      TIMED_OUT: stepTimedOut.steps["x"]!,
      CANCELED: aborted.steps["x"]!,
      "SKIPPED by its condition": succeeded.steps["fallback"]!,
      "SKIPPED by what it needs": failed.steps["after"]!,
      "SKIPPED on request": skipped.steps["x"]!,
      "FAILED in a finalized run": sealed.steps["x"]!,
      "CANCELING in a run that is CANCELING": canceling.steps["x"]!,
    },
  };
}
