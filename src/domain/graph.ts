import type { ApprovalPolicy } from "./approvals.ts";

/**
 * The shape of a workflow: stages in order, steps with their needs. Compiled once per workflow version and
 * shared by all of its runs.
 */

export const STEP_TYPES = [
  "RUN",
  "BUILD",
  "HTTP",
  "DELAY",
  "APPROVAL",
  "EXTERNAL",
  "WORKFLOW",
  "TEST",
] as const;
export type StepType = (typeof STEP_TYPES)[number];

/** What a step that may go is waiting for: a runner that executes it, or something that needs none. */
export const STEP_WAITS = ["RUNNER", "DELAY", "APPROVAL", "EXTERNAL", "CHILD_RUN"] as const;
export type StepWait = (typeof STEP_WAITS)[number];

export const STEP_CONDITIONS = ["on_success", "on_failure", "always"] as const;
export type StepCondition = (typeof STEP_CONDITIONS)[number];

export interface RetryPolicy {
  /** Total tries, the first one included. */
  readonly attempts: number;
  /** Wait before the second try. */
  readonly backoffMs: number;
  /** Each further wait is this many times the one before. */
  readonly factor: number;
  readonly maxBackoffMs: number;
}

/** What the graph needs to know of a step as its author wrote it. */
export interface StepSpec {
  readonly ref: string;
  readonly name: string | null;
  readonly type: StepType;
  readonly waitsFor: StepWait;
  readonly needs: readonly string[];
  readonly when: StepCondition;
  readonly continueOnError: boolean;
  readonly retry: RetryPolicy;
  /** How long a DELAY step waits; null for the other types. */
  readonly delayMs: number | null;
  /** How long an approval or an external completion is waited for; null = as long as the run lasts. */
  readonly patienceMs: number | null;
  /** Who decides on an APPROVAL step; null for the other types. */
  readonly approval: ApprovalPolicy | null;
  /** Which runners may take it: the queue they serve and the labels they carry. */
  readonly queue: string;
  readonly labels: readonly string[];
}

export interface StageSpec {
  readonly name: string;
  readonly steps: readonly StepSpec[];
}

export interface StepNode extends Omit<StepSpec, "needs"> {
  /** Position in the whole workflow, 0-based; steps of one stage are neighbours. */
  readonly index: number;
  readonly stage: number;
  /** Indexes of the steps it waits for. */
  readonly needs: readonly number[];
  /** It also waits for all earlier stages, because none of its needs lies in one. */
  readonly behindBarrier: boolean;
  /** Indexes of the steps that wait for it. */
  readonly dependents: readonly number[];
}

export interface WorkflowGraph {
  readonly stages: readonly { readonly name: string; readonly steps: readonly number[] }[];
  readonly steps: readonly StepNode[];
}

export type GraphFaultCode = "DUPLICATE_REF" | "UNKNOWN_NEED" | "LATER_NEED" | "REPEATED_NEED" | "CYCLE";

/** What is wrong and where: stage and step by position, `need` by its position in the step's list. */
export interface GraphFault {
  readonly code: GraphFaultCode;
  readonly message: string;
  readonly stage: number;
  readonly step: number;
  readonly need: number | null;
}

export type CompiledGraph =
  | { readonly graph: WorkflowGraph; readonly faults: readonly [] }
  | { readonly graph: null; readonly faults: readonly GraphFault[] };

/** Resolves refs to indexes. Answers every fault at once, so that an author mends a file in one go. */
export function compileGraph(stages: readonly StageSpec[]): CompiledGraph {
  const placed = stages.flatMap((stage, stageIndex) =>
    stage.steps.map((spec, position) => ({ spec, stage: stageIndex, position })),
  );
  const indexByRef = new Map<string, number>();
  const faults: GraphFault[] = [];
  placed.forEach(({ spec, stage, position }, index) => {
    if (!indexByRef.has(spec.ref)) indexByRef.set(spec.ref, index);
    else
      faults.push({
        code: "DUPLICATE_REF",
        message: `step ref "${spec.ref}" is used twice; every ref of a workflow must be unique`,
        stage,
        step: position,
        need: null,
      });
  });

  const needs = placed.map(({ spec, stage, position }) => {
    const resolved = new Set<number>();
    spec.needs.forEach((ref, need) => {
      const target = indexByRef.get(ref);
      const at = { stage, step: position, need };
      if (target === undefined) {
        faults.push({
          code: "UNKNOWN_NEED",
          message: `step "${spec.ref}" needs "${ref}", which no step has as its ref`,
          ...at,
        });
      } else if (placed[target]!.stage > stage) {
        faults.push({
          code: "LATER_NEED",
          message: `step "${spec.ref}" needs "${ref}" of a later stage, which would never start`,
          ...at,
        });
      } else if (resolved.has(target)) {
        faults.push({
          code: "REPEATED_NEED",
          message: `step "${spec.ref}" names "${ref}" twice in its needs`,
          ...at,
        });
      } else {
        resolved.add(target);
      }
    });
    return [...resolved];
  });

  for (const cycle of findCycles(needs)) {
    const start = placed[cycle[0]!]!;
    const path = [...cycle, cycle[0]!].map((index) => placed[index]!.spec.ref).join(" -> ");
    faults.push({
      code: "CYCLE",
      message: `steps need each other and form a cycle: ${path}`,
      stage: start.stage,
      step: start.position,
      need: start.spec.needs.indexOf(placed[cycle[1] ?? cycle[0]!]!.spec.ref),
    });
  }
  if (faults.length > 0) return { graph: null, faults };

  const dependents: number[][] = placed.map(() => []);
  needs.forEach((list, index) => {
    for (const need of list) dependents[need]!.push(index);
  });
  let next = 0;
  return {
    graph: {
      stages: stages.map((stage) => ({ name: stage.name, steps: stage.steps.map(() => next++) })),
      steps: placed.map(({ spec, stage }, index) => ({
        ...spec,
        index,
        stage,
        needs: needs[index]!,
        behindBarrier: stage > 0 && needs[index]!.every((need) => placed[need]!.stage === stage),
        dependents: dependents[index]!,
      })),
    },
    faults: [],
  };
}

/**
 * One cycle for each group of steps that need each other, found by a depth-first walk with an explicit stack:
 * a chain of 10,000 steps must not overflow the call stack.
 */
function findCycles(needs: readonly (readonly number[])[]): number[][] {
  const cycles: number[][] = [];
  const state = new Uint8Array(needs.length); // 0 unseen, 1 on the path, 2 done
  // One cycle is told per knot: a hostile file can tie millions of overlapping ones.
  const told = new Uint8Array(needs.length);
  for (let root = 0; root < needs.length; root++) {
    if (state[root] !== 0) continue;
    const path: { step: number; next: number }[] = [{ step: root, next: 0 }];
    state[root] = 1;
    while (path.length > 0) {
      const top = path[path.length - 1]!;
      const need = needs[top.step]![top.next++];
      if (need === undefined) {
        state[top.step] = 2;
        path.pop();
      } else if (state[need] === 0) {
        state[need] = 1;
        path.push({ step: need, next: 0 });
      } else if (state[need] === 1 && told[need] === 0 && told[top.step] === 0) {
        const cycle = path.slice(path.findIndex(({ step }) => step === need)).map(({ step }) => step);
        if (cycle.some((step) => told[step] === 1)) continue;
        for (const step of cycle) told[step] = 1;
        cycles.push(cycle);
      }
    }
  }
  return cycles;
}
