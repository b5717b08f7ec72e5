import { randomUUID } from "node:crypto";
import type { Viewer } from "../domain/access.ts";
import { fileNameFault } from "../domain/file-name.ts";
import { invalid, invalidState, notFound, RefusedError } from "../domain/refusals.ts";
import type { Engine } from "../orchestration/transition.ts";
import {
  addLogFile,
  completeLogFile,
  countLogFiles,
  type NewLogFile,
  type StoredPart,
} from "../persistence/log-file-store.ts";
import { findRuns, type RunRecord } from "../persistence/queries/runs.ts";
import { findSteps } from "../persistence/queries/steps.ts";
import { authorize } from "./authorize.ts";
import type { CommandOptions } from "./command.ts";
import { commandRun } from "./command-run.ts";

/** Which run, and perhaps which step, files are about, and where an input says so. */
export interface LogFilesPlace {
  readonly runId: string;
  readonly step: number | null;
  readonly paths: { readonly run: string; readonly step: string; readonly name: (index: number) => string };
}

/** A file whose content is stored: as one part, or as an unfinished file that is complete now. */
export interface FileToAdd {
  readonly name: string;
  readonly content: StoredPart | { readonly unfinishedId: string };
}

const MAX_FILES = 200;
/** Files are told apart by their content, so no key makes adding them again safe. */
const PLAIN: CommandOptions = {
  idempotencyKey: null,
  expectedRevision: null,
  dryRun: false,
  inputHash: Buffer.alloc(32),
};

/** Everything that can be told before the content comes. @returns the run */
export async function checkLogFiles(
  { database }: Engine,
  viewer: Viewer,
  { runId, step, paths }: LogFilesPlace,
  names: readonly string[],
): Promise<RunRecord> {
  const [run] = await findRuns(database, [runId]);
  if (run === undefined) throw notFound(paths.run);
  authorize(viewer, run.projectId, "uploadRunLogs", paths.run);
  if (step !== null && (await findSteps(database, [{ runId, index: step }])).length === 0) {
    throw notFound(paths.step);
  }
  const faults = names.flatMap((name, i) => {
    const message = fileNameFault(name);
    return message === null ? [] : [{ message, path: paths.name(i), line: null, column: null }];
  });
  if (faults.length > 0) throw invalid(faults[0]!.path, faults);
  refuseFinalized(run.finalizedAt, paths.run);
  return run;
}

/** Adds files whose content is stored to the logs of a run: all of them or none. @returns their ids */
export async function addLogFiles(
  engine: Engine,
  viewer: Viewer,
  { runId, step, paths }: LogFilesPlace,
  files: readonly FileToAdd[],
): Promise<string[]> {
  const added = files.map((file) => ({ ...file, fileId: idOf(file), step }));
  await commandRun(
    engine,
    viewer,
    { runId, command: PLAIN },
    {
      mutation: "uploadRunLogs",
      path: paths.run,
      details: { files: files.map(({ name }) => name) },
      decideOn: async ({ state }, transaction) => {
        refuseFinalized(state.finalizedAt, paths.run);
        if ((await countLogFiles(transaction, runId)) + files.length > MAX_FILES) {
          const message = `a run has at most ${MAX_FILES} files beside its logs`;
          throw new RefusedError({ kind: "LimitExceeded", message, path: paths.run, limit: MAX_FILES });
        }
        const told = added.map(({ fileId, name }) => ({ fileId, name, step }));
        return [{ kind: "ADD_LOG_FILES", files: told, actorId: viewer.accountId }];
      },
      afterwards: async (transaction) => {
        const now = engine.clock.now();
        for (const { fileId: id, name, content } of added) {
          if ("unfinishedId" in content) {
            if ((await completeLogFile(transaction, id, step, now)) === null) throw notFound(paths.name(0));
          } else {
            const file: NewLogFile = { id, runId, step, name, createdBy: viewer.accountId, part: content };
            await addLogFile(transaction, file, now);
          }
        }
      },
      answer: () => null,
    },
  );
  return added.map(({ fileId }) => fileId);
}

function idOf({ content }: FileToAdd): string {
  return "unfinishedId" in content ? content.unfinishedId : randomUUID();
}

function refuseFinalized(finalizedAt: Date | null, path: string): void {
  if (finalizedAt === null) return;
  throw invalidState(path, "the run is finalized: it takes no more logs", "FINALIZED", []);
}
