import { hasFailed, meetsNeed } from "./fold.ts";
import type { StepNode, WorkflowGraph } from "./graph.ts";
import { foldView, type StepState } from "./run-state.ts";
import { isTerminal, type StatusReasonCode } from "./statuses.ts";

/** What a step may do now, judged by what it waits for. */
export type NeedVerdict =
  | { readonly kind: "WAIT" }
  | { readonly kind: "GO" }
  | { readonly kind: "SKIP"; readonly code: StatusReasonCode; readonly message: string };

/** What the verdict looks at: the graph and the steps as they are now. */
export interface RunView {
  readonly graph: WorkflowGraph;
  step(index: number): StepState;
  node(index: number): StepNode;
  barrierOpen(stage: number): boolean;
}

const WAIT = { kind: "WAIT" } as const;
const GO = { kind: "GO" } as const;

/**
 * What was found out already about a run in which nothing fails meanwhile: without it, a chain of steps that wait for a
 * failure is walked back anew for each of them.
 */
export class Judgement {
  /** Steps that nothing failed before, nor they themselves. */
  readonly unfailed = new Set<number>();
  /** By stage: the first stage before it that failed. */
  readonly failedBefore = new Map<number, string | null>();
}

export function needVerdict(node: StepNode, run: RunView, known = new Judgement()): NeedVerdict {
  let open = node.behindBarrier && !run.barrierOpen(node.stage);
  for (const need of node.needs) {
    const step = run.step(need);
    if (!isTerminal(step.status)) open = true;
    else if (node.when === "on_success" && !meetsNeed(foldView(step, run.node(need)))) {
      // One need is enough to decide it, however long the others take.
      return skip("DEPENDENCY", `step "${run.node(need).ref}" did not succeed`);
    }
  }
  if (open) return WAIT;
  switch (node.when) {
    case "always":
      return GO;
    case "on_failure":
      return somethingBeforeFailed(node, run, known)
        ? GO
        : skip("CONDITION", "nothing that it follows failed");
    case "on_success": {
      const failed = node.behindBarrier ? failedStageBefore(node.stage, run, known) : null;
      return failed === null ? GO : skip("DEPENDENCY", `stage "${failed}" failed`);
    }
  }
}

function failedStageBefore(stage: number, run: RunView, { failedBefore }: Judgement): string | null {
  const before = failedBefore.get(stage);
  if (before !== undefined) return before;
  const failed = run.graph.stages
    .slice(0, stage)
    .find(({ steps }) => steps.some((index) => hasFailed(foldView(run.step(index), run.node(index)))));
  failedBefore.set(stage, failed?.name ?? null);
  return failed?.name ?? null;
}

/** Walks back over needs, and over the barrier of every step on the way that stood behind one. */
function somethingBeforeFailed(node: StepNode, run: RunView, known: Judgement): boolean {
  const seen = new Set<number>();
  const stack = [node];
  for (let step = stack.pop(); step !== undefined; step = stack.pop()) {
    if (step.behindBarrier && failedStageBefore(step.stage, run, known) !== null) return true;
    for (const need of step.needs) {
      if (seen.has(need) || known.unfailed.has(need)) continue;
      seen.add(need);
      if (hasFailed(foldView(run.step(need), run.node(need)))) return true;
      stack.push(run.node(need));
    }
  }
  for (const index of seen) known.unfailed.add(index);
  return false;
}

/**
 * The steps before a step that is being stopped, which may be about to be done again: none of them starts before
 * what came of its last time is dead.
 */
export function beforeTheDying(run: RunView): ReadonlySet<number> {
  const { steps } = run.graph;
  const found = new Set<number>();
  const stack = steps.filter(({ index }) => run.step(index).status === "CANCELING");
  let barrier = 0;
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    const before = [...node.needs];
    if (node.behindBarrier) {
      for (; barrier < steps.length && steps[barrier]!.stage < node.stage; barrier++) before.push(barrier);
    }
    for (const index of before) {
      if (found.has(index)) continue;
      found.add(index);
      stack.push(steps[index]!);
    }
  }
  return found;
}

function skip(code: StatusReasonCode, message: string): NeedVerdict {
  return { kind: "SKIP", code, message };
}
