import type { WorkflowGraph } from "./graph.ts";
import type { StatusReasonCode, StepRunStatus } from "./statuses.ts";

/** What a retry does again: what failed and everything after it, chosen steps, or everything. */
export const RETRY_MODES = ["FROM_FAILED", "FROM_STEPS", "ALL"] as const;
export type RetryMode = (typeof RETRY_MODES)[number];

/** A step of the run that is retried. */
export interface OriginalStep {
  readonly ref: string;
  readonly status: StepRunStatus;
  readonly reasonCode: StatusReasonCode | null;
}

export interface RetryRequest {
  readonly mode: RetryMode;
  /** For FROM_STEPS: where to begin. */
  readonly stepRefs: readonly string[];
  /** For FROM_STEPS: also everything that comes after those steps. */
  readonly includeDownstream: boolean;
}

export interface RetryPlan {
  /** Steps of the new run that are executed, by index. */
  readonly execute: readonly number[];
  /** Steps that are taken over, each from a step of the original. */
  readonly reuse: readonly { readonly step: number; readonly from: number }[];
}

/**
 * Which steps of a new run take their result over from the original. A step can only do so when it has one there,
 * under the same ref, and when nothing before it is executed again, unless single steps were asked for.
 */
export function planRetry(
  graph: WorkflowGraph,
  original: readonly OriginalStep[],
  { mode, stepRefs, includeDownstream }: RetryRequest,
): RetryPlan {
  const originalByRef = new Map(original.map((step, index) => [step.ref, { ...step, index }]));
  const chosen = new Set(stepRefs);
  const execute = new Set<number>();
  const reuse: { step: number; from: number }[] = [];
  // Steps whose execution has others executed that come after them.
  const leading = new Set<number>();
  let leadingStage = Number.POSITIVE_INFINITY;
  for (const { index, ref, needs, behindBarrier, stage } of inOrder(graph)) {
    const before = originalByRef.get(ref);
    const isChosen = mode === "ALL" || (mode === "FROM_STEPS" && chosen.has(ref));
    const follows = needs.some((need) => leading.has(need)) || (behindBarrier && leadingStage < stage);
    const reusable = before !== undefined && hasResult(before) && !isChosen && !follows;
    if (reusable) {
      reuse.push({ step: index, from: before.index });
      continue;
    }
    execute.add(index);
    // Asked for by itself, and not because of anything before it.
    if (mode === "FROM_STEPS" && isChosen && !includeDownstream && !follows) continue;
    leading.add(index);
    leadingStage = Math.min(leadingStage, stage);
  }
  return { execute: [...execute].sort((a, b) => a - b), reuse: reuse.sort((a, b) => a.step - b.step) };
}

/** It succeeded, or somebody or its own condition decided that it need not run. */
function hasResult({ status, reasonCode }: OriginalStep): boolean {
  if (status === "SUCCEEDED") return true;
  return status === "SKIPPED" && (reasonCode === "REQUESTED" || reasonCode === "CONDITION");
}

/** Every step after all that it needs, and after all earlier stages. */
function inOrder({ stages, steps }: WorkflowGraph) {
  return stages.flatMap((stage, position) => {
    const isHere = (index: number): boolean => steps[index]!.stage === position;
    const open = new Map(stage.steps.map((index) => [index, steps[index]!.needs.filter(isHere).length]));
    const ready = stage.steps.filter((index) => open.get(index) === 0);
    for (let at = 0; at < ready.length; at++) {
      for (const dependent of steps[ready[at]!]!.dependents.filter(isHere)) {
        const left = open.get(dependent)! - 1;
        open.set(dependent, left);
        if (left === 0) ready.push(dependent);
      }
    }
    return ready.map((index) => steps[index]!);
  });
}
