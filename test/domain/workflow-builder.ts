import type { ApprovalPolicy } from "../../src/domain/approvals.ts";
import {
  compileGraph,
  type RetryPolicy,
  type StageSpec,
  type StepSpec,
  type WorkflowGraph,
} from "../../src/domain/graph.ts";

export const ONE_TRY: RetryPolicy = { attempts: 1, backoffMs: 0, factor: 1, maxBackoffMs: 0 };

/** A step that a runner executes, as plain as a step can be. */
export function step(ref: string, overrides: Partial<StepSpec> = {}): StepSpec {
  return {
    ref,
    name: null,
    type: "RUN",
    waitsFor: "RUNNER",
    needs: [],
    when: "on_success",
    continueOnError: false,
    retry: ONE_TRY,
    delayMs: null,
    patienceMs: null,
    approval: null,
    queue: "default",
    labels: [],
    ...overrides,
  };
}

export function delay(ref: string, delayMs: number, overrides: Partial<StepSpec> = {}): StepSpec {
  return step(ref, { type: "DELAY", waitsFor: "DELAY", delayMs, ...overrides });
}

/** A step that people decide on. */
export function approval(
  ref: string,
  policy: Partial<ApprovalPolicy> = {},
  overrides: Partial<StepSpec> = {},
) {
  const asked = { quorum: 1, approvers: null, selfApproval: true, prompt: null, ...policy };
  return step(ref, { type: "APPROVAL", waitsFor: "APPROVAL", approval: asked, ...overrides });
}

/** A step whose tests decide how it ends. */
export function tested(ref: string, overrides: Partial<StepSpec> = {}): StepSpec {
  return step(ref, { type: "TEST", ...overrides });
}

/** A step that something outside completes. */
export function external(ref: string, overrides: Partial<StepSpec> = {}): StepSpec {
  return step(ref, { type: "EXTERNAL", waitsFor: "EXTERNAL", ...overrides });
}

/** A step that is a run of its own. */
export function child(ref: string, overrides: Partial<StepSpec> = {}): StepSpec {
  return step(ref, { type: "WORKFLOW", waitsFor: "CHILD_RUN", ...overrides });
}

export function stage(name: string, ...steps: StepSpec[]): StageSpec {
  return { name, steps };
}

/** Compiles a workflow that must have no fault. */
export function graphOf(stages: readonly StageSpec[]): WorkflowGraph {
  const { graph, faults } = compileGraph(stages);
  if (graph === null) throw new Error(faults.map(({ message }) => message).join("; "));
  return graph;
}
