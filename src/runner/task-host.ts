import type { Clock } from "../domain/clock.ts";
import type { AllowedPlaces, ResolveHost } from "./address-guard.ts";
import type { ArtifactHost } from "./artifact-host.ts";
import type { LogStream } from "./log-stream.ts";
import type { RunnerLogger } from "./logger.ts";
import type { PinRunSourcePayload, SourcePin, TaskReport } from "./protocol.ts";
import type { Reaper } from "./reaper-client.ts";
import type { SendTestReport } from "./tests/test-reporter.ts";
import type { RunnerTiming } from "./timing.ts";
import type { Workspaces } from "./workspace.ts";

/** What a task needs of the runner that it is performed by. */
export interface TaskHost {
  readonly directoryId: string;
  /** Where the runner reaches the API. */
  readonly apiUrl: string;
  readonly allowFileSources: boolean;
  /** Where requests may go besides public addresses. */
  readonly allowedPlaces: AllowedPlaces;
  readonly resolveHost?: ResolveHost | undefined;
  readonly timing: RunnerTiming;
  readonly clock: Clock;
  readonly logger: RunnerLogger;
  readonly workspaces: Workspaces;
  readonly reaper: Reaper;
  readonly log: LogStream;
  /** Another log of the task, for one of its tests. */
  readonly openLog: (part: number) => LogStream;
  readonly report: (report: TaskReport) => void;
  readonly pin: (found: SourcePin, signal: AbortSignal) => Promise<PinRunSourcePayload>;
  readonly reportTests: SendTestReport;
  /** Whether the task is surely still this runner's. */
  readonly isHeld: () => boolean;
  readonly artifacts: ArtifactHost;
}
