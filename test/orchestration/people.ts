import { setTimeout } from "node:timers/promises";
import { cancelWorkflowRun } from "../../src/actions/cancel-workflow-run.ts";
import {
  abortStepRun,
  completeStepRun,
  forceCompleteStepRun,
  replayStepRunSubtree,
  retryStepRun,
  skipStepRun,
} from "../../src/actions/command-steps.ts";
import { decideApproval } from "../../src/actions/decide-approval.ts";
import { deleteWorkflowRun } from "../../src/actions/delete-workflow-run.ts";
import { finalizeWorkflowRun } from "../../src/actions/finalize-workflow-run.ts";
import { setWorkflowRunLabels } from "../../src/actions/label-workflow-run.ts";
import { pauseWorkflowRun, resumeWorkflowRun } from "../../src/actions/pause-workflow-run.ts";
import { retryWorkflowRun } from "../../src/actions/retry-workflow-run.ts";
import { startWorkflowRun } from "../../src/actions/start-workflow-run.ts";
import type { Viewer } from "../../src/domain/access.ts";
import { RefusedError } from "../../src/domain/refusals.ts";
import { RETRY_MODES } from "../../src/domain/retry-plan.ts";
import type { CancelMode } from "../../src/domain/run-state.ts";
import type { Engine } from "../../src/orchestration/transition.ts";
import { plainCommand as command } from "../support/commands.ts";
import type { Random } from "./random.ts";

const reason = null;
const skipped = Symbol("not this time");
export const NO_OVERRIDES = {
  inputs: null,
  envVars: null,
  labels: null,
  annotations: null,
  message: null,
  timeoutMs: null,
  stepRetries: null,
  debug: null,
};

/** People who ask for anything at any time, of any run and step. What is refused is counted as such. */
export class People {
  readonly done = new Map<string, number>();
  readonly #viewer: Viewer;
  readonly #runs: string[];
  readonly #random: Random;

  /** @param runs those that they know; the runs that they make themselves are added */
  constructor(viewer: Viewer, runs: string[], random: Random) {
    this.#viewer = viewer;
    this.#runs = runs;
    this.#random = random;
  }

  /** A few wishes after a moment, until one is granted. */
  async wish(engine: Engine): Promise<void> {
    await setTimeout(this.#random.between(1, 8));
    for (let tries = 0; tries < 4; tries++) if (await this.#isGranted(engine)) return;
  }

  async #isGranted(engine: Engine): Promise<boolean> {
    const wishes = Object.entries(this.#wishes(engine));
    const [name, wish] = this.#random.pick(wishes);
    try {
      if ((await wish()) === skipped) return false;
    } catch (error) {
      if (error instanceof RefusedError) return false;
      throw new Error(`${name} failed`, { cause: error });
    }
    this.done.set(name, (this.done.get(name) ?? 0) + 1);
    return true;
  }

  #wishes(engine: Engine): Record<string, () => Promise<unknown>> {
    const random = this.#random;
    const viewer = this.#viewer;
    const runId = random.pick(this.#runs);
    const run = { runId, command };
    const step = { step: { runId, index: random.between(0, 6) }, command };
    const mode = random.chance(0.5) ? "GRACEFUL" : "FORCE";
    const force = random.chance(0.5);
    // What removes a run for good must stay rare, or nothing is left to do.
    const rarely = async (work: () => Promise<unknown>) =>
      random.chance(0.03) ? void (await work()) : skipped;
    return {
      cancel: async () => (random.chance(0.6) ? skipped : await this.#cancel(engine, runId, mode)),
      pause: () =>
        pauseWorkflowRun(engine, viewer, { ...run, mode: random.pick(["DRAIN", "INTERRUPT"]), reason }),
      resume: () => resumeWorkflowRun(engine, viewer, run),
      start: () => startWorkflowRun(engine, viewer, { ...run, overrides: NO_OVERRIDES }),
      labels: () =>
        setWorkflowRunLabels(engine, viewer, {
          ...run,
          changes: { turn: String(random.between(0, 5)) },
          replace: false,
        }),
      finalize: () => rarely(() => finalizeWorkflowRun(engine, viewer, { ...run, force })),
      delete: () => rarely(() => deleteWorkflowRun(engine, viewer, { ...run, force })),
      retryRun: () => rarely(() => this.#retryRun(engine, runId)),
      abort: () => abortStepRun(engine, viewer, { ...step, reason }),
      retry: () => retryStepRun(engine, viewer, step),
      replay: () => replayStepRunSubtree(engine, viewer, step),
      skip: () => skipStepRun(engine, viewer, { ...step, reason }),
      force: () => forceCompleteStepRun(engine, viewer, { ...step, output: { by: "hand" } }),
      complete: () => this.complete(engine, step.step, random.chance(0.7)),
      decide: () => this.decide(engine, step.step, random.chance(0.7)),
    };
  }

  async complete(engine: Engine, step: { runId: string; index: number }, success: boolean): Promise<void> {
    const completion = { success, message: null, releaseId: null };
    await completeStepRun(engine, this.#viewer, { step, command, completion, output: {} });
  }

  async decide(engine: Engine, step: { runId: string; index: number }, approves: boolean): Promise<void> {
    const verdict = approves ? "APPROVE" : "REJECT";
    await decideApproval(engine, this.#viewer, { step, command, verdict, comment: null, fields: {} });
  }

  async #cancel(engine: Engine, runId: string, mode: CancelMode): Promise<void> {
    await cancelWorkflowRun(engine, this.#viewer, { runId, command, mode, reason });
  }

  async #retryRun(engine: Engine, runId: string): Promise<void> {
    const { runId: retry } = await retryWorkflowRun(engine, this.#viewer, {
      runId,
      command,
      mode: this.#random.pick(RETRY_MODES.filter((each) => each !== "FROM_STEPS")),
      stepRefs: [],
      includeDownstream: true,
      version: "ORIGINAL",
      overrides: NO_OVERRIDES,
    });
    this.#runs.push(retry);
  }
}
