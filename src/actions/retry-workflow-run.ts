import type { Viewer } from "../domain/access.ts";
import type { ReusedStep } from "../domain/commands.ts";
import { runObstacle } from "../domain/legal.ts";
import { invalidState, invalidValue, notFound } from "../domain/refusals.ts";
import { planRetry, type RetryPlan, type RetryRequest } from "../domain/retry-plan.ts";
import { isTerminal } from "../domain/statuses.ts";
import { announce, type Engine } from "../orchestration/transition.ts";
import type { Transaction } from "../persistence/database.ts";
import { findRuns, type RunRecord } from "../persistence/queries/runs.ts";
import {
  copyReusedOutputs,
  type OriginalStepRow,
  originalSteps,
  readRunSetup,
} from "../persistence/run-setup.ts";
import { latestVersion } from "../persistence/workflow-store.ts";
import { authorize } from "./authorize.ts";
import { carryOutOnce, checkRevision } from "./command.ts";
import type { RunRequest } from "./command-run.ts";
import { createRun } from "./create-run.ts";
import { mergeSetup, type StartOverrides } from "./start-workflow-run.ts";

/** Which definition the new run executes: that of the run it retries, or the workflow's newest. */
export const RETRY_VERSIONS = ["ORIGINAL", "LATEST"] as const;
export type RetryVersion = (typeof RETRY_VERSIONS)[number];

export interface RetryWorkflowRun extends RunRequest, RetryRequest {
  readonly version: RetryVersion;
  readonly overrides: StartOverrides;
}

/** What a retry does, step by step, in the words of the version that it executes. */
export interface RetryOutcome {
  readonly runId: string;
  readonly execute: readonly string[];
  readonly reuse: readonly { readonly stepRef: string; readonly from: ReusedStep["from"] }[];
}

const PATH = "input.workflowRunId";

/** Makes a new run of what a run that has ended was to do. What it has done already may be taken over. */
export async function retryWorkflowRun(
  engine: Engine,
  viewer: Viewer,
  request: RetryWorkflowRun,
): Promise<RetryOutcome> {
  const { runId, command } = request;
  const mutation = "retryWorkflowRun" as const;
  const [run] = await findRuns(engine.database, [runId]);
  if (run === undefined) throw notFound(PATH);
  authorize(viewer, run.projectId, mutation, PATH);

  const scope = { mutation, projectId: run.projectId, options: command };
  return await carryOutOnce(engine, viewer, scope, async (transaction) => {
    const original = await endedRun(transaction, runId);
    checkRevision(command, original.revision, PATH);
    const versionId =
      request.version === "ORIGINAL"
        ? original.workflowVersionId
        : (await latestVersion(transaction, original.workflowId))!.id;
    const { graph } = await engine.versions.get(transaction, versionId);
    const steps = await originalSteps(transaction, runId);
    refuseUnknownSteps(
      request,
      graph.steps.map(({ ref }) => ref),
    );
    const plan = planRetry(graph, steps, request);
    if (plan.execute.length === 0) {
      throw invalidValue("input.mode", "nothing failed: use mode ALL or name steps to execute them again");
    }
    const { applied, ...created } = await createRetry(transaction, engine, viewer, {
      request,
      original,
      versionId,
      reused: reusedSteps(runId, steps, plan),
    });
    const refOf = (index: number): string => graph.steps[index]!.ref;
    const result = {
      runId: created.runId,
      execute: plan.execute.map(refOf),
      reuse: plan.reuse.map(({ step, from }) => ({ stepRef: refOf(step), from: { runId, step: from } })),
    };
    return { result, after: () => announce(engine.bus, applied) };
  });
}

/** Nothing locks it: a run that is reopened meanwhile is retried as it was. */
async function endedRun(transaction: Transaction, runId: string): Promise<RunRecord> {
  const [run] = await findRuns(transaction, [runId]);
  if (run === undefined) throw notFound(PATH);
  const obstacle = isTerminal(run.status) ? null : runObstacle("retryWorkflowRun", run);
  if (obstacle !== null) throw invalidState(PATH, obstacle.message, obstacle.current, obstacle.allowed);
  return run;
}

function refuseUnknownSteps({ mode, stepRefs }: RetryRequest, refs: readonly string[]): void {
  if (mode !== "FROM_STEPS") {
    if (stepRefs.length > 0) throw invalidValue("input.stepRefs", "goes with mode FROM_STEPS only");
    return;
  }
  if (stepRefs.length === 0) throw invalidValue("input.stepRefs", "mode FROM_STEPS needs at least one step");
  const known = new Set(refs);
  const unknown = stepRefs.find((ref) => !known.has(ref));
  if (unknown !== undefined) throw invalidValue("input.stepRefs", `no step has the ref "${unknown}"`);
}

function reusedSteps(runId: string, steps: readonly OriginalStepRow[], { reuse }: RetryPlan): ReusedStep[] {
  return reuse.map(({ step, from }) => {
    const { status } = steps[from]!;
    return { step, status: status === "SKIPPED" ? status : "SUCCEEDED", from: { runId, step: from } };
  });
}

interface Retry {
  readonly request: RetryWorkflowRun;
  readonly original: RunRecord;
  readonly versionId: string;
  readonly reused: readonly ReusedStep[];
}

async function createRetry(
  transaction: Transaction,
  engine: Engine,
  viewer: Viewer,
  { request, original, versionId, reused }: Retry,
) {
  const setup = mergeSetup(await readRunSetup(transaction, original.id), request.overrides);
  const created = await createRun(transaction, engine, {
    workflowId: original.workflowId,
    actorId: viewer.accountId,
    trigger: { type: "RETRY", ref: null },
    action: "retryWorkflowRun",
    versionId,
    sourceRunId: setup.sourceRunId,
    // A commit without a branch was found by what the workflow's source names, and is found so again.
    options: { ...setup, commit: setup.branch === null ? null : setup.commit, start: "IMMEDIATE" },
    retryOf: { runId: original.id, rootRunId: setup.rootRunId ?? original.id, reused },
  });
  if (reused.length > 0) await copyReusedOutputs(transaction, created.runId, original.id);
  return created;
}
