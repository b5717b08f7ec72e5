import { createHash } from "node:crypto";
import type { MutationName, Viewer } from "../domain/access.ts";
import { encodeId } from "../domain/ids.ts";
import { CommitUnknownError, DatabaseAwayError, RefusedError } from "../domain/refusals.ts";
import type { Engine } from "../orchestration/transition.ts";
import { addAuditEntry } from "../persistence/audit-store.ts";
import { addBulkOperation, endBulkItems, openBulkItems } from "../persistence/bulk-store.ts";
import {
  type BulkItemRecord,
  type BulkOperationRecord,
  bulkItems,
  findBulkOperations,
  selectRunIds,
} from "../persistence/queries/bulk-operations.ts";
import { findGrant } from "../persistence/queries/people.ts";
import type { Queryable } from "../persistence/queries/queryable.ts";
import type { RunFilter } from "../persistence/queries/run-filter.ts";
import { type BulkItemResult, type BulkTask, doBulkItem } from "./bulk-item.ts";
import { type CommandOptions, carryOutOnce } from "./command.ts";
import { INSTALLATION } from "./installation.ts";

/** Up to here a bulk command answers when it is done; beyond, it goes on by itself. */
export const BULK_AT_ONCE = 100;
/** The most that one bulk command takes. */
export const MAX_BULK_RUNS = 100_000;
/** So long nobody else goes on with an operation that somebody works on. */
export const BULK_LEASE_MS = 30_000;
/** Runs that are worked on at the same time; each takes a connection. */
const PARALLEL = 4;

/** Which runs: these, or those of these projects that match when the command is accepted. */
export type BulkSelection =
  | { readonly runIds: readonly string[] }
  | { readonly projectIds: readonly string[]; readonly filter: RunFilter };

export interface BulkRuns {
  readonly mutation: MutationName;
  readonly task: BulkTask;
  readonly selection: BulkSelection;
  readonly command: CommandOptions;
}

export interface BulkAnswer {
  /** Null after a dry run. */
  readonly operationId: string | null;
  /** What became of each run, if there were few enough to wait for. */
  readonly items: readonly BulkItemRecord[];
  readonly total: number;
}

/**
 * Does something to many runs, each for itself. The selection is stored first, under the key: a command that is
 * interrupted is completed, and one that is repeated is told how far it is.
 */
export async function bulkRuns(
  engine: Engine,
  viewer: Viewer,
  { mutation, task, selection, command }: BulkRuns,
): Promise<BulkAnswer> {
  const { database, clock } = engine;
  if (command.dryRun) return await rehearse(engine, viewer, { mutation, task, selection, command });
  // It may reach into every project of its caller.
  const scope = { mutation, projectId: INSTALLATION, options: command };
  const { action, ...args } = task;
  const operationId = await carryOutOnce(engine, viewer, scope, async (transaction) => {
    const runIds = await selected(transaction, selection);
    const id = await addBulkOperation(
      transaction,
      {
        projectId: null,
        action,
        arguments: args,
        createdBy: viewer.accountId,
        onlyProjectId: viewer.onlyProjectId,
        runIds,
        leasedUntil: runIds.length > BULK_AT_ONCE ? null : leaseEnd(engine),
      },
      clock,
    );
    const record = { projectId: null, actorId: viewer.accountId, action: mutation };
    const target = encodeId("BulkOperation", id);
    await addAuditEntry(transaction, { ...record, target, details: { runs: runIds.length, ...args } }, clock);
    return { result: id };
  });
  const [operation] = await findBulkOperations(database, [operationId]);
  const total = operation!.total;
  if (total > BULK_AT_ONCE) return { operationId, items: [], total };
  // What failed for reasons of ours is left to the duty, which tries it once more and reports it.
  await continueBulk(engine, viewer, operation!, () => null);
  return { operationId, items: await bulkItems(database, operationId, 0, BULK_AT_ONCE), total };
}

/**
 * Works on an operation until nothing is left to do, or somebody aborts it.
 * @param onFault what becomes of a run that fails for reasons of ours; null = it stays open
 */
export async function continueBulk(
  engine: Engine,
  viewer: Viewer,
  operation: BulkOperationRecord,
  onFault: (error: unknown, runId: string) => BulkItemResult | null,
  signal?: AbortSignal,
): Promise<void> {
  const { database, clock } = engine;
  const task = { action: operation.action, ...(operation.arguments as object) } as BulkTask;
  let after = 0;
  while (signal?.aborted !== true) {
    const open = await openBulkItems(database, operation.id, after, PARALLEL);
    if (open.length === 0) return;
    after = open.at(-1)!.position;
    const done = await Promise.all(
      open.map(async ({ position, runId }) => {
        const command = itemCommand(operation.id, position);
        const end = await doBulkItem(engine, viewer, task, runId, command).catch((error: unknown) => {
          // After an outage everything that is still open is gone on with.
          if (error instanceof DatabaseAwayError || error instanceof CommitUnknownError) throw error;
          return onFault(error, runId);
        });
        return end === null ? [] : [{ position, ...end }];
      }),
    );
    const ends = done.flat();
    const status = await endBulkItems(database, operation.id, ends, clock.now(), leaseEnd(engine));
    if (status !== "RUNNING") return;
  }
}

/** Whoever asked for an operation, with what they may do by now; the token's limit stays. */
export async function viewerOfBulk(engine: Engine, operation: BulkOperationRecord): Promise<Viewer | null> {
  const grant = await findGrant(engine.database, operation.createdBy);
  if (grant === null) return null;
  const roles = new Map(Object.entries(grant.roles));
  return { ...grant, roles, tokenId: "", onlyProjectId: operation.onlyProjectId, tokenExpiresAt: null };
}

export function leaseEnd({ clock }: Engine): Date {
  return new Date(clock.now().getTime() + BULK_LEASE_MS);
}

/** Two replicas may come to do the same item: the key lets it happen once. */
function itemCommand(operationId: string, position: number): CommandOptions {
  const inputHash = createHash("sha256").update(`${operationId} ${position}`).digest();
  return {
    idempotencyKey: `bulk ${operationId} ${position}`,
    expectedRevision: null,
    dryRun: false,
    inputHash,
  };
}

async function selected(source: Queryable, selection: BulkSelection): Promise<readonly string[]> {
  if ("runIds" in selection) return selection.runIds;
  const found = await selectRunIds(source, selection.projectIds, selection.filter, MAX_BULK_RUNS);
  if (found.length <= MAX_BULK_RUNS) return found;
  const message = `more than ${MAX_BULK_RUNS} runs match: narrow the selection`;
  throw new RefusedError({ kind: "LimitExceeded", message, path: "input.runs", limit: MAX_BULK_RUNS });
}

/** What would become of each run; of many runs only how many they are. */
async function rehearse(
  engine: Engine,
  viewer: Viewer,
  { task, selection, command }: BulkRuns,
): Promise<BulkAnswer> {
  const runIds = await selected(engine.database, selection);
  if (runIds.length > BULK_AT_ONCE) return { operationId: null, items: [], total: runIds.length };
  const items: BulkItemRecord[] = [];
  for (const [i, runId] of runIds.entries()) {
    const { outcome, message }: BulkItemResult = await doBulkItem(engine, viewer, task, runId, command);
    items.push({ position: i + 1, runId, outcome, message, newRunId: null });
  }
  return { operationId: null, items, total: runIds.length };
}
