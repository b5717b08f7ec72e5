import type { ArtifactHost } from "./artifact-host.ts";
import { keepArtifacts } from "./keep-artifacts.ts";
import { placeArtifacts } from "./place-artifacts.ts";
import type { GrantedTask } from "./protocol.ts";
import type { StopRequest } from "./stop-request.ts";
import type { RunDirectory, Workspaces } from "./workspace.ts";

export interface TaskFiles {
  readonly granted: GrantedTask;
  readonly directory: RunDirectory;
  readonly stop: StopRequest;
  readonly host: { readonly artifacts: ArtifactHost; readonly workspaces: Workspaces };
  readonly note: (text: string) => void;
}

/** Before the step: what others have kept for it. */
export async function placeTaskArtifacts(files: TaskFiles): Promise<void> {
  const { granted, directory, stop, host, note } = files;
  const { workflowRunId, spec } = granted;
  if (!spec.artifacts.fetch) return;
  const options = { directory, host: host.artifacts, signal: stop.signal, note };
  await host.workspaces.exclusively(workflowRunId, stop.signal, () => placeArtifacts(options));
}

/** After the step, also when it failed: its files tell why. @returns why they could not be kept, or null */
export async function keepTaskArtifacts(files: TaskFiles): Promise<string | null> {
  const { granted, directory, stop, host, note } = files;
  const { globs } = granted.spec.artifacts;
  try {
    await keepArtifacts({ globs, directory, host: host.artifacts, signal: stop.signal, note });
    return null;
  } catch (error) {
    if (stop.mode !== null) throw error;
    return (error as Error).message;
  }
}
