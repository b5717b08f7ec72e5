import { foldRun, foldStage } from "../../src/domain/fold.ts";
import { foldView } from "../../src/domain/run-state.ts";
import { isTerminal } from "../../src/domain/statuses.ts";
import { comesBeforeDying } from "../domain/observer.ts";
import { LEGAL_STEP_MOVES } from "../domain/step-moves.ts";
import type { EventRow, RunRecord } from "./run-record.ts";

const ACTIVE = ["QUEUED", "RUNNING", "CANCELING"];
const LEGAL = new Set(LEGAL_STEP_MOVES.map(([from, , to]) => `${from} ${to}`));

/** What contradicts itself in the stored rows of a run; empty when everything agrees. */
export function contradictions(record: RunRecord): string[] {
  const found: string[] = [];
  const expect = (what: string, actual: unknown, expected: unknown): void => {
    if (actual !== expected) found.push(`${record.id}: ${what} is ${actual}, should be ${expected}`);
  };
  const checks = [counters, folds, readiness, admission, holders, attempts, history, progressPossible];
  for (const check of checks) {
    check(record, expect);
  }
  return found;
}

type Expect = (what: string, actual: unknown, expected: unknown) => void;

function counters({ state, row, stages }: RunRecord, expect: Expect): void {
  const count = (steps: readonly number[], wanted: (status: string) => boolean): number =>
    steps.filter((index) => wanted(state.steps[index]!.status)).length;
  const open = (status: string): boolean =>
    !["SUCCEEDED", "FAILED", "TIMED_OUT", "CANCELED", "SKIPPED"].includes(status);
  const all = state.steps.map(({ index }) => index);
  expect("open_steps", row.open_steps, count(all, open));
  expect(
    "active_steps",
    row.active_steps,
    count(all, (status) => ACTIVE.includes(status)),
  );
  for (const [at, { steps }] of state.graph.stages.entries()) {
    expect(`open_steps of stage ${at}`, stages[at]?.open_steps, count(steps, open));
    expect(
      `active_steps of stage ${at}`,
      stages[at]?.active_steps,
      count(steps, (status) => ACTIVE.includes(status)),
    );
  }
}

function folds({ state }: RunRecord, expect: Expect): void {
  const { graph, ending, pause } = state;
  const views = state.steps.map((step) => foldView(step, graph.steps[step.index]!));
  expect(
    "run status",
    state.status,
    foldRun(views, ending?.kind ?? null, state.queuedAt !== null, pause !== null),
  );
  for (const [at, { steps }] of graph.stages.entries()) {
    const members = steps.map((index) => views[index]!);
    expect(`status of stage ${at}`, state.stages[at]?.status, foldStage(members, ending?.kind ?? null));
  }
  expect("finished", state.finishedAt !== null, isTerminal(state.status));
}

function readiness({ state, row, steps }: RunRecord, expect: Expect): void {
  const open = state.steps.map(({ status }) => !isTerminal(status));
  for (const { index, status, pending, leased, dueAt } of state.steps) {
    const { needs, behindBarrier, stage } = state.graph.steps[index]!;
    const barrier =
      behindBarrier && state.graph.steps.some((other) => other.stage < stage && open[other.index]);
    const held = comesBeforeDying(state, index);
    const waitsFor = needs.filter((need) => open[need]).length + (barrier ? 1 : 0) + (held ? 1 : 0);
    expect(`pending of ${index} (${status})`, pending, status === "PENDING" ? waitsFor : 0);
    if (status === "PENDING" && state.queuedAt !== null) {
      expect(`${index} waits for something`, waitsFor > 0, true);
    }
    const mayBeReady = status === "QUEUED" && !leased && state.pause === null && state.ending === null;
    const limited = state.settings.maxParallelSteps !== null && steps[index]?.ready_pool === null;
    const pool = mayBeReady && !limited ? row.expected_pools[index] : null;
    expect(`ready_pool of ${index} (${status}, leased ${leased})`, steps[index]?.ready_pool, pool);
    const { waitsFor: what, patienceMs } = state.graph.steps[index]!;
    const timed = what === "RUNNER" || what === "DELAY" || patienceMs !== null;
    expect(`due_at of ${index} (${status})`, dueAt !== null, status === "WAITING" && timed);
  }
}

/** No more steps than the run allows are held or offered; and no slot stays empty while one waits for it. */
function admission({ state, steps }: RunRecord, expect: Expect): void {
  const most = state.settings.maxParallelSteps;
  if (most === null) return;
  const held = steps.filter(({ session_id }) => session_id !== null).length;
  const offered = steps.filter(({ ready_pool }) => ready_pool !== null).length;
  expect(`${held} held + ${offered} offered <= ${most}`, held + offered <= most, true);
  if (state.pause !== null || state.ending !== null) return;
  const waiting = state.steps.some(({ status, leased, ready }) => status === "QUEUED" && !leased && !ready);
  if (waiting) expect("slots taken while a step waits for one", held + offered, most);
}

function holders({ state, steps }: RunRecord, expect: Expect): void {
  for (const { index, status, onDeath } of state.steps) {
    expect(`${index} (${status}) is to become something else`, onDeath !== null, status === "CANCELING");
    const held = steps[index]!.session_id !== null;
    const isChild = state.graph.steps[index]!.waitsFor === "CHILD_RUN";
    if (status === "RUNNING" || (status === "CANCELING" && !isChild))
      expect(`${index} (${status}) is held`, held, true);
    else if (status !== "QUEUED") expect(`${index} (${status}) is held`, held, false);
  }
}

