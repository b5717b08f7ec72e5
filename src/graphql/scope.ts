import { roleIn, type Viewer } from "../domain/access.ts";
import { keyOf } from "../domain/ids.ts";
import { notFound } from "../domain/refusals.ts";
import { allProjects, findProjectBySlug, type ProjectRecord } from "../persistence/queries/people.ts";
import type { Queryable } from "../persistence/queries/queryable.ts";
import type { TriggerScope } from "../persistence/queries/trigger-lists.ts";
import type { RequestContext } from "./context.ts";
import { objectNotFound } from "./errors.ts";

/** Whether the viewer may read what belongs to a project. */
export function mayRead(viewer: Viewer, projectId: string): boolean {
  return roleIn(viewer, projectId) !== null;
}

/** The object, unless it is of a project that does not exist for the viewer. */
export function readable<Row extends { readonly projectId: string }>(
  viewer: Viewer,
  row: Row | null,
): Row | null {
  return row !== null && mayRead(viewer, row.projectId) ? row : null;
}

/** For look-ups: what is not there, or not for this viewer, is an error of its own. */
export function found<Row>(row: Row | null): Row {
  if (row === null) throw objectNotFound();
  return row;
}

/** The project that a client names by id or slug, whoever may read it. */
export async function findProject(
  { loaders, engine }: Pick<RequestContext, "loaders" | "engine">,
  idOrSlug: string,
): Promise<ProjectRecord | null> {
  const key = keyOf("Project", idOrSlug);
  return key === null ? await findProjectBySlug(engine.database, idOrSlug) : await loaders.project.load(key);
}

/** The project that an input names: none is refused as every unknown object. Its action asks who may. */
export async function projectIn(context: RequestContext, idOrSlug: string): Promise<ProjectRecord> {
  const project = await findProject(context, idOrSlug);
  if (project === null) throw notFound("input.projectId");
  return project;
}

/** NOT_FOUND unless the viewer may read it. */
export async function readableProject(context: RequestContext, idOrSlug: string): Promise<ProjectRecord> {
  const project = await findProject(context, idOrSlug);
  if (project === null || !mayRead(context.viewer, project.id)) throw objectNotFound();
  return project;
}

/** The one project that is named, or all that the viewer may read. */
export async function projectScope(
  context: RequestContext,
  idOrSlug: string | null | undefined,
): Promise<string[]> {
  const projects =
    idOrSlug == null
      ? await readableProjects(context.engine.database, context.viewer)
      : [await readableProject(context, idOrSlug)];
  return projects.map(({ id }) => id);
}

export async function readableProjects(source: Queryable, viewer: Viewer): Promise<ProjectRecord[]> {
  return (await allProjects(source)).filter(({ id }) => mayRead(viewer, id));
}

/** Where to look for schedules and webhooks: in one project or all that the viewer may read, perhaps of one workflow. */
export async function triggerScope(
  context: RequestContext,
  projectId: string | null | undefined,
  workflowId: string | null | undefined,
): Promise<TriggerScope> {
  const projectIds = await projectScope(context, projectId);
  const workflow = workflowId == null ? null : keyOf("Workflow", workflowId);
  const matchesNothing = workflowId != null && workflow === null;
  return { projectIds: matchesNothing ? [] : projectIds, workflowId: workflow };
}
