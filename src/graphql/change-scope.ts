import type { Viewer } from "../domain/access.ts";
import type { RunChange } from "../persistence/queries/run-changes.ts";
import type { ChangePosition } from "../realtime/change-cursors.ts";
import type { ChangeItem } from "../realtime/change-log.ts";
import { followChanges } from "../realtime/follow-changes.ts";
import type { RequestContext } from "./context.ts";
import { LiveSubscription } from "./live-subscription.ts";
import { mayRead, readableProject } from "./scope.ts";
import { readPosition, type StreamPositionInput } from "./types/stream.ts";

export interface ChangeScopeArgs {
  readonly projectId?: string | null;
  readonly after: StreamPositionInput;
}

/** Follows what changes in one project, or in all that the viewer may read at the time. */
export async function subscribeToChanges(
  { projectId, after }: ChangeScopeArgs,
  context: RequestContext,
  matters: (change: RunChange) => boolean = () => true,
): Promise<LiveSubscription<ChangeItem, ChangePosition>> {
  const project = projectId == null ? null : (await readableProject(context, projectId)).id;
  context.followedProject = project;
  const wantsFor = (viewer: Viewer) => (item: ChangeItem) =>
    item.changes.some((change) => isWithin(change, project, viewer) && matters(change));
  const following = await followChanges(context.changeFeed, context.engine.database, {
    after: readPosition(after),
    wants: (item) => wantsFor(context.viewer)(item),
  });
  const mayFollow = (viewer: Viewer): boolean => project === null || mayRead(viewer, project);
  return new LiveSubscription(following, mayFollow, context, wantsFor);
}

/** What of it the viewer is told: the item is everybody's. */
export function changesWithin(
  { changes }: ChangeItem,
  { followedProject, viewer }: RequestContext,
): readonly RunChange[] {
  return changes.filter((change) => isWithin(change, followedProject, viewer));
}

function isWithin({ projectId }: RunChange, project: string | null, viewer: Viewer): boolean {
  return (project === null || projectId === project) && mayRead(viewer, projectId);
}
