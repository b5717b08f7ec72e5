import assert from "node:assert/strict";
import type { RunDelta } from "../../src/domain/decide.ts";
import type { EventPayloads, RunEventDraft } from "../../src/domain/events.ts";
import { foldView, type RunState } from "../../src/domain/run-state.ts";
import type {
  StageRunStatus,
  StatusReasonCode,
  StepRunStatus,
  WorkflowRunStatus,
} from "../../src/domain/statuses.ts";
import { isEnd, referenceRunStatus, referenceStageStatus } from "./reference.ts";
import { LEGAL_STEP_MOVES } from "./step-moves.ts";

interface SeenStep {
  readonly status: StepRunStatus;
  readonly attempt: number;
  readonly code: StatusReasonCode | null;
}

/**
 * Follows a run by its events alone, as a subscriber would, and asserts after every decision what must hold
 * at all times.
 */
export class Observer {
  readonly #run: RunState;
  #status: WorkflowRunStatus = "PENDING";
  readonly #stages: StageRunStatus[];
  readonly #steps: SeenStep[];
  #finished = false;
  /** Reopened, and no status was told since: a run may end the way it had ended. */
  #reopened = false;
  #ending = false;
  #progress = 0;
  #everStarted = false;
  #before: RunState;

  constructor(run: RunState) {
    this.#run = run;
    this.#before = run;
    this.#stages = run.stages.map(() => "PENDING");
    this.#steps = run.steps.map(() => ({ status: "PENDING", attempt: 0, code: null }));
  }

