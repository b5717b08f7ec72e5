import type { Viewer } from "../domain/access.ts";
import type { Engine } from "../orchestration/transition.ts";
import { setProjectArchived } from "../persistence/project-store.ts";
import { changeProject } from "./change-project.ts";
import type { CommandOptions } from "./command.ts";

/** Ends everything that would start something new in the project; what runs, runs on. Asking again changes nothing. */
export async function archiveProject(
  engine: Engine,
  viewer: Viewer,
  projectId: string,
  options: CommandOptions,
): Promise<void> {
  const command = { mutation: "archiveProject", projectId, options } as const;
  await changeProject(engine, viewer, command, async (transaction, project) => {
    if (project.archivedAt !== null) return null;
    await setProjectArchived(transaction, projectId, engine.clock.now());
    return { slug: project.slug };
  });
}

export async function unarchiveProject(
  engine: Engine,
  viewer: Viewer,
  projectId: string,
  options: CommandOptions,
): Promise<void> {
  const command = { mutation: "unarchiveProject", projectId, options } as const;
  await changeProject(engine, viewer, command, async (transaction, project) => {
    if (project.archivedAt === null) return null;
    await setProjectArchived(transaction, projectId, null);
    return { slug: project.slug };
  });
}
