import type { Engine } from "../orchestration/transition.ts";
import { keepPart, type UnfinishedPart } from "../persistence/log-file-store.ts";
import { findUnfinishedFile } from "../persistence/queries/log-files.ts";

/**
 * Keeps what came of a file before its sending broke off. Nobody sees it until the rest has come.
 * @returns the id that the file gets; null when somebody else sent this part meanwhile
 */
export async function keepUnfinishedFile(engine: Engine, part: UnfinishedPart): Promise<string | null> {
  return await engine.database.transaction(async (transaction) => {
    if (!(await keepPart(transaction, part, engine.clock.now()))) return null;
    return (await findUnfinishedFile(transaction, part))?.id ?? null;
  });
}
