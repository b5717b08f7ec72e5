import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compileGraph, type GraphFault, type StageSpec } from "../../src/domain/graph.ts";
import { stagesArbitrary } from "./scenarios.ts";
import { graphOf, stage, step } from "./workflow-builder.ts";

const CHAIN = 10_000;

function chain(length: number): StageSpec {
  return stage(
    "chain",
    ...Array.from({ length }, (_, at) => step(`s${at}`, { needs: at === 0 ? [] : [`s${at - 1}`] })),
  );
}

/** What is wrong and where, without the words. */
function places(stages: readonly StageSpec[]): string[] {
  const { faults } = compileGraph(stages);
  return faults.map(({ code, stage, step, need }: GraphFault) => `${code} ${stage}.${step}.${need}`).sort();
}

describe("graph", () => {
  test("numbers the steps through all stages and keeps the order of needs", () => {
    const graph = graphOf([
      stage("one", step("a"), step("b"), step("c")),
      stage("two", step("d", { needs: ["c", "a", "b"] }), step("e"), step("f", { needs: ["d", "a"] })),
    ]);
    expect(graph.stages).toEqual([
      { name: "one", steps: [0, 1, 2] },
      { name: "two", steps: [3, 4, 5] },
    ]);
    expect(graph.steps.map(({ ref, index, stage }) => [ref, index, stage])).toEqual([
      ["a", 0, 0],
      ["b", 1, 0],
      ["c", 2, 0],
      ["d", 3, 1],
      ["e", 4, 1],
      ["f", 5, 1],
    ]);
    expect(graph.steps.map(({ needs }) => needs)).toEqual([[], [], [], [2, 0, 1], [], [3, 0]]);
    expect(graph.steps.map(({ dependents }) => dependents)).toEqual([[3, 5], [3], [3], [5], [], []]);
  });

  test("a need may be written before the step that it names", () => {
    const graph = graphOf([stage("one", step("last", { needs: ["first"] }), step("first"))]);
    expect(graph.steps[0]?.needs).toEqual([1]);
    expect(graph.steps[1]?.dependents).toEqual([0]);
  });

  test("keeps what the author said of a step", () => {
    const spec = step("a", {
      name: "Compile",
      when: "always",
      continueOnError: true,
      retry: { attempts: 3, backoffMs: 10, factor: 2, maxBackoffMs: 40 },
      queue: "large",
      labels: ["gpu"],
    });
    expect(graphOf([stage("one", spec)]).steps[0]).toEqual({
      ...spec,
      index: 0,
      stage: 0,
      needs: [],
      dependents: [],
      behindBarrier: false,
    });
  });

  test("names every fault at once, each at its place", () => {
    const stages = [
      stage("one", step("a", { needs: ["ghost"] }), step("b", { needs: ["late"] }), step("a")),
      stage("two", step("late"), step("x", { needs: ["y"] }), step("y", { needs: ["a", "x"] })),
      stage("three", step("self", { needs: ["self"] }), step("twice", { needs: ["late", "a", "late"] })),
    ];
    expect(compileGraph(stages).graph).toBeNull();
    expect(places(stages)).toEqual([
      "CYCLE 1.1.0",
      "CYCLE 2.0.0",
      "DUPLICATE_REF 0.2.null",
      "LATER_NEED 0.1.0",
      "REPEATED_NEED 2.1.2",
      "UNKNOWN_NEED 0.0.0",
    ]);
  });

  test("every further step with the same ref is a fault", () => {
    const stages = [stage("one", step("a"), step("a")), stage("two", step("a"))];
    expect(places(stages)).toEqual(["DUPLICATE_REF 0.1.null", "DUPLICATE_REF 1.0.null"]);
  });

  test("a cycle is named ref by ref", () => {
    const { faults } = compileGraph([
      stage("one", step("a", { needs: ["c"] }), step("b", { needs: ["a"] }), step("c", { needs: ["b"] })),
    ]);
    expect(faults).toHaveLength(1);
    expect(faults[0]?.message).toContain("a -> c -> b -> a");
  });

  test("the need of a cycle is counted in the list that its author wrote", () => {
    const stages = [stage("one", step("a", { needs: ["ghost", "b"] }), step("b", { needs: ["a"] }))];
    expect(places(stages)).toEqual(["CYCLE 0.0.1", "UNKNOWN_NEED 0.0.0"]);
  });

  test("cycles that do not touch are all named", () => {
    const stages = [
      stage("one", step("a", { needs: ["b"] }), step("b", { needs: ["a"] }), step("c", { needs: ["a"] })),
      stage("two", step("d", { needs: ["e"] }), step("e", { needs: ["d"] })),
    ];
    expect(places(stages)).toEqual(["CYCLE 0.0.0", "CYCLE 1.0.0"]);
  });

  test("a chain of 10,000 steps compiles", () => {
    const { steps } = graphOf([chain(CHAIN)]);
    expect(steps).toHaveLength(CHAIN);
    expect(steps.at(-1)?.needs).toEqual([CHAIN - 2]);
    expect(steps[0]?.dependents).toEqual([1]);
  });

  test("a circle of 10,000 steps is found", () => {
    const { name, steps } = chain(CHAIN);
    const closed = steps.map((spec, at) => (at === 0 ? { ...spec, needs: [`s${CHAIN - 1}`] } : spec));
    expect(places([{ name, steps: closed }])).toEqual(["CYCLE 0.0.0"]);
  });

  test("random workflows: needs and dependents mirror each other and the refs", () => {
    fc.assert(
      fc.property(stagesArbitrary, (stages) => {
        const { steps } = graphOf(stages);
        const specs = stages.flatMap((each) => each.steps);
        expect(steps.map(({ needs }) => needs.map((need) => steps[need]?.ref))).toEqual(
          specs.map(({ needs }) => needs),
        );
        for (const { index, dependents } of steps) {
          const expected = steps.filter(({ needs }) => needs.includes(index)).map((other) => other.index);
          expect([...dependents].sort((a, b) => a - b)).toEqual(expected);
        }
      }),
      { numRuns: 200 },
    );
  });

  test("random workflows: a need that closes a circle is always refused", () => {
    fc.assert(
      fc.property(stagesArbitrary, fc.nat(), fc.nat(), (stages, from, to) => {
        const flat = stages.flatMap(({ steps }) => steps);
        const target = flat[from % flat.length]!;
        const reached = new Set<string>([target.ref]);
        // Needs point at steps in any order, so the closure is taken until nothing is added.
        for (let size = 0; size < reached.size; ) {
          size = reached.size;
          for (const { ref, needs } of flat)
            if (reached.has(ref)) for (const need of needs) reached.add(need);
        }
        const stageOf = (ref: string) => stages.findIndex(({ steps }) => steps.some((s) => s.ref === ref));
        const back = [...reached].filter((ref) => stageOf(ref) === stageOf(target.ref));
        const closing = back[to % back.length]!;
        const broken = stages.map(({ name, steps }) => ({
          name,
          steps: steps.map((spec) =>
            spec.ref === closing ? { ...spec, needs: [...spec.needs, target.ref] } : spec,
          ),
        }));
        expect(compileGraph(broken).faults.map(({ code }) => code)).toContain("CYCLE");
      }),
      { numRuns: 200 },
    );
  });
});
