import { ACCESS, type MutationName, roleIn, roleSatisfies, type Viewer } from "../domain/access.ts";
import type { RunCommand } from "../domain/commands.ts";
import type { RunDelta } from "../domain/decide.ts";
import { encodeId } from "../domain/ids.ts";
import { type RunAction, runObstacle } from "../domain/legal.ts";
import { invalidState, invalidValue, notFound } from "../domain/refusals.ts";
import { announce, type Engine, transition } from "../orchestration/transition.ts";
import { addAuditEntry } from "../persistence/audit-store.ts";
import type { Transaction } from "../persistence/database.ts";
import { findTombstone } from "../persistence/queries/events.ts";
import { runProject } from "../persistence/queries/runs.ts";
import type { LockedRun } from "../persistence/run-store.ts";
import { authorize } from "./authorize.ts";
import { type CommandOptions, carryOutOnce, checkRevision } from "./command.ts";

const MAX_REASON_LENGTH = 500;

/** Who asks what of which run. */
export interface RunRequest {
  readonly runId: string;
  readonly command: CommandOptions;
}

export interface RunCommanding<Result> {
  readonly mutation: MutationName;
  /** Which part of the input names the run. */
  readonly path: string;
  /** What the audit keeps of it. */
  readonly details: Readonly<Record<string, unknown>>;
  /** Says what is to happen, or throws a refusal. Called under the run's lock. */
  readonly decideOn: (
    run: LockedRun,
    transaction: Transaction,
  ) => readonly RunCommand[] | Promise<readonly RunCommand[]>;
  /** What else is stored, once the decision is. */
  readonly afterwards?: (transaction: Transaction) => Promise<void>;
  /** What the caller is told; `delta` is what was decided. */
  readonly answer: (delta: RunDelta) => Result;
}

/**
 * The way of every command to one run: authorized, under its key, decided under the run's lock, audited, committed
 * as one, announced. A command that changes nothing leaves no trace.
 */
export async function commandRun<Result>(
  engine: Engine,
  viewer: Viewer,
  { runId, command }: RunRequest,
  { mutation, path, details, decideOn, afterwards, answer }: RunCommanding<Result>,
): Promise<Result> {
  const projectId = await authorizedProject(engine, viewer, { runId, command }, mutation, path);

  return await carryOutOnce(
    engine,
    viewer,
    { mutation, projectId, options: command },
    async (transaction) => {
      const { deltas, applied } = await transition(
        transaction,
        engine,
        [runId],
        async (run) => {
          if (run.deleted) throw notFound(path);
          checkRevision(command, run.revision, path);
          return await decideOn(run, transaction);
        },
        { revised: true },
      );
      const delta = deltas.get(runId);
      if (delta === undefined) throw notFound(path);
      if (delta.applied.includes(true)) {
        await afterwards?.(transaction);
        const record = { projectId, actorId: viewer.accountId, action: mutation, details };
        await addAuditEntry(transaction, { ...record, target: encodeId("WorkflowRun", runId) }, engine.clock);
      }
      return { result: answer(delta), after: () => announce(engine.bus, applied) };
    },
  );
}

/** The run's project. Of a run that is gone only its deletion is found, when that is asked for again under a key. */
async function authorizedProject(
  { database }: Engine,
  viewer: Viewer,
  { runId, command }: RunRequest,
  mutation: MutationName,
  path: string,
): Promise<string> {
  const projectId = await runProject(database, runId);
  if (projectId !== null) {
    authorize(viewer, projectId, mutation, path);
    return projectId;
  }
  if (mutation !== "deleteWorkflowRun" || command.idempotencyKey === null) throw notFound(path);
  const gone = await findTombstone(database, runId);
  // Not FORBIDDEN: for somebody who could not have deleted it, it does not exist any more.
  if (gone === null || !roleSatisfies(roleIn(viewer, gone.projectId), ACCESS.Mutation[mutation])) {
    throw notFound(path);
  }
  return gone.projectId;
}

/** Throws InvalidState unless the action is legal for the run as it is now. */
export function refuseRunObstacle(action: RunAction, { state }: LockedRun, path: string): void {
  const obstacle = runObstacle(action, state);
  if (obstacle !== null) throw invalidState(path, obstacle.message, obstacle.current, obstacle.allowed);
}

export function checkReason(reason: string | null): void {
  if (reason === null || (reason.length <= MAX_REASON_LENGTH && !reason.includes("\0"))) return;
  throw invalidValue("input.reason", `at most ${MAX_REASON_LENGTH} characters and no NUL`);
}
