import { foldRun, foldStage, hasFailed } from "./fold.ts";
import { holdStep } from "./hold-step.ts";
import { beforeTheDying, Judgement, needVerdict } from "./readiness.ts";
import { publicReason, type RunDraft } from "./run-draft.ts";
import { foldView, type StageState, type StepState } from "./run-state.ts";
import { isTerminal, type StatusReason, type WorkflowRunStatus } from "./statuses.ts";

/** Draws every consequence of the changes so far, then derives stages and run. */
export function settle(draft: RunDraft, actorId: string | null): void {
  const held = beforeTheDying(draft);
  if (draft.head.queuedAt !== null && draft.head.ending === null) release(draft, held, actorId);
  countPending(draft, held);
  admit(draft, actorId);
  for (const stage of stagesToFold(draft)) settleStage(draft, stage, actorId);
  settleRun(draft, actorId);
}

/** Lets every step go whose needs or barrier are decided; a skip decides others, so it repeats until quiet. */
function release(draft: RunDraft, held: ReadonlySet<number>, actorId: string | null): void {
  const all = draft.before.queuedAt === null || draft.stepsReset;
  let candidates = all
    ? draft.graph.steps.map(({ index }) => index)
    : [...draft.touched].flatMap((index) => draft.node(index).dependents);
  let open = -1;
  // Letting steps go and skipping them makes none fail.
  const known = new Judgement();
  for (;;) {
    const upTo = draft.openBarriers();
    if (upTo !== open) {
      candidates = candidates.concat(behindBarriers(draft, upTo));
      open = upTo;
    }
    const next: number[] = [];
    for (const index of candidates) {
      if (draft.step(index).status !== "PENDING" || held.has(index)) continue;
      if (releaseStep(draft, index, known, actorId)) next.push(...draft.node(index).dependents);
    }
    if (next.length === 0 && draft.openBarriers() === open) return;
    candidates = next;
  }
}

function behindBarriers({ graph }: RunDraft, upTo: number): number[] {
  return graph.stages
    .slice(0, upTo + 1)
    .flatMap(({ steps }) => steps.filter((index) => graph.steps[index]!.behindBarrier));
}

/** Whether the step was decided to be skipped, which decides its dependents in turn. */
function releaseStep(draft: RunDraft, index: number, known: Judgement, actorId: string | null): boolean {
  const node = draft.node(index);
  const verdict = needVerdict(node, draft, known);
  if (verdict.kind === "WAIT") return false;
  if (verdict.kind === "SKIP") {
    draft.moveStep(index, "SKIP", { reason: draft.reason(verdict.code, verdict.message) }, actorId);
    return true;
  }
  // A paused run makes no new runs either: a child waits in the queue until it goes on.
  const queued = node.waitsFor === "RUNNER" || (node.waitsFor === "CHILD_RUN" && draft.head.pause !== null);
  if (queued) draft.moveStep(index, "READY", { pending: 0 }, actorId);
  else holdStep(draft, index, actorId);
  return false;
}

/** Keeps the counters that the set-based completion path relies on. */
function countPending(draft: RunDraft, held: ReadonlySet<number>): void {
  const all = draft.stepsReset || held.size > 0;
  const candidates = all
    ? draft.graph.steps.map(({ index }) => index)
    : new Set([
        ...[...draft.touched].flatMap((index) => draft.node(index).dependents),
        ...behindBarriers(draft, draft.openBarriers()),
      ]);
  for (const index of candidates) {
    const step = draft.step(index);
    if (step.status !== "PENDING") continue;
    const { needs, behindBarrier, stage } = draft.node(index);
    const open = needs.filter((need) => !isTerminal(draft.step(need).status)).length;
    const barrier = behindBarrier && !draft.barrierOpen(stage) ? 1 : 0;
    const pending = open + barrier + (held.has(index) ? 1 : 0);
    if (pending !== step.pending) draft.patchStep(index, { pending });
  }
}

/** Says which queued steps may be claimed: none of a paused run, and no more than there are slots. */
function admit(draft: RunDraft, actorId: string | null): void {
  const { pause, ending } = draft.head;
  const open = pause === null && ending === null;
  const queued: number[] = [];
  let free = open ? (draft.settings.maxParallelSteps ?? Number.POSITIVE_INFINITY) : 0;
  for (const { index } of draft.graph.steps) {
    const { status, leased, ready } = draft.step(index);
    if (leased || (ready && open)) free--;
    else if (status === "QUEUED") queued.push(index);
  }
  for (const index of queued) {
    const isChild = draft.node(index).waitsFor === "CHILD_RUN";
    if (isChild && open) holdStep(draft, index, actorId);
    const ready = !isChild && free-- > 0;
    if (ready !== draft.step(index).ready) draft.patchStep(index, { ready });
  }
}