  saw(delta: RunDelta, after: RunState): void {
    this.#ending = after.ending !== null;
    for (const event of delta.events) this.#follow(event, after);
    assert.deepEqual(
      [this.#status, this.#stages, this.#steps.map(({ status, code }) => ({ status, code }))],
      [
        after.status,
        after.stages.map(({ status }) => status),
        // What is being stopped may be given another end without an event: its death tells it.
        after.steps.map(({ index, status, reason }) => ({
          status,
          code: status === "CANCELING" ? this.#steps[index]!.code : (reason?.code ?? null),
        })),
      ],
      "events and rows tell different stories",
    );
    assertDerived(after);
    assertPending(after);
    assertHolds(after);
    this.#assertProgress(after);
    this.#assertTimes(after);
    if (this.#before.finalizedAt !== null) assert.deepEqual(after, this.#before, "a sealed run changed");
    this.#before = after;
  }

  get finished(): boolean {
    return this.#finished;
  }

  #follow(event: RunEventDraft, after: RunState): void {
    const reopens = event.type === "RunReopened";
    assert.ok(
      mayFollowEnd(event) || this.#finished === reopens,
      `${event.type}, finished: ${this.#finished}`,
    );
    switch (event.type) {
      case "RunReopened":
        this.#finished = false;
        this.#reopened = true;
        this.#progress = 0;
        return;
      case "RunStatusChanged":
        assert.ok(this.#reopened || event.payload.status !== this.#status, "the same status again");
        assert.ok(this.#reopened || !isEnd(this.#status), "a run that ended changed again");
        this.#status = event.payload.status;
        this.#reopened = false;
        return;
      case "RunFinished":
        assert.ok(isEnd(this.#status) && !this.#reopened, "RunFinished before the run's last status");
        assert.equal(event.payload.success, ["SUCCEEDED", "SKIPPED"].includes(this.#status));
        this.#finished = true;
        return;
      case "StageStatusChanged":
        assert.notEqual(event.payload.status, this.#stages[event.payload.stage]);
        this.#stages[event.payload.stage] = event.payload.status;
        return;
      case "StepStatusChanged":
        this.#followStep(event.payload, after);
    }
  }

  #followStep({ step, status, attempt, reason }: EventPayloads["StepStatusChanged"], after: RunState): void {
    const before = this.#steps[step]!;
    const legal = LEGAL_STEP_MOVES.some(([from, , to]) => from === before.status && to === status);
    assert.ok(legal, `step ${step}: ${before.status} -> ${status}`);
    const goes = status === "QUEUED" || status === "WAITING" || status === "RUNNING";
    assert.ok(!(goes && this.#ending), `step ${step} goes on after the cancel`);
    if (goes && before.status === "PENDING") {
      this.#assertFavourable(step);
      assert.ok(!comesBeforeDying(after, step), `step ${step} goes before what comes after it is dead`);
    }
    const { waitsFor } = this.#run.graph.steps[step]!;
    const asks = status === "WAITING" && waitsFor !== "RUNNER" && waitsFor !== "DELAY";
    // What is being stopped may be started once more before it hears of it.
    const unheard = before.status === "CANCELING" && attempt === before.attempt + 1;
    const expected = before.attempt + (status === "RUNNING" || asks ? 1 : 0);
    assert.ok(attempt === expected || unheard, `step ${step} ${status}: attempt ${attempt}`);
    this.#steps[step] = { status, attempt, code: reason?.code ?? null };
  }

  /** At the very event that lets a step go, everything that it waits for has ended, and ended well enough. */
  #assertFavourable(step: number): void {
    const { graph } = this.#run;
    const { needs, stage, when, ref } = graph.steps[step]!;
    const lifted = needs.some((need) => graph.steps[need]!.stage < stage);
    const earlier = graph.steps.filter((other) => other.stage < stage).map(({ index }) => index);
    const awaited = lifted ? needs : [...needs, ...earlier];
    for (const index of awaited) {
      const { status, code } = this.#steps[index]!;
      const { continueOnError, ref: other } = graph.steps[index]!;
      assert.ok(isEnd(status), `${ref} goes before ${other} has ended`);
      if (when !== "on_success") continue;
      const failure = (status === "FAILED" || status === "TIMED_OUT") && !continueOnError;
      assert.ok(!failure && status !== "CANCELED", `${ref} goes although ${other} failed`);
      if (needs.includes(index))
        assert.ok(code !== "DEPENDENCY", `${ref} goes although ${other} was skipped`);
    }
  }

  #assertProgress(run: RunState): void {
    assert.ok(Number.isInteger(run.progress) && run.progress >= this.#progress && run.progress <= 100);
    assert.equal(run.progress === 100, run.status === "SUCCEEDED");
    this.#progress = run.progress;
  }

  /** A run has started when something of it has, and that is never undone. */
  #assertTimes(run: RunState): void {
    const { steps, graph } = run;
    this.#everStarted ||= steps.some((step) => foldView(step, graph.steps[step.index]!).started);
    assert.equal(run.startedAt !== null, this.#everStarted);
    const before = this.#before.startedAt;
    if (before !== null) assert.deepEqual(run.startedAt, before);
  }
}

/** One end of a step may be replaced by another without the run going on, if that does not change the run's end. */
function mayFollowEnd({ type, payload }: RunEventDraft): boolean {
  if (type === "StepStatusChanged" || type === "StageStatusChanged") return isEnd(payload.status);
  return ["RunLabelsChanged", "RunDeleted", "TestStatusChanged", "TestReviewed"].includes(type);
}

function assertDerived(run: RunState): void {
  const views = run.steps.map((step) => foldView(step, run.graph.steps[step.index]!));
  const ending = run.ending?.kind ?? null;
  assert.equal(run.status, referenceRunStatus(views, ending, run.queuedAt !== null, run.pause !== null));
  const stages = run.graph.stages.map(({ steps }) =>
    referenceStageStatus(
      steps.map((index) => views[index]!),
      ending,
    ),
  );
  assert.deepEqual(
    run.stages.map(({ status }) => status),
    stages,
  );
  assert.equal(run.finishedAt !== null, isEnd(run.status));
  assert.ok(run.pause === null || run.status === "PAUSED", "a pause that does not show");
}

/** Who may hold a step, and what may be claimed: nothing of a paused or ending run, and never more than allowed. */
function assertHolds(run: RunState): void {
  const open = run.queuedAt !== null && run.pause === null && run.ending === null;
  const most = run.settings.maxParallelSteps;
  let taken = 0;
  let held = 0;
  for (const { index, status, ready, leased, onDeath } of run.steps) {
    const { ref, waitsFor } = run.graph.steps[index]!;
    if (leased || ready) taken++;
    assert.equal(onDeath !== null, status === "CANCELING", `what becomes of ${ref}`);
    assert.ok(!leased || waitsFor === "RUNNER", `${ref} is held by a runner`);
    if (ready) assert.ok(open && status === "QUEUED" && !leased && waitsFor === "RUNNER", `${ref} is ready`);
    else if (open && status === "QUEUED" && !leased) held++;
  }
  if (most === null) assert.equal(held, 0, "a step may not be claimed, and nothing is in its way");
  else {
    assert.ok(taken <= most, `${taken} of ${most} slots taken`);
    assert.ok(held === 0 || taken === most, "a slot is free while a step waits for one");
  }
}

/** The counters that decide, in the database, when a step may go. */
function assertPending(run: RunState): void {
  for (const { index, status, pending, leased } of run.steps) {
    const { needs, ref, stage } = run.graph.steps[index]!;
    const open = needs.filter((need) => !isEnd(run.steps[need]!.status)).length;
    const lifted = needs.some((need) => run.graph.steps[need]!.stage < stage);
    const barrier = run.steps.some(
      (other) => run.graph.steps[other.index]!.stage < stage && !isEnd(other.status),
    );
    const held = comesBeforeDying(run, index) ? 1 : 0;
    const expected = status !== "PENDING" ? 0 : open + (!lifted && barrier ? 1 : 0) + held;
    assert.equal(pending, expected, `pending of ${ref}`);
    assert.ok(!leased || ["QUEUED", "RUNNING", "CANCELING"].includes(status), `${ref} is held in ${status}`);
  }
}

/** Something that comes after the step, over any distance, is still being stopped. */
export function comesBeforeDying({ graph, steps }: RunState, index: number): boolean {
  const after = new Set([index]);
  for (let size = 0; size < after.size; ) {
    size = after.size;
    for (const { index: other, needs, behindBarrier, stage } of graph.steps) {
      const follows = [...after].some((each) => behindBarrier && graph.steps[each]!.stage < stage);
      if (follows || needs.some((need) => after.has(need))) after.add(other);
    }
  }
  after.delete(index);
  return [...after].some((each) => steps[each]!.status === "CANCELING");
}
