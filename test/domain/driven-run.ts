import assert from "node:assert/strict";
import type { RunCommand, TaskOutcome } from "../../src/domain/commands.ts";
import { decide, type RunDelta } from "../../src/domain/decide.ts";
import type { RunEventDraft } from "../../src/domain/events.ts";
import type { StageSpec } from "../../src/domain/graph.ts";
import {
  type AttemptEnd,
  type CancelMode,
  newRunState,
  type PauseMode,
  type RunSettings,
  type RunState,
  type StageState,
  type StepState,
} from "../../src/domain/run-state.ts";
import type { TerminalStatus } from "../../src/domain/statuses.ts";
import type { TestTally } from "../../src/domain/tests.ts";
import { applyDelta, deepFreeze, headOf } from "./apply-delta.ts";
import { graphOf } from "./workflow-builder.ts";

export const RUNNER = "usr_runner";
export const PERSON = "usr_person";
export const DAY_MS = 24 * 60 * 60 * 1_000;

/**
 * A run that tests push along by hand, with a clock they move themselves. Every decision is taken twice on a
 * frozen state, so that each test also shows that deciding is deterministic and writes to nothing it was given.
 */
export class DrivenRun {
  state: RunState;
  now = new Date("2024-01-01T00:00:00.000Z");
  readonly events: RunEventDraft[] = [];
  readonly attempts: AttemptEnd[] = [];

  constructor(stages: readonly StageSpec[], settings: Partial<RunSettings> = {}) {
    const all = { timeoutMs: DAY_MS, maxParallelSteps: null, stepRetries: null, ...settings };
    this.state = deepFreeze(newRunState("run_1", graphOf(stages), all, this.now));
  }

  decide(...commands: RunCommand[]): RunDelta {
    const time = this.now.getTime();
    const delta = deepFreeze(decide(this.state, deepFreeze(commands), this.now));
    assert.deepEqual(comparable(decide(this.state, commands, this.now)), comparable(delta));
    assert.equal(this.now.getTime(), time);
    assert.equal(delta.applied.length, commands.length);
    if (!delta.applied.includes(true)) assertNothingChanged(this.state, delta);
    this.state = deepFreeze(applyDelta(this.state, delta));
    this.events.push(...delta.events);
    this.attempts.push(...delta.attempts);
    return delta;
  }

  advance(ms: number): void {
    this.now = new Date(this.now.getTime() + ms);
  }

  start(): this {
    assert.deepEqual(this.decide({ kind: "START_RUN", actorId: PERSON }).applied, [true]);
    return this;
  }

  /** What a claim does to the step's row: a lease, and a fence that was never used before. */
  claim(ref: string): number {
    const claimed = this.step(ref);
    assert.equal(claimed.status, "QUEUED", `${ref} is not claimable`);
    assert.equal(claimed.leased, false, `${ref} is held by another runner`);
    assert.equal(claimed.ready, true, `${ref} is held back`);
    const fence = claimed.fence + 1;
    const steps = [...this.state.steps];
    steps[claimed.index] = { ...claimed, leased: true, ready: false, fence };
    this.state = deepFreeze({ ...this.state, steps });
    return fence;
  }

  reportStart(ref: string, fence = this.step(ref).fence): RunDelta {
    return this.decide({ kind: "START_STEP", step: this.step(ref).index, fence, actorId: RUNNER });
  }

  reportEnd(ref: string, outcome: TaskOutcome, fence = this.step(ref).fence): RunDelta {
    return this.decide(endReport(this.step(ref).index, fence, outcome));
  }

  release(ref: string, fence = this.step(ref).fence): RunDelta {
    return this.decide({ kind: "RELEASE_STEP", step: this.step(ref).index, fence });
  }

  loseLease(ref: string, fence = this.step(ref).fence): RunDelta {
    return this.decide({ kind: "LOSE_LEASE", step: this.step(ref).index, fence });
  }

  wake(ref: string): RunDelta {
    return this.decide({ kind: "WAKE_STEP", step: this.step(ref).index });
  }

  cancel(mode: CancelMode = "GRACEFUL"): RunDelta {
    return this.decide({ kind: "CANCEL_RUN", mode, message: null, actorId: PERSON });
  }

  /** Lets the run's time pass, if it has not yet. */
  expire(): RunDelta {
    this.advance(Math.max(0, this.state.expiresAt.getTime() - this.now.getTime()));
    return this.decide({ kind: "EXPIRE_RUN" });
  }

  pause(mode: PauseMode = "DRAIN"): RunDelta {
    return this.decide({ kind: "PAUSE_RUN", mode, message: null, actorId: PERSON });
  }

  resume(): RunDelta {
    return this.decide({ kind: "RESUME_RUN", actorId: PERSON });
  }

  abort(ref: string): RunDelta {
    return this.decide({ kind: "ABORT_STEP", step: this.step(ref).index, message: null, actorId: PERSON });
  }

