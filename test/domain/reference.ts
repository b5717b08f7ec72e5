import type { Ending, FoldStep } from "../../src/domain/fold.ts";
import type { StageSpec, StepSpec } from "../../src/domain/graph.ts";
import type {
  StageRunStatus,
  StatusReasonCode,
  StepRunStatus,
  WorkflowRunStatus,
} from "../../src/domain/statuses.ts";

/**
 * A second, naive reading of the published semantics. It knows nothing of counters, batches or order: a run
 * is judged from its definition and from what its runners did, or from a plain list of steps.
 */

/** How the n-th start of a step goes. LOST = its runner dies, ABORTED = its runner shuts down. */
export type Act = "SUCCEEDED" | "FAILED" | "TIMED_OUT" | "ABORTED" | "LOST";
/** The acts of each step's starts; after the last one it succeeds. */
export type Script = ReadonlyMap<string, readonly Act[]>;

export interface StepEnd {
  readonly status: StepRunStatus;
  readonly code: StatusReasonCode | null;
}

const ENDS: readonly string[] = ["SUCCEEDED", "FAILED", "TIMED_OUT", "CANCELED", "SKIPPED"];
type Judged = Omit<FoldStep, "started">;

export function isEnd(status: string): boolean {
  return ENDS.includes(status);
}

function breaksRun({ status, continueOnError }: Judged): boolean {
  if (status === "FAILED" || status === "TIMED_OUT") return !continueOnError;
  return status === "CANCELED";
}

function satisfies({ status, reasonCode, continueOnError }: Judged): boolean {
  if (status === "SUCCEEDED") return true;
  if (status === "SKIPPED") return reasonCode === "REQUESTED" || reasonCode === "CONDITION";
  return continueOnError && (status === "FAILED" || status === "TIMED_OUT");
}

export function referenceRunStatus(
  steps: readonly FoldStep[],
  ending: Ending | null,
  accepted: boolean,
  paused = false,
): WorkflowRunStatus {
  const some = (...wanted: StepRunStatus[]) => steps.some(({ status }) => wanted.includes(status));
  if (steps.every(({ status }) => isEnd(status))) {
    if (ending !== null) return ending;
    if (steps.some(breaksRun)) return "FAILED";
    return steps.every(({ status }) => status === "SKIPPED") ? "SKIPPED" : "SUCCEEDED";
  }
  if (ending !== null) return "CANCELING";
  if (!accepted) return "PENDING";
  if (paused) return "PAUSED";
  if (some("RUNNING", "CANCELING")) return "RUNNING";
  if (some("QUEUED")) return steps.some(({ started }) => started) ? "RUNNING" : "QUEUED";
  return "WAITING";
}

/** The rule of the run; a stage that a cancel or an expiry found open is CANCELED, one it found ended is not. */
export function referenceStageStatus(steps: readonly FoldStep[], ending: Ending | null): StageRunStatus {
  const interrupted = steps.some(
    ({ status, reasonCode }) =>
      status === "CANCELED" && (reasonCode === "RUN_CANCELED" || reasonCode === "EXPIRED"),
  );
  const begun = steps.some(({ status, started }) => started || !(isEnd(status) || status === "PENDING"));
  const closing = ending !== null && (interrupted || !steps.every(({ status }) => isEnd(status)));
  const status = referenceRunStatus(steps, closing ? "CANCELED" : null, begun);
  switch (status) {
    case "QUEUED":
      return "PENDING";
    case "CANCELING":
      return "RUNNING";
    case "PAUSED":
    case "TIMED_OUT":
      throw new Error(`no stage is ever ${status}`);
    default:
      return status;
  }
}

/** How every step of an undisturbed run ends, whatever the order of events was. */
export function referenceEnds(stages: readonly StageSpec[], script: Script): Map<string, StepEnd> {
  const placed = stages.flatMap(({ steps }, at) => steps.map((spec) => ({ spec, at })));
  const byRef = new Map(placed.map((each) => [each.spec.ref, each]));
  const ends = new Map<string, StepEnd>();
  const judge = (ref: string): Judged => {
    const end = endOf(ref);
    return {
      status: end.status,
      reasonCode: end.code,
      continueOnError: byRef.get(ref)!.spec.continueOnError,
    };
  };
  /** A need in an earlier stage lifts the barrier; every other step stands behind all earlier stages. */
  const barrierOf = (spec: StepSpec, at: number): string[] =>
    spec.needs.some((need) => byRef.get(need)!.at < at)
      ? []
      : placed.filter((other) => other.at < at).map((other) => other.spec.ref);
  const failedBefore = ({ spec, at }: { spec: StepSpec; at: number }): boolean =>
    barrierOf(spec, at).some((ref) => breaksRun(judge(ref))) ||
    spec.needs.some((need) => breaksRun(judge(need)) || failedBefore(byRef.get(need)!));

  function decideEnd({ spec, at }: { spec: StepSpec; at: number }): StepEnd {
    const { needs, when } = spec;
    const favourable =
      needs.every((need) => satisfies(judge(need))) &&
      !barrierOf(spec, at).some((ref) => breaksRun(judge(ref)));
    const failure = failedBefore({ spec, at });
    if (when === "on_success" && !favourable) return { status: "SKIPPED", code: "DEPENDENCY" };
    if (when === "on_failure" && !failure) return { status: "SKIPPED", code: "CONDITION" };
    return executed(spec, script.get(spec.ref) ?? []);
  }

  function endOf(ref: string): StepEnd {
    const known = ends.get(ref);
    if (known !== undefined) return known;
    const end = decideEnd(byRef.get(ref)!);
    ends.set(ref, end);
    return end;
  }

  for (const { spec } of placed) endOf(spec.ref);
  return ends;
}

/** Plays the acts of a step until one of them is its end. */
function executed(spec: StepSpec, acts: readonly Act[]): StepEnd {
  if (spec.type === "DELAY") return { status: "SUCCEEDED", code: null };
  let tries = 0;
  let lost = 0;
  for (const act of acts) {
    if (act === "SUCCEEDED") break;
    if (act === "LOST" || act === "ABORTED") {
      if (++lost === 5) return { status: "FAILED", code: "LEASE_LOST" };
    } else if (++tries === spec.retry.attempts) {
      return { status: act, code: act === "FAILED" ? "EXIT_CODE" : "TIMEOUT" };
    }
  }
  return { status: "SUCCEEDED", code: null };
}
