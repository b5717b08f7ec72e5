import type { Viewer } from "../domain/access.ts";
import { encodeId } from "../domain/ids.ts";
import { notFound } from "../domain/refusals.ts";
import type { Engine } from "../orchestration/transition.ts";
import { addAuditEntry } from "../persistence/audit-store.ts";
import type { Transaction } from "../persistence/database.ts";
import { lockProject, type ProjectRow } from "../persistence/project-store.ts";
import { authorize } from "./authorize.ts";
import { type Command, carryOutOnce, checkRevision } from "./command.ts";

/** What goes into the audit entry; null when there was nothing to do. */
export type AuditDetails = Readonly<Record<string, unknown>> | null;

/**
 * A command to a project or its members: allowed, asked for once, audited, and the only one at that project
 * while it lasts.
 */
export async function changeProject(
  engine: Engine,
  viewer: Viewer,
  command: Command,
  change: (transaction: Transaction, project: ProjectRow) => Promise<AuditDetails>,
): Promise<void> {
  const { mutation: action, projectId, options } = command;
  authorize(viewer, projectId, action, "input.projectId");
  await carryOutOnce(engine, viewer, command, async (transaction) => {
    const project = await lockProject(transaction, projectId);
    if (project === null) throw notFound("input.projectId");
    checkRevision(options, project.revision, "input.expectedRevision");
    const details = await change(transaction, project);
    if (details !== null) {
      const target = encodeId("Project", projectId);
      const record = { projectId, actorId: viewer.accountId, action, target, details };
      await addAuditEntry(transaction, record, engine.clock);
    }
    return { result: null };
  });
}
