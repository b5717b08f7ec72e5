import type { TaskViewer, Viewer } from "../domain/access.ts";
import type { TraceKind } from "../domain/events.ts";
import { hasStarted, stepObstacle } from "../domain/legal.ts";
import { ForbiddenError, invalidState, invalidValue, notFound, RefusedError } from "../domain/refusals.ts";
import { applyReports } from "../orchestration/report.ts";
import type { Engine } from "../orchestration/transition.ts";
import type { Transaction } from "../persistence/database.ts";
import { runOwner } from "../persistence/queries/runs.ts";
import type { StepPlace } from "../persistence/queries/steps.ts";
import {
  lockTellingStep,
  storeProgress,
  storeTrace,
  type TellingStep,
  type Told,
} from "../persistence/step-telling-store.ts";
import { authorize } from "./authorize.ts";
import { carryOutOnce } from "./command.ts";
import { placeOfStep, STEP_PATH, type StepRequest } from "./command-step.ts";
import type { SecretVault } from "./secret-vault.ts";

/** What a step tells while it runs. Cheap: its run is locked, but neither loaded nor decided on. */

interface Telling {
  readonly mutation: "reportStepProgress" | "recordStepTrace";
  readonly vault: SecretVault;
  /** Secrets are masked in it: models think aloud of what they were given. */
  readonly text: string | null;
}

export interface StepProgress extends StepRequest {
  readonly progress: number;
  readonly message: string | null;
}

export interface StepTrace extends StepRequest {
  readonly kind: TraceKind;
  readonly content: string;
}

const MAX_MESSAGE_LENGTH = 500;
const MAX_CONTENT_BYTES = 64 * 1024;
/** Of one step, over all of its attempts. */
export const MAX_TRACES = 10_000;

export async function reportStepProgress(
  engine: Engine,
  viewer: Viewer,
  vault: SecretVault,
  request: StepProgress,
): Promise<StepPlace> {
  const { progress, message } = request;
  if (progress < 0 || progress > 100) throw invalidValue("input.progress", "0 to 100");
  if (message !== null && (message.length > MAX_MESSAGE_LENGTH || message.includes("\0")))
    throw invalidValue("input.message", `at most ${MAX_MESSAGE_LENGTH} characters and no NUL`);
  const telling = { mutation: "reportStepProgress", vault, text: message } as const;
  return await tell(engine, viewer, request, telling, async (transaction, told, shown) => {
    return await storeProgress(transaction, told, progress, shown);
  });
}

export async function recordStepTrace(
  engine: Engine,
  viewer: Viewer,
  vault: SecretVault,
  request: StepTrace,
): Promise<StepPlace> {
  const { kind, content } = request;
  if (content === "" || Buffer.byteLength(content) > MAX_CONTENT_BYTES || content.includes("\0"))
    throw invalidValue("input.content", `1 to ${MAX_CONTENT_BYTES} bytes and no NUL`);
  const telling = { mutation: "recordStepTrace", vault, text: content } as const;
  return await tell(engine, viewer, request, telling, async (transaction, told, shown) => {
    const seq = await storeTrace(transaction, told, { kind, content: shown! }, MAX_TRACES);
    if (seq !== null) return seq;
    const message = `a step can record at most ${MAX_TRACES} traces`;
    throw new RefusedError({ kind: "LimitExceeded", message, path: STEP_PATH, limit: MAX_TRACES });
  });
}

async function tell(
  engine: Engine,
  viewer: Viewer,
  { step, command: options }: StepRequest,
  { mutation, vault, text }: Telling,
  store: (transaction: Transaction, told: Told, text: string | null) => Promise<number | null>,
): Promise<StepPlace> {
  const { database, clock, bus } = engine;
  const { runId } = step;
  const owner = await runOwner(database, runId);
  const index = await placeOfStep(engine, step);
  if (owner === null || index === null) throw notFound(STEP_PATH);
  const { projectId, workflowId } = owner;
  const place = { runId, index };
  if (viewer.task === undefined) authorize(viewer, projectId, mutation, STEP_PATH);
  else await admitTask(engine, viewer, viewer.task, place);
  const mask = text === null ? null : await vault.maskFor(projectId, workflowId);
  const shown = mask?.maskText(text!) ?? text;
  await carryOutOnce(engine, viewer, { mutation, projectId, options }, async (transaction) => {
    const found = await lockTellingStep(transaction, place);
    if (found === null) throw notFound(STEP_PATH);
    if (viewer.task !== undefined && !(found.leased && found.fence === viewer.task.fence))
      throw new ForbiddenError("this token ended with its step");
    await refuseObstacle(engine, transaction, mutation, index, found);
    const seq = await store(transaction, { place, actorId: viewer.accountId, at: clock.now() }, shown);
    const after = (): void => {
      if (seq !== null) bus.publish({ topic: "run", runId, lastSeq: seq });
    };
    return { result: null, after };
  });
  return place;
}

/** A step that speaks has started, also when its runner's word of that is still on its way. */
async function admitTask(
  engine: Engine,
  { accountId }: Viewer,
  { runId, step, fence, session, started }: TaskViewer,
  place: StepPlace,
): Promise<void> {
  if (place.runId !== runId || place.index !== step) throw notFound(STEP_PATH);
  if (started) return;
  const nothing = { outcome: null, exitCode: null, output: null, error: null, log: null };
  await applyReports(engine, [{ session, accountId, runId, step, fence, kind: "STARTED", ...nothing }]);
}

async function refuseObstacle(
  { versions }: Engine,
  transaction: Transaction,
  mutation: Telling["mutation"],
  index: number,
  step: TellingStep,
): Promise<void> {
  const { graph } = await versions.get(transaction, step.versionId);
  const { status, reasonCode, runStatus, finalizedAt } = step;
  const { waitsFor, type } = graph.steps[index]!;
  const judged = { status, reasonCode, waitsFor, type, started: hasStarted(step) };
  const obstacle = stepObstacle(mutation, { status: runStatus, finalizedAt }, judged);
  if (obstacle !== null) throw invalidState(STEP_PATH, obstacle.message, obstacle.current, obstacle.allowed);
}
