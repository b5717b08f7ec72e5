import type { WorkflowGraph } from "./graph.ts";

/** The steps that are always over when this one starts: its needs and theirs, and all of the stages that these wait for. */
export function stepsBefore({ steps }: WorkflowGraph, index: number): number[] {
  const ancestors = new Set<number>();
  const open = [index];
  // Every stage before this one is over.
  let stagesOver = 0;
  for (let step = open.pop(); step !== undefined; step = open.pop()) {
    const { needs, behindBarrier, stage } = steps[step]!;
    if (behindBarrier) stagesOver = Math.max(stagesOver, stage);
    for (const need of needs) {
      if (ancestors.has(need)) continue;
      ancestors.add(need);
      open.push(need);
    }
  }
  return steps
    .filter(({ stage, index: step }) => stage < stagesOver || ancestors.has(step))
    .map(({ index: step }) => step);
}
