import type { RunEventDraft } from "./events.ts";
import { foldRun, foldStage, hasFailed } from "./fold.ts";
import type { StepNode } from "./graph.ts";
import { needVerdict } from "./readiness.ts";
import {
  type AttemptEnd,
  foldView,
  type RunHead,
  type RunState,
  type StageState,
  type StepState,
} from "./run-state.ts";
import { isTerminal, type StatusReason, type StatusReasonCode } from "./statuses.ts";
import { nextStepStatus, type StepTrigger } from "./transitions.ts";

/**
 * The working copy in which commands are applied. It collects what changed; the state it was made from is
 * never touched. `settle` draws the consequences: dependents, stages, the run itself.
 */
export class RunDraft {
  readonly #base: RunState;
  readonly #now: Date;
  readonly #steps = new Map<number, StepState>();
  readonly #stages = new Map<number, StageState>();
  readonly #openByStage: number[];
  readonly #touched = new Set<number>();
  readonly attempts: AttemptEnd[] = [];
  readonly events: RunEventDraft[] = [];
  head: RunHead;

  constructor(base: RunState, now: Date) {
    this.#base = base;
    this.#now = now;
    const { status, reason, ending, queuedAt, startedAt, finishedAt, progress } = base;
    this.head = { status, reason, ending, queuedAt, startedAt, finishedAt, progress };
    this.#openByStage = base.graph.stages.map(
      ({ steps }) => steps.filter((index) => !isTerminal(base.steps[index]!.status)).length,
    );
  }

  get graph() {
    return this.#base.graph;
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

  step(index: number): StepState {
    return this.#steps.get(index) ?? this.#base.steps[index]!;
  }

  node(index: number): StepNode {
    return this.#base.graph.steps[index]!;
  }

  stage(index: number): StageState {
    return this.#stages.get(index) ?? this.#base.stages[index]!;
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
      ...patch,
      status,
      finishedAt: ended ? this.#now : null,
      ...(ended && { leased: false, dueAt: null }),
    };
    this.#steps.set(index, after);
    this.#touched.add(index);
    if (ended) this.#openByStage[this.node(index).stage]!--;
    this.events.push({
      type: "StepStatusChanged",
      payload: { step: index, status, attempt: after.attempt, reason: publicReason(after.reason) },
      actorId,
    });
  }

  reason(code: StatusReasonCode, message: string, actorId: string | null = null): StatusReason {
    return { code, message, actorId, at: this.#now };
  }

  /** All stages before this one have ended. */
  barrierOpen(stage: number): boolean {
    for (let earlier = 0; earlier < stage; earlier++) if (this.#openByStage[earlier]! > 0) return false;
    return true;
  }

  /** Draws every consequence of the changes so far, then derives stages and run. */
  settle(actorId: string | null): void {
    if (this.head.queuedAt !== null && this.head.ending === null) this.#release(actorId);
    this.#countPending();
    for (const stage of new Set([...this.#touched].map((index) => this.node(index).stage))) {
      this.#foldStage(stage, actorId);
    }
    this.#foldRun(actorId);
  }

  /** Lets every step go whose needs or barrier are decided; a skip decides others, so it repeats until quiet. */
  #release(actorId: string | null): void {
    const justAccepted = this.#base.queuedAt === null;
    let candidates = justAccepted
      ? this.graph.steps.map(({ index }) => index)
      : [...this.#touched].flatMap((index) => this.node(index).dependents);
    let open = -1;
    for (;;) {
      const upTo = this.#openBarriers();
      if (upTo !== open) {
        candidates = candidates.concat(this.#behindBarriers(upTo));
        open = upTo;
      }
      const next: number[] = [];
      for (const index of candidates) {
        if (this.step(index).status !== "PENDING") continue;
        if (this.#releaseStep(index, actorId)) next.push(...this.node(index).dependents);
      }
      if (next.length === 0 && this.#openBarriers() === open) return;
      candidates = next;
    }
  }

  /** Index of the last stage whose barrier is open. */
  #openBarriers(): number {
    let stage = 0;
    while (stage + 1 < this.graph.stages.length && this.#openByStage[stage] === 0) stage++;
    return stage;
  }

  #behindBarriers(upTo: number): number[] {
    return this.graph.stages
      .slice(0, upTo + 1)
      .flatMap(({ steps }) => steps.filter((index) => this.node(index).behindBarrier));
  }

  /** Whether the step was decided to be skipped, which decides its dependents in turn. */
  #releaseStep(index: number, actorId: string | null): boolean {
    const verdict = needVerdict(this.node(index), this);
    if (verdict.kind === "WAIT") return false;
    if (verdict.kind === "SKIP") {
      this.moveStep(
        index,
        "SKIP",
        { pending: 0, reason: this.reason(verdict.code, verdict.message) },
        actorId,
      );
      return true;
    }
    const { type, delayMs } = this.node(index);
    if (type === "DELAY") {
      const dueAt = new Date(this.#now.getTime() + (delayMs ?? 0));
      this.moveStep(index, "HOLD", { pending: 0, startedAt: this.#now, dueAt }, actorId);
    } else {
      this.moveStep(index, "READY", { pending: 0 }, actorId);
    }
    return false;
  }

  /** Keeps the counters that the set-based completion path relies on. */
  #countPending(): void {
    const candidates = new Set([
      ...[...this.#touched].flatMap((index) => this.node(index).dependents),
      ...this.#behindBarriers(this.#openBarriers()),
    ]);
    for (const index of candidates) {
      const step = this.step(index);
      if (step.status !== "PENDING") continue;
      const { needs, behindBarrier, stage } = this.node(index);
      const open = needs.filter((need) => !isTerminal(this.step(need).status)).length;
      const pending = open + (behindBarrier && !this.barrierOpen(stage) ? 1 : 0);
      if (pending !== step.pending) this.patchStep(index, { pending });
    }
  }

  #foldStage(index: number, actorId: string | null): void {
    const before = this.stage(index);
    const members = this.graph.stages[index]!.steps;
    const views = members.map((step) => foldView(this.step(step), this.node(step)));
    const status = foldStage(views, this.head.ending?.kind ?? null);
    if (status === before.status) return;
    const ended = isTerminal(status);
    const after: StageState = {
      index,
      status,
      reason: ended ? this.#endReason(members, status) : null,
      startedAt: before.startedAt ?? (views.some(({ started }) => started) ? this.#now : null),
      finishedAt: ended ? this.#now : null,
    };
    this.#stages.set(index, after);
    this.events.push({
      type: "StageStatusChanged",
      payload: { stage: index, status, reason: publicReason(after.reason) },
      actorId,
    });
  }

  #foldRun(actorId: string | null): void {
    const { steps } = this.graph;
    const views = steps.map((node) => foldView(this.step(node.index), node));
    const status = foldRun(views, this.head.ending?.kind ?? null, this.head.queuedAt !== null);
    const ended = isTerminal(status);
    const moving = views.some(({ started }) => started);
    const changed = status !== this.head.status;
    if (!changed && ended) return;
    this.head = {
      ...this.head,
      status,
      reason: ended
        ? this.#endReason(
            steps.map(({ index }) => index),
            status,
          )
        : (this.head.ending?.reason ?? null),
      startedAt: this.head.startedAt ?? (moving ? this.#now : null),
      finishedAt: ended ? (this.head.finishedAt ?? this.#now) : null,
      progress: this.#progress(status),
    };
    if (!changed) return;
    const reason = publicReason(this.head.reason);
    this.events.push({ type: "RunStatusChanged", payload: { status, reason }, actorId });
    if (!ended) return;
    const success = status === "SUCCEEDED" || status === "SKIPPED";
    const error = success ? null : { message: reason?.message ?? status, details: null };
    this.events.push({ type: "RunFinished", payload: { success, error }, actorId });
  }

  /** An end that was not a success freezes the progress; so does a cancel as soon as it is accepted. */
  #progress(status: RunHead["status"]): number {
    if (status === "SUCCEEDED") return 100;
    if (isTerminal(status) || status === "CANCELING") return this.head.progress;
    const open = this.#openByStage.reduce((sum, count) => sum + count, 0);
    const total = this.graph.steps.length;
    return Math.max(this.head.progress, Math.floor((100 * (total - open)) / total));
  }

  #endReason(members: readonly number[], status: string): StatusReason | null {
    if (status === "SUCCEEDED") return null;
    const { ending } = this.head;
    if (ending !== null && status !== "FAILED" && status !== "SKIPPED") return ending.reason;
    const culprit = members.find((index) => hasFailed(foldView(this.step(index), this.node(index))));
    if (culprit === undefined) return this.step(members[0]!).reason;
    const cause = this.step(culprit).reason;
    const detail = cause === null ? "" : `: ${cause.message}`;
    return this.reason(cause?.code ?? "ERROR", `step "${this.node(culprit).ref}" failed${detail}`);
  }
}

export function publicReason(reason: StatusReason | null) {
  return reason === null ? null : { code: reason.code, message: reason.message };
}
