import fc from "fast-check";
import type { StageSpec, StepSpec } from "../../src/domain/graph.ts";
import type { Act, Script } from "./reference.ts";
import { step } from "./workflow-builder.ts";

/** What ends the run from outside, and before which move of its world. */
export interface Interruption {
  readonly at: number;
  readonly by: "GRACEFUL" | "FORCE" | "EXPIRY";
}

/** A workflow, what its steps do when they are started, and the order in which everything happens. */
export interface Scenario {
  readonly stages: readonly StageSpec[];
  readonly script: Script;
  readonly choices: readonly number[];
  readonly interruptions: readonly Interruption[];
}

interface StepShape {
  readonly isDelay: boolean;
  readonly delayMs: number;
  /** Needs, as numbers into the list of steps that may be needed. */
  readonly picks: readonly number[];
  /** Needs within a stage point to lower ranks: no circle, and yet in any order on paper. */
  readonly rank: number;
  readonly when: StepSpec["when"];
  readonly continueOnError: boolean;
  readonly retry: StepSpec["retry"];
  readonly acts: readonly Act[];
}

const stepShape: fc.Arbitrary<StepShape> = fc.record({
  isDelay: fc.oneof(
    { weight: 5, arbitrary: fc.constant(false) },
    { weight: 1, arbitrary: fc.constant(true) },
  ),
  delayMs: fc.integer({ min: 0, max: 3_000 }),
  picks: fc.array(fc.nat(30), { maxLength: 3, size: "max" }),
  rank: fc.nat(3),
  when: fc.oneof(
    { weight: 3, arbitrary: fc.constant("on_success" as const) },
    { weight: 1, arbitrary: fc.constantFrom("on_failure" as const, "always" as const) },
  ),
  continueOnError: fc.oneof(
    { weight: 4, arbitrary: fc.constant(false) },
    { weight: 1, arbitrary: fc.constant(true) },
  ),
  retry: fc.record({
    attempts: fc.integer({ min: 1, max: 3 }),
    backoffMs: fc.constantFrom(0, 500),
    factor: fc.constantFrom(1, 2),
    maxBackoffMs: fc.constant(800),
  }),
  acts: fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    {
      weight: 4,
      arbitrary: fc.array(
        fc.constantFrom<Act>("FAILED", "FAILED", "TIMED_OUT", "SUCCEEDED", "LOST", "ABORTED"),
        { minLength: 1, maxLength: 4, size: "max" },
      ),
    },
    {
      weight: 1,
      arbitrary: fc.array(fc.constantFrom<Act>("LOST", "LOST", "LOST", "ABORTED", "FAILED"), {
        minLength: 5,
        maxLength: 7,
      }),
    },
  ),
});

const shapes = fc.array(fc.array(stepShape, { minLength: 1, maxLength: 4, size: "max" }), {
  minLength: 1,
  maxLength: 4,
  size: "max",
});

function build(shape: readonly (readonly StepShape[])[]): { stages: StageSpec[]; script: Script } {
  const ref = (stageAt: number, stepAt: number) => `s${stageAt}${"abcd"[stepAt]}`;
  const script = new Map<string, readonly Act[]>();
  const stages = shape.map((members, stageAt) => ({
    name: `stage ${stageAt}`,
    steps: members.map((member, stepAt) => {
      script.set(ref(stageAt, stepAt), member.acts);
      const earlier = shape.slice(0, stageAt).flatMap((other, at) => other.map((_, i) => ref(at, i)));
      const below = members.flatMap(({ rank }, i) => (rank < member.rank ? [ref(stageAt, i)] : []));
      const allowed = [...below, ...earlier];
      const picked = member.picks.flatMap((pick) => allowed[pick % (allowed.length + 3)] ?? []);
      const { when, continueOnError, retry } = member;
      const kind: Partial<StepSpec> = member.isDelay
        ? { type: "DELAY", waitsFor: "DELAY", delayMs: member.delayMs }
        : {};
      return step(ref(stageAt, stepAt), {
        needs: [...new Set(picked)],
        when,
        continueOnError,
        retry,
        ...kind,
      });
    }),
  }));
  return { stages, script };
}

/** Workflows without a fault. */
export const stagesArbitrary: fc.Arbitrary<StageSpec[]> = shapes.map((shape) => build(shape).stages);

const choices = fc.array(fc.nat(100_000), { maxLength: 60, size: "max" });
const interruption: fc.Arbitrary<Interruption> = fc.record({
  at: fc.nat(25),
  by: fc.constantFrom("GRACEFUL" as const, "FORCE" as const, "EXPIRY" as const),
});

function scenarios(interruptions: fc.Arbitrary<Interruption[]>): fc.Arbitrary<Scenario> {
  return fc
    .record({ shape: shapes, choices, interruptions })
    .map(({ shape, ...order }) => ({ ...build(shape), ...order }));
}

export const undisturbedScenario = scenarios(fc.constant([]));
export const interruptedScenario = scenarios(fc.array(interruption, { minLength: 1, maxLength: 1 }));
/** Cancels on cancels, force on grace, and an expiry that comes too late. */
export const repeatedlyCanceledScenario = scenarios(
  fc
    .array(interruption, { minLength: 2, maxLength: 3 })
    .map((several) => [...several].sort((a, b) => a.at - b.at))
    .filter(([first, ...later]) => first?.by !== "EXPIRY" || later.every(({ by }) => by === "EXPIRY")),
);
