import type { Viewer } from "../domain/access.ts";
import type { Engine } from "../orchestration/transition.ts";
import { updateProject as store } from "../persistence/project-store.ts";
import { changeProject } from "./change-project.ts";
import { TextFaults } from "./check-texts.ts";
import type { CommandOptions } from "./command.ts";
import { refuseTaken } from "./refuse-taken.ts";

export interface UpdateProject {
  readonly projectId: string;
  /** Null = as it is. */
  readonly name: string | null;
  readonly slug: string | null;
}

export async function updateProject(
  engine: Engine,
  viewer: Viewer,
  { projectId, name, slug }: UpdateProject,
  options: CommandOptions,
): Promise<void> {
  const command = { mutation: "updateProject", projectId, options } as const;
  await refuseTaken("input.slug", "another project has this slug", async () => {
    await changeProject(engine, viewer, command, async (transaction, project) => {
      const wanted = { id: projectId, name: name ?? project.name, slug: slug ?? project.slug };
      const faults = new TextFaults();
      if (name !== null) faults.name("input.name", name);
      if (slug !== null) faults.slug("input.slug", slug);
      faults.throwIfAny();
      if (wanted.name === project.name && wanted.slug === project.slug) return null;
      await store(transaction, wanted);
      return {
        before: { name: project.name, slug: project.slug },
        after: { name: wanted.name, slug: wanted.slug },
      };
    });
  });
}
