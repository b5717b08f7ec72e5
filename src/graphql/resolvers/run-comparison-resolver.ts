import { isDeepStrictEqual } from "node:util";
import { Arg, Ctx, ID, Query, Resolver } from "type-graphql";
import { keyOf } from "../../domain/ids.ts";
import { resultOf } from "../../domain/statuses.ts";
import type { RunRecord } from "../../persistence/queries/runs.ts";
import type { StepRecord } from "../../persistence/queries/steps.ts";
import type { RequestContext } from "../context.ts";
import type { StepChange } from "../enums.ts";
import { found, readable } from "../scope.ts";
import { durationMs } from "../types/durations.ts";
import { type StepComparison, type ValueDifference, WorkflowRunComparison } from "../types/run-comparison.ts";
import { StepRun } from "../types/step-run.ts";
import { WorkflowRun } from "../types/workflow-run.ts";

@Resolver()
export class RunComparisonResolver {
  @Query(() => WorkflowRunComparison, {
    nullable: true,
    description:
      "How one run differs from another. Error NOT_FOUND when one of them does not exist for the viewer.",
  })
  async compareWorkflowRuns(
    @Arg("baseId", () => ID, { description: "The run to compare with." }) baseId: string,
    @Arg("headId", () => ID, { description: "The run to compare." }) headId: string,
    @Ctx() context: RequestContext,
  ): Promise<WorkflowRunComparison> {
    const { loaders } = context;
    const runs = [await readRun(baseId, context), await readRun(headId, context)] as const;
    const [steps, inputs] = await Promise.all([
      Promise.all(runs.map(async ({ id }) => await loaders.stepsOfRun.load(id))),
      Promise.all(runs.map(async ({ id }) => await loaders.runInput.load(id))),
    ]);
    const variables = inputs.map((input) => (input?.envVars ?? []).map(({ key, value }) => [key, value]));
    const [base, head] = runs;
    return Object.assign(new WorkflowRunComparison(), {
      base: WorkflowRun.from(base),
      head: WorkflowRun.from(head),
      durationDeltaMs: difference(base, head),
      steps: compareSteps(steps[0]!, steps[1]!),
      inputs: differences(inputs[0]?.inputs ?? {}, inputs[1]?.inputs ?? {}),
      envVars: differences(Object.fromEntries(variables[0]!), Object.fromEntries(variables[1]!)),
    });
  }
}

async function readRun(id: string, { loaders, viewer }: RequestContext): Promise<RunRecord> {
  const key = keyOf("WorkflowRun", id);
  return found(readable(viewer, key === null ? null : await loaders.run.load(key)));
}

function compareSteps(base: readonly StepRecord[], head: readonly StepRecord[]): StepComparison[] {
  const before = new Map(base.map((step) => [step.ref, step]));
  const after = new Set(head.map(({ ref }) => ref));
  const removed = base.filter(({ ref }) => !after.has(ref));
  return [
    ...head.map((step) => compareStep(step.ref, before.get(step.ref) ?? null, step)),
    ...removed.map((step) => compareStep(step.ref, step, null)),
  ];
}

function compareStep(stepRef: string, base: StepRecord | null, head: StepRecord | null): StepComparison {
  return {
    stepRef,
    base: base === null ? null : StepRun.from(base),
    head: head === null ? null : StepRun.from(head),
    durationDeltaMs: base === null || head === null ? null : difference(base, head),
    change: changeOf(base, head),
  };
}

function changeOf(base: StepRecord | null, head: StepRecord | null): StepChange {
  if (base === null) return "ADDED";
  if (head === null) return "REMOVED";
  if (base.status === head.status) return "SAME";
  const [before, after] = [resultOf(base.status), resultOf(head.status)];
  if (before === "FAILED" && after === "PASSED") return "FIXED";
  return before !== "FAILED" && after === "FAILED" ? "BROKEN" : "CHANGED";
}

type Timed = Pick<StepRecord, "startedAt" | "finishedAt">;

function difference(base: Timed, head: Timed): number | null {
  const before = durationMs(base.startedAt, base.finishedAt);
  const after = durationMs(head.startedAt, head.finishedAt);
  return before === null || after === null ? null : after - before;
}

function differences(
  base: Readonly<Record<string, unknown>>,
  head: Readonly<Record<string, unknown>>,
): ValueDifference[] {
  return [...new Set([...Object.keys(base), ...Object.keys(head)])]
    .sort()
    .filter((key) => !isDeepStrictEqual(base[key], head[key]))
    .map((key) => ({ key, base: base[key] ?? null, head: head[key] ?? null }));
}