  retry(ref: string): RunDelta {
    return this.decide({ kind: "RETRY_STEP", step: this.step(ref).index, actorId: PERSON });
  }

  replay(ref: string): RunDelta {
    return this.decide({ kind: "REPLAY_SUBTREE", step: this.step(ref).index, actorId: PERSON });
  }

  skip(ref: string): RunDelta {
    return this.decide({ kind: "SKIP_STEP", step: this.step(ref).index, message: null, actorId: PERSON });
  }

  force(ref: string, output: Readonly<Record<string, unknown>> = {}): RunDelta {
    return this.decide({ kind: "FORCE_COMPLETE_STEP", step: this.step(ref).index, output, actorId: PERSON });
  }

  complete(ref: string, success: boolean, message: string | null = null): RunDelta {
    return this.decide(completion(this.step(ref).index, success, message));
  }

  approve(ref: string, approvals = 1): RunDelta {
    return this.decide(decision(this.step(ref).index, true, approvals));
  }

  reject(ref: string): RunDelta {
    return this.decide(decision(this.step(ref).index, false, 0));
  }

  endChild(ref: string, status: TerminalStatus, attempt = this.step(ref).attempt): RunDelta {
    const { index: step } = this.step(ref);
    return this.decide({
      kind: "CHILD_ENDED",
      step,
      attempt,
      status,
      message: null,
      output: { by: "child" },
    });
  }

  /** Claim and start. */
  begin(...refs: string[]): this {
    for (const ref of refs) {
      this.claim(ref);
      assert.deepEqual(this.reportStart(ref).applied, [true]);
    }
    return this;
  }

  /** Claim, start and end. */
  run(ref: string, outcome: TaskOutcome = "SUCCEEDED"): this {
    this.begin(ref);
    assert.deepEqual(this.reportEnd(ref, outcome).applied, [true]);
    return this;
  }

  step(ref: string): StepState {
    const node = this.state.graph.steps.find((candidate) => candidate.ref === ref);
    assert.ok(node, `no step ${ref}`);
    return this.state.steps[node.index]!;
  }

  stage(name: string): StageState {
    const index = this.state.graph.stages.findIndex((candidate) => candidate.name === name);
    return this.state.stages[index]!;
  }

  /** Status of each step, with the reason of those that were skipped. */
  statuses(): Record<string, string> {
    return Object.fromEntries(
      this.state.graph.steps.map(({ ref, index }) => {
        const { status, reason } = this.state.steps[index]!;
        return [ref, status === "SKIPPED" ? `${status}(${reason?.code})` : status];
      }),
    );
  }
}

export function completion(step: number, success: boolean, message: string | null = null): RunCommand {
  const body = { success, message, releaseId: "r1" };
  return { kind: "COMPLETE_STEP", step, completion: body, output: { releaseId: "r1" }, actorId: PERSON };
}

export function decision(step: number, approves: boolean, approvals: number): RunCommand {
  const verdict = approves ? "APPROVE" : "REJECT";
  const fields = { by: PERSON };
  return { kind: "DECIDE_APPROVAL", step, verdict, comment: null, approvals, fields, actorId: PERSON };
}

export function endReport(step: number, fence: number, outcome: TaskOutcome): RunCommand {
  const failed = outcome === "FAILED";
  return {
    kind: "FINISH_STEP",
    step,
    fence,
    outcome,
    exitCode: failed ? 7 : outcome === "SUCCEEDED" ? 0 : null,
    output: outcome === "SUCCEEDED" ? { made: "it" } : null,
    error: null,
    log: { length: 12, crc32: "0a0b0c0d" },
    actorId: RUNNER,
    tests: null,
  };
}

/** The end of a test step: its command went well, its tests did as they are told to. */
export function testedReport(step: number, fence: number, outcome: TaskOutcome): RunCommand {
  const tests = tallyOf(outcome);
  return { ...endReport(step, fence, "SUCCEEDED"), tests } as RunCommand;
}

/** Tests with which a step succeeds, fails, or (as if it had run out of time) has something left to execute. */
export function tallyOf(outcome: TaskOutcome): TestTally {
  const failing = outcome === "FAILED" ? 1 : 0;
  const open = outcome === "TIMED_OUT" ? 1 : 0;
  return { total: 3, open, failing, rejected: 0, toDiscover: false, idleEnds: 0, allowEmpty: false };
}

/** A delta without what its head may carry beyond a head. */
function comparable(delta: RunDelta): RunDelta {
  return { ...delta, head: headOf(delta.head) };
}

function assertNothingChanged(run: RunState, delta: RunDelta): void {
  const { applied: _, head, ...changes } = comparable(delta);
  assert.deepEqual(changes, {
    steps: [],
    stages: [],
    attempts: [],
    events: [],
    results: [],
    approvals: [],
    signals: [],
    tests: [],
    labels: null,
    annotations: null,
  });
  assert.deepEqual(head, headOf(run));
}
