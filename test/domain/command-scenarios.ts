import fc from "fast-check";
import type { ReusedStep } from "../../src/domain/commands.ts";
import type { StageSpec, StepSpec, WorkflowGraph } from "../../src/domain/graph.ts";
import type { RunSettings } from "../../src/domain/run-state.ts";
import type { Script } from "./reference.ts";
import { undisturbedScenario } from "./scenarios.ts";
import { approval, child, external, tested } from "./workflow-builder.ts";

/** A workflow with steps of every kind, and the order in which people, runners and timers act. */
export interface CommandScenario {
  readonly stages: readonly StageSpec[];
  readonly script: Script;
  readonly settings: Partial<RunSettings>;
  /** How many steps without needs are taken over from another run. */
  readonly reused: number;
  readonly choices: readonly number[];
}

const KINDS = {
  same: (spec: StepSpec) => spec,
  approval: (spec: StepSpec) => approval(spec.ref, {}, carried(spec)),
  "approval by two, in time": (spec: StepSpec) =>
    approval(spec.ref, { quorum: 2 }, { ...carried(spec), patienceMs: 2_000 }),
  external: (spec: StepSpec) => external(spec.ref, carried(spec)),
  "external, in time": (spec: StepSpec) => external(spec.ref, { ...carried(spec), patienceMs: 2_000 }),
  child: (spec: StepSpec) => child(spec.ref, carried(spec)),
  tested: (spec: StepSpec) => tested(spec.ref, { ...carried(spec), retry: spec.retry }),
} as const;
type Kind = keyof typeof KINDS;

function carried({ needs, when, continueOnError }: StepSpec): Partial<StepSpec> {
  return { needs, when, continueOnError };
}

const kinds = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.constant<Kind>("same") },
    { weight: 2, arbitrary: fc.constantFrom(...(Object.keys(KINDS) as Kind[])) },
  ),
  { minLength: 16, maxLength: 16 },
);

const settings: fc.Arbitrary<Partial<RunSettings>> = fc.record({
  timeoutMs: fc.constantFrom(4_000, 1_000_000),
  maxParallelSteps: fc.constantFrom(null, null, 1, 2, 3),
  stepRetries: fc.constantFrom(null, null, 0, 2),
});

function withKinds(stages: readonly StageSpec[], chosen: readonly Kind[]): StageSpec[] {
  let at = 0;
  return stages.map(({ name, steps }) => ({
    name,
    steps: steps.map((spec) => KINDS[chosen[at++ % chosen.length]!](spec)),
  }));
}

export const commandScenario: fc.Arbitrary<CommandScenario> = fc
  .record({
    base: undisturbedScenario,
    kinds,
    settings,
    reused: fc.constantFrom(0, 0, 0, 1, 2),
    choices: fc.array(fc.nat(1_000_000), { minLength: 5, maxLength: 90, size: "max" }),
  })
  .map(({ base, kinds: chosen, ...rest }) => ({
    stages: withKinds(base.stages, chosen),
    script: base.script,
    ...rest,
  }));

/** The first steps that wait for nothing, as taken over from another run. */
export function reusedSteps({ steps }: WorkflowGraph, count: number): ReusedStep[] {
  const free = steps.filter((node) => node.stage === 0 && node.needs.length === 0);
  return free.slice(0, count).map(({ index }, at) => ({
    step: index,
    status: at === 0 ? "SUCCEEDED" : "SKIPPED",
    output: {},
    from: { runId: "run_0", step: index },
  }));
}
