import type { RunEventDraft } from "./events.ts";
import type { StepNode } from "./graph.ts";
import type {
  ApprovalChange,
  AttemptEnd,
  RunHead,
  RunState,
  StageState,
  StepResult,
  StepResultChange,
  StepState,
} from "./run-state.ts";
import type { RunSignalDraft } from "./signals.ts";
import { isTerminal, type StatusReason, type StatusReasonCode, type StepRunStatus } from "./statuses.ts";
import { type TestsChange, testsAfterMove } from "./step-tests.ts";
import { nextStepStatus, type StepTrigger } from "./transitions.ts";

/**
 * The working copy in which commands are applied. It collects what changed; the state it was made from is
 * never touched. `settle` then draws the consequences: dependents, stages, the run itself.
 */
export class RunDraft {
  readonly #base: RunState;
  readonly #now: Date;
  readonly #steps = new Map<number, StepState>();
  readonly #stages = new Map<number, StageState>();
  readonly #openByStage: number[];
  readonly #results = new Map<number, StepResult | null>();
  /** Steps whose status changed. */
  readonly touched = new Set<number>();
  readonly attempts: AttemptEnd[] = [];
  readonly events: RunEventDraft[] = [];
  readonly approvals: ApprovalChange[] = [];
  readonly signals: RunSignalDraft[] = [];
  /** What the moves of test steps do to their tests. */
  readonly tests = new Map<number, TestsChange["change"]>();
  labels: Readonly<Record<string, string>> | null = null;
  annotations: Readonly<Record<string, string>> | null = null;
  /** Some step that had gone on is PENDING again, or is dead now: every waiting step is to be looked at anew. */
  stepsReset = false;
  head: RunHead;

  constructor(base: RunState, now: Date) {
    this.#base = base;
    this.#now = now;
    const { id: _id, graph: _graph, settings: _settings, steps: _steps, stages: _stages, ...head } = base;
    this.head = head;
    this.#openByStage = base.graph.stages.map(
      ({ steps }) => steps.filter((index) => !isTerminal(base.steps[index]!.status)).length,
    );
  }

  get graph() {
    return this.#base.graph;
  }

  get settings() {
    return this.#base.settings;
  }

  /** The run as it was before these commands. */
  get before(): RunHead {
    return this.#base;
  }

  get now() {
    return this.#now;
  }

  get changedSteps(): StepState[] {
    return [...this.#steps.values()];
  }

  get changedStages(): StageState[] {
    return [...this.#stages.values()];
  }

  get changedResults(): StepResultChange[] {
    return [...this.#results].map(([step, result]) => ({ step, result }));
  }

  get changedTests(): TestsChange[] {
    return [...this.tests].map(([step, change]) => {
      const { attempt, fence, reason } = this.step(step);
      return {
        step,
        change,
        attempt,
        fence,
        reason: reason ?? this.reason("REQUESTED", "its step has ended"),
      };
    });
  }

  /** How many steps have not ended. */
  get openSteps(): number {
    return this.#openByStage.reduce((sum, count) => sum + count, 0);
  }

  step(index: number): StepState {
    return this.#steps.get(index) ?? this.#base.steps[index]!;
  }

  node(index: number): StepNode {
    return this.#base.graph.steps[index]!;
  }

  stage(index: number): StageState {
    return this.#stages.get(index) ?? this.#base.stages[index]!;
  }

  setStage(stage: StageState): void {
    this.#stages.set(stage.index, stage);
  }

  /** What the step gives to others; null takes back what it gave. */
  setResult(index: number, result: StepResult | null): void {
    this.#results.set(index, result);
  }

  /** Changes of a step that are not a change of its status: they make no event. */
  patchStep(index: number, patch: Partial<StepState>): void {
    this.#steps.set(index, { ...this.step(index), ...patch });
  }

  /** Moves a step along the transition table and records the event. Throws when the table has no such entry. */
  moveStep(index: number, trigger: StepTrigger, patch: Partial<StepState>, actorId: string | null): void {
    const before = this.step(index);
    const status = nextStepStatus(before.status, trigger);
    if (status === null) throw new Error(`step ${index}: ${trigger} is not legal in ${before.status}`);
    const ended = isTerminal(status);
    const after = {
      ...before,
      reason: null,
      onDeath: null,
      ...patch,
      status,
      ready: false,
      // What is to begin, or to begin again, has told nothing yet.
      progress: ended || status === "CANCELING" ? before.progress : 0,
      finishedAt: ended ? this.#now : null,
      ...(ended && { leased: false, dueAt: null, pending: 0 }),
    };
    this.#steps.set(index, after);
    this.touched.add(index);
    this.#noteTests(index, before.status, status);
    if (before.status === "CANCELING") this.stepsReset = true;
    this.#openByStage[this.node(index).stage]! += Number(isTerminal(before.status)) - Number(ended);
    this.events.push({
      type: "StepStatusChanged",
      payload: { step: index, status, attempt: after.attempt, reason: publicReason(after.reason) },
      actorId,
    });
  }

  /** An end outweighs what was asked of the tests before; a requeue does not. */
  #noteTests(index: number, before: StepRunStatus, after: StepRunStatus): void {
    if (this.node(index).type !== "TEST") return;
    const change = testsAfterMove(before, after);
    if (change === "CLOSE" || (change === "RELEASE" && !this.tests.has(index))) this.tests.set(index, change);
  }

  reason(code: StatusReasonCode, message: string, actorId: string | null = null): StatusReason {
    return { code, message, actorId, at: this.#now };
  }

  /** All stages before this one have ended. */
  barrierOpen(stage: number): boolean {
    for (let earlier = 0; earlier < stage; earlier++) if (this.#openByStage[earlier]! > 0) return false;
    return true;
  }

  /** Index of the last stage whose barrier is open. */
  openBarriers(): number {
    let stage = 0;
    while (stage + 1 < this.graph.stages.length && this.#openByStage[stage] === 0) stage++;
    return stage;
  }
}

export function publicReason(reason: StatusReason | null) {
  return reason === null ? null : { code: reason.code, message: reason.message };
}
