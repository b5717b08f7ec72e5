import { invalidState, type RefusedError } from "../domain/refusals.ts";

/** A workflow (or, without `archivedAt`, a project alone) as far as the archive is concerned. */
export interface Archivable {
  readonly archivedAt?: Date | null;
  readonly projectArchivedAt: Date | null;
}

/** Nothing is triggered, scheduled or deployed of what is archived, or in an archived project. */
export function refuseArchived({ archivedAt = null, projectArchivedAt }: Archivable, path: string): void {
  if (projectArchivedAt !== null) throw archived(path, "the project is archived: unarchive it first");
  if (archivedAt !== null) throw archived(path, "the workflow is archived: unarchive it first");
}

function archived(path: string, message: string): RefusedError {
  return invalidState(path, message, "ARCHIVED", ["ACTIVE"]);
}