/** Each start has one row when it has ended, under a fence of its own. */
function attempts({ state, attempts, events }: RunRecord, expect: Expect): void {
  const resets = new Map<number, number>();
  for (const { type, payload } of events) {
    if (type !== "StepStatusChanged" || payload.status !== "PENDING") continue;
    resets.set(payload.step!, (resets.get(payload.step!) ?? 0) + 1);
  }
  for (const { index, attempt, startedAt, status, reason } of state.steps) {
    const { waitsFor } = state.graph.steps[index]!;
    const own = attempts.filter(({ step_idx }) => step_idx === index);
    const waiting = status === "WAITING" && waitsFor !== "RUNNER" && waitsFor !== "DELAY";
    const running = startedAt !== null && (status === "RUNNING" || status === "CANCELING" || waiting);
    const ended = attempt - (running ? 1 : 0);
    expect(
      `attempts of ${index}`,
      own.map(({ number }) => number).join(),
      Array.from({ length: ended }, (_, at) => at + 1).join(),
    );
    if (waitsFor === "RUNNER") {
      expect(`fences of ${index}`, new Set(own.map(({ fence }) => fence)).size, own.length);
    }
    // A second success is one that somebody asked for; a result given by hand has a reason.
    const successes = own.filter((each) => each.status === "SUCCEEDED").length;
    expect(`successes of ${index}: ${successes}`, successes <= 1 + (resets.get(index) ?? 0), true);
    if (status === "SUCCEEDED" && attempt > 0 && reason === null && waitsFor !== "DELAY") {
      expect(`last end of ${index}`, own.at(-1)?.status, status);
    }
  }
}

/** One end of a step may be replaced by another without the run going on, if that does not change the run's end. */
function mayFollowEnd({ type, payload }: EventRow): boolean {
  if (type === "StepStatusChanged" || type === "StageStatusChanged") {
    return ["SUCCEEDED", "FAILED", "TIMED_OUT", "CANCELED", "SKIPPED"].includes(payload.status);
  }
  return ["RunLabelsChanged", "RunDeleted", "ArtifactAdded"].includes(type);
}

/** Something starts, or is about to. */
function goesOn({ type, payload }: EventRow): boolean {
  return type === "StepStatusChanged" && ["QUEUED", "WAITING", "RUNNING"].includes(payload.status);
}

/** The events alone, folded as a subscriber folds them, tell the story that the rows tell. */
function history({ state, row, stages, steps, events }: RunRecord, expect: Expect): void {
  expect("events", events.map(({ seq }) => seq).join(), Array.from(events, (_, at) => at + 1).join());
  expect("last_seq", row.last_seq, events.length);
  const last = { run: "PENDING", runXid: "", finished: false };
  const stageEvents = new Map<number, EventRow>();
  const lastOfStage = new Map<number, EventRow>();
  const stepEvents = new Map<number, EventRow>();
  for (const event of events) {
    const { type, payload, seq, xid } = event;
    if (!mayFollowEnd(event)) {
      expect(`${type} ${seq} after the end`, last.finished, type === "RunReopened");
    }
    if (goesOn(event)) expect(`${type} ${seq} while the run is being ended`, last.run === "CANCELING", false);
    if (type === "RunFinished") last.finished = true;
    else if (type === "RunReopened") last.finished = false;
    else if (type === "RunStatusChanged") last.run = payload.status;
    else if (type === "StageStatusChanged") {
      stageEvents.set(payload.stage!, event);
      lastOfStage.set(payload.stage!, event);
    } else if (type === "StepStatusChanged") {
      lastOfStage.set(state.graph.steps[payload.step!]!.stage, event);
      const before = stepEvents.get(payload.step!)?.payload.status ?? "PENDING";
      const move = `${before} ${payload.status}`;
      expect(`move ${move} of ${payload.step} is legal`, LEGAL.has(move), true);
      stepEvents.set(payload.step!, event);
    }
    last.runXid = xid;
  }
  expect("run status by events", last.run, state.status);
  expect("RunFinished", last.finished, isTerminal(state.status));
  if (last.finished && state.finalizedAt === null)
    expect("transaction of the run's last change", row.xid, last.runXid);
  for (const { index, status } of state.stages) {
    const event = stageEvents.get(index);
    expect(`status of stage ${index} by events`, event?.payload.status ?? "PENDING", status);
    const newest = lastOfStage.get(index)?.xid;
    if (isTerminal(status)) expect(`transaction of stage ${index}`, stages[index]?.xid, newest);
  }
  for (const { index, status, attempt, reason } of state.steps) {
    const event = stepEvents.get(index);
    expect(`status of ${index} by events`, event?.payload.status ?? "PENDING", status);
    // Somebody else may want another end of a step that is being stopped: its death tells the last reason.
    if (status !== "CANCELING") {
      expect(`reason of ${index} by events`, event?.payload.reason?.code, reason?.code);
    }
    if (isTerminal(status)) {
      expect(`attempt of ${index} by events`, event?.payload.attempt, attempt);
      expect(`transaction of ${index}`, steps[index]?.xid, event?.xid);
    }
  }
}

/**
 * A run that is not over has a step that a runner may take, holds or has to kill, or that a timer wakes; or it waits
 * for somebody: to start it, to resume it, to decide or complete something, or for the run of one of its steps.
 */
function progressPossible({ state, steps }: RunRecord, expect: Expect): void {
  if (isTerminal(state.status) || state.queuedAt === null || state.pause !== null) return;
  const moving = state.steps.some(({ index, dueAt, status }) => {
    const { waitsFor } = state.graph.steps[index]!;
    const asks = status === "WAITING" && waitsFor !== "RUNNER" && waitsFor !== "DELAY";
    const { ready_pool, session_id } = steps[index]!;
    const dying = status === "CANCELING" && waitsFor === "CHILD_RUN";
    return ready_pool !== null || session_id !== null || dueAt !== null || asks || dying;
  });
  expect("something can still happen", moving, true);
}
