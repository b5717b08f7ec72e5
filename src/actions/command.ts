import type { MutationName, Viewer } from "../domain/access.ts";
import { invalidValue, RefusedError } from "../domain/refusals.ts";
import { taskKey } from "../domain/task-key.ts";
import type { Engine } from "../orchestration/transition.ts";
import type { Transaction } from "../persistence/database.ts";
import { openKey, storeResult } from "../persistence/idempotency-store.ts";

/** How a command is asked for, whatever it is. */
export interface CommandOptions {
  readonly idempotencyKey: string | null;
  readonly expectedRevision: number | null;
  /** Everything is checked and decided, and nothing is written. */
  readonly dryRun: boolean;
  /** SHA-256 of what is asked for, without the key and what else says only how it is asked. */
  readonly inputHash: Buffer;
}

export interface Command {
  readonly mutation: MutationName;
  readonly projectId: string;
  readonly options: CommandOptions;
}

export interface Outcome<Result> {
  /** What the caller is told. It is stored under the key, so it is JSON and holds no secret. */
  readonly result: Result;
  /** Told to others once it is committed. */
  readonly after?: () => void;
}

const MAX_KEY_LENGTH = 200;
/** How long a command is remembered under its key. */
export const REMEMBER_KEYS_MS = 24 * 60 * 60 * 1_000;

/** Ends a transaction whose result is wanted, but none of its effects. */
class DryRun extends Error {
  readonly outcome: Outcome<unknown>;

  constructor(outcome: Outcome<unknown>) {
    super("dry run");
    this.outcome = outcome;
  }
}

/**
 * Does a command's work in one transaction. Under an idempotency key, which is locked first, the same command again
 * answers what the first one did; only what succeeded is kept. A dry run does everything and then rolls it back.
 */
export async function carryOutOnce<Result>(
  engine: Engine,
  viewer: Viewer,
  { mutation, projectId, options }: Command,
  work: (transaction: Transaction) => Promise<Outcome<Result>>,
): Promise<Result> {
  const { idempotencyKey: key, dryRun, inputHash: hash } = options;
  if (dryRun) return await rehearse(engine, work);
  if (key === null) {
    const { result, after } = await engine.database.transaction(work);
    after?.();
    return result;
  }
  if (key === "" || key.length > MAX_KEY_LENGTH || key.includes("\0")) {
    throw invalidValue("input.idempotencyKey", `1 to ${MAX_KEY_LENGTH} characters and no NUL`);
  }
  const { result, after } = await engine.database.transaction<Outcome<Result>>(async (transaction) => {
    const now = engine.clock.now();
    const scope = { projectId, actorId: viewer.accountId, mutation, key: keyOfTask(viewer) + key };
    const known = await openKey(transaction, scope, hash, now, new Date(now.getTime() - REMEMBER_KEYS_MS));
    if (known === null) {
      const outcome = await work(transaction);
      await storeResult(transaction, scope, outcome.result);
      return outcome;
    }
    if (known.hash.equals(hash)) return { result: known.result as Result };
    const message = "this key was used for another input";
    throw new RefusedError({ kind: "IdempotencyConflict", message, path: "input.idempotencyKey" });
  });
  after?.();
  return result;
}

/** Steps choose their keys without knowing of each other, and share their runner's account. */
function keyOfTask({ task }: Viewer): string {
  return task === undefined ? "" : `${taskKey(task)} `;
}

async function rehearse<Result>(
  engine: Engine,
  work: (transaction: Transaction) => Promise<Outcome<Result>>,
): Promise<Result> {
  try {
    return await engine.database.transaction<Result>(async (transaction) => {
      throw new DryRun(await work(transaction));
    });
  } catch (error) {
    if (error instanceof DryRun) return error.outcome.result as Result;
    throw error;
  }
}

export function checkRevision({ expectedRevision }: CommandOptions, revision: number, path: string): void {
  if (expectedRevision === null || expectedRevision === revision) return;
  const message = `its revision is ${revision}, not ${expectedRevision}`;
  throw new RefusedError({ kind: "RevisionConflict", message, path, revision });
}
