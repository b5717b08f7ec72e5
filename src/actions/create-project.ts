import type { Viewer } from "../domain/access.ts";
import { encodeId } from "../domain/ids.ts";
import type { Engine } from "../orchestration/transition.ts";
import { addAuditEntry } from "../persistence/audit-store.ts";
import { addProject } from "../persistence/project-store.ts";
import { authorizeSystem } from "./authorize.ts";
import { TextFaults } from "./check-texts.ts";
import { type CommandOptions, carryOutOnce } from "./command.ts";
import { INSTALLATION } from "./installation.ts";
import { refuseTaken } from "./refuse-taken.ts";

export interface CreateProject {
  readonly slug: string;
  readonly name: string;
}

/** @returns the project's key */
export async function createProject(
  engine: Engine,
  viewer: Viewer,
  { slug, name }: CreateProject,
  options: CommandOptions,
): Promise<string> {
  authorizeSystem(viewer, "createProject");
  new TextFaults().slug("input.slug", slug).name("input.name", name).throwIfAny();
  const command = { mutation: "createProject", projectId: INSTALLATION, options } as const;
  return await refuseTaken("input.slug", "another project has this slug", async () => {
    return await carryOutOnce(engine, viewer, command, async (transaction) => {
      const projectId = await addProject(transaction, slug, name, engine.clock);
      const target = encodeId("Project", projectId);
      const record = { projectId, actorId: viewer.accountId, action: "createProject", target };
      await addAuditEntry(transaction, { ...record, details: { slug, name } }, engine.clock);
      return { result: projectId };
    });
  });
}
