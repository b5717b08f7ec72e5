import { isTerminal } from "../domain/statuses.ts";
import type { RunRecord } from "../persistence/queries/runs.ts";
import type { StepRecord } from "../persistence/queries/steps.ts";
import type { RequestContext } from "./context.ts";
import type { WaitKind } from "./enums.ts";
import { WaitingOn } from "./types/waiting.ts";

type Context = Pick<RequestContext, "loaders" | "engine">;

/** What a step waits for; null when it executes, is about to, or has ended. */
export async function stepWaitsOn(step: StepRecord, context: Context): Promise<WaitingOn | null> {
  if (step.status === "PENDING") return await waitsForSteps(step, context);
  if (step.status === "QUEUED") return await waitsForRunner(step, context);
  return step.status === "WAITING" ? await waitsForEvent(step, context) : null;
}

async function waitsForSteps(step: StepRecord, { loaders }: Context): Promise<WaitingOn | null> {
  const open = await loaders.openNeeds.load(step);
  if (open === null) return null;
  if (open.needs.length > 0) {
    return WaitingOn.for("DEPENDENCY", `steps that it needs have not ended: ${open.needs.join(", ")}`, {
      stepRefs: open.needs,
    });
  }
  if (open.barrier.length > 0) {
    return WaitingOn.for("DEPENDENCY", `earlier stages have not ended: ${open.barrier.join(", ")}`, {
      stepRefs: open.barrier,
    });
  }
  return open.runStatus === "PENDING" ? notStarted() : null;
}

async function waitsForRunner(step: StepRecord, { loaders }: Context): Promise<WaitingOn | null> {
  // Its runner has it already and is about to start it.
  if (step.leased) return null;
  const { queue, labels: runnerLabels } = step;
  const activity = await loaders.runActivity.load(step.runId);
  if (activity?.status === "PAUSED") return paused();
  if (!step.ready) {
    return WaitingOn.for("SLOT", "the run executes as many steps at once as it may", {
      stepRefs: activity?.heldRefs ?? [],
      queue,
      runnerLabels,
    });
  }
  const supply = await loaders.poolSupply.load(step.poolId);
  if (supply === null || supply.runners === 0) {
    const labels = runnerLabels.length === 0 ? "" : ` with the labels ${runnerLabels.join(", ")}`;
    const message = `no runner is online that serves the queue ${queue}${labels}`;
    return WaitingOn.for("RUNNER_LABELS", message, { queue, runnerLabels });
  }
  if (supply.held < supply.capacity) return null;
  const message = `its runners are busy: they hold ${supply.held} of at most ${supply.capacity} steps`;
  return WaitingOn.for("CAPACITY", message, { queue, runnerLabels, holders: supply.holders });
}

/** What a WAITING step waits for, by what its type waits for; only a step for runners waits between its tries. */
const EVENTS = {
  RUNNER: ["BACKOFF", "its next try comes after a pause"],
  DELAY: ["DELAY", "its delay is not over"],
  APPROVAL: ["APPROVAL", "it has not been approved"],
  EXTERNAL: ["EXTERNAL_COMPLETION", "no external system has completed it"],
  CHILD_RUN: ["CHILD_RUN", "the run that it has made has not ended"],
} as const satisfies Record<string, readonly [WaitKind, string]>;

async function waitsForEvent(step: StepRecord, { engine }: Context): Promise<WaitingOn> {
  const { graph } = await engine.versions.get(engine.database, step.versionId);
  const [kind, message] = EVENTS[graph.steps[step.index]!.waitsFor];
  return WaitingOn.for(kind, message, { until: step.dueAt });
}

/** What a run as a whole waits for; null while a step executes, or once it has ended. */
export async function runWaitsOn(run: RunRecord, context: Context): Promise<WaitingOn | null> {
  if (run.status === "PENDING") return notStarted();
  if (run.status === "PAUSED") return paused();
  if (run.status === "CANCELING" || isTerminal(run.status)) return null;
  const { loaders } = context;
  const [activity, steps] = await Promise.all([
    loaders.runActivity.load(run.id),
    loaders.waitingSteps.load(run.id),
  ]);
  if (activity !== null && activity.held > 0) return null;
  const waits = await Promise.all(steps.map(async (step) => await stepWaitsOn(step, context)));
  const first = waits.find((wait) => wait !== null);
  if (first === undefined) return null;
  const alike = steps.filter((_, i) => waits[i]?.kind === first.kind);
  return WaitingOn.for(first.kind, first.message, { ...first, stepRefs: alike.map(({ ref }) => ref) });
}

function notStarted(): WaitingOn {
  return WaitingOn.for("START", "the run has not been started");
}

function paused(): WaitingOn {
  return WaitingOn.for("PAUSE", "the run is paused");
}