/** A cancel, and a reopening that forgets it, also decide what stages are that no step of moved. */
function stagesToFold(draft: RunDraft): Iterable<number> {
  const { before, head, graph, touched } = draft;
  if (before.ending?.kind !== head.ending?.kind) return graph.stages.keys();
  return new Set([...touched].map((index) => draft.node(index).stage));
}

function settleStage(draft: RunDraft, index: number, actorId: string | null): void {
  const before = draft.stage(index);
  const members = draft.graph.stages[index]!.steps;
  const views = members.map((step) => foldView(draft.step(step), draft.node(step)));
  const status = foldStage(views, draft.head.ending?.kind ?? null);
  if (status === before.status) return;
  const ended = isTerminal(status);
  const after: StageState = {
    index,
    status,
    reason: ended ? endReason(draft, members, status) : null,
    startedAt: before.startedAt ?? (views.some(({ started }) => started) ? draft.now : null),
    finishedAt: ended ? draft.now : null,
  };
  draft.setStage(after);
  draft.events.push({
    type: "StageStatusChanged",
    payload: { stage: index, status, reason: publicReason(after.reason) },
    actorId,
  });
}

function settleRun(draft: RunDraft, actorId: string | null): void {
  const { steps } = draft.graph;
  const { ending, pause, queuedAt } = draft.head;
  const views = steps.map((node) => foldView(draft.step(node.index), node));
  const status = foldRun(views, ending?.kind ?? null, queuedAt !== null, pause !== null);
  const ended = isTerminal(status);
  const moving = views.some(({ started }) => started);
  // A run that was reopened may end at once, and as it had ended before: that is an end of its own.
  const changed = status !== draft.head.status || (ended && draft.head.finishedAt === null);
  if (!changed && ended) return;
  const members = steps.map(({ index }) => index);
  draft.head = {
    ...draft.head,
    status,
    reason: ended ? endReason(draft, members, status) : (ending?.reason ?? pause?.reason ?? null),
    startedAt: draft.head.startedAt ?? (moving ? draft.now : null),
    finishedAt: ended ? (draft.head.finishedAt ?? draft.now) : null,
    finalizedAt: ended && draft.head.sealing ? draft.now : draft.head.finalizedAt,
    pause: ended ? null : pause,
    progress: progressOf(draft, status),
  };
  if (!changed) return;
  const reason = publicReason(draft.head.reason);
  draft.events.push({ type: "RunStatusChanged", payload: { status, reason }, actorId });
  if (!ended) return;
  const success = status === "SUCCEEDED" || status === "SKIPPED";
  const error = success ? null : { message: reason?.message ?? status, details: failuresOf(draft) };
  draft.events.push({ type: "RunFinished", payload: { success, error }, actorId });
}

/** More of them say nothing new. */
const MAX_FAILURES = 20;

/** Every step that failed, a line for each; null when none did. */
function failuresOf(draft: RunDraft): string | null {
  const failed = draft.graph.steps.filter(({ index }) => {
    const { status } = draft.step(index);
    return status === "FAILED" || status === "TIMED_OUT";
  });
  if (failed.length === 0) return null;
  const lines = failed.slice(0, MAX_FAILURES).map(({ index, ref }) => {
    const { status, reason } = draft.step(index);
    return `step "${ref}" ${status}${reason === null ? "" : `: ${reason.message}`}`;
  });
  const rest = failed.length - lines.length;
  return [...lines, ...(rest > 0 ? [`and ${rest} more`] : [])].join("\n");
}

/** An end that was not a success freezes the progress; so does a cancel as soon as it is accepted. */
function progressOf(draft: RunDraft, status: WorkflowRunStatus): number {
  if (status === "SUCCEEDED") return 100;
  if (isTerminal(status) || status === "CANCELING") return draft.head.progress;
  const { steps } = draft.graph;
  const done = steps.reduce((sum, { index }) => sum + progressOfStep(draft.step(index)), 0);
  return Math.max(draft.head.progress, Math.floor(done / steps.length));
}

/** Whatever has ended leaves nothing to wait for. */
function progressOfStep({ status, progress }: StepState): number {
  return isTerminal(status) ? 100 : progress;
}

function endReason(draft: RunDraft, members: readonly number[], status: string): StatusReason | null {
  if (status === "SUCCEEDED") return null;
  const { ending } = draft.head;
  if (ending !== null && status !== "FAILED" && status !== "SKIPPED") return ending.reason;
  const culprit = members.find((index) => hasFailed(foldView(draft.step(index), draft.node(index))));
  if (culprit === undefined) return draft.step(members[0]!).reason;
  const cause = draft.step(culprit).reason;
  const detail = cause === null ? "" : `: ${cause.message}`;
  return draft.reason(cause?.code ?? "ERROR", `step "${draft.node(culprit).ref}" failed${detail}`);
}
