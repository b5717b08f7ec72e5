import { hostname } from "node:os";
import { join, resolve } from "node:path";
import type { Clock } from "../domain/clock.ts";
import { allowedPlaces, type ResolveHost } from "./address-guard.ts";
import { ownsTokensOf } from "./cookie.ts";
import { type RunnerLogger, SILENT_LOGGER } from "./logger.ts";
import { OutageLog } from "./outage-log.ts";
import { sweepProcesses } from "./processes.ts";
import { ProtocolClient } from "./protocol-client.ts";
import { Reaper } from "./reaper-client.ts";
import { RunnerLife } from "./runner-life.ts";
import { DEFAULT_TIMING, type RunnerTiming } from "./timing.ts";
import { openWorkDirectory, type WorkDirectory } from "./work-directory.ts";
import { Workspaces } from "./workspace.ts";

export interface RunnerOptions {
  /** The server, with or without the path of its GraphQL endpoint. */
  readonly url: string;
  readonly token: string;
  readonly name: string;
  readonly queues: readonly string[];
  readonly labels: readonly string[];
  /** Steps at the same time. */
  readonly capacity: number;
  readonly workDirectory: string;
  /** Whether sources may be checked out from this machine's own disk. */
  readonly allowFileSources: boolean;
  /** Hosts, addresses and networks that requests may reach although they are not public. */
  readonly httpAllow: readonly string[];
  readonly version: string;
  readonly logger?: RunnerLogger;
  readonly clock?: Clock;
  /** The system's, unless given. */
  readonly resolveHost?: ResolveHost;
  readonly timing?: Partial<RunnerTiming>;
}

export interface RunnerHandle {
  /** Takes no more tasks, lets those that run end, and aborts what still runs after the time (default 15 s). */
  drain(deadlineMs?: number): Promise<void>;
  /** Kills everything, reports it as ABORTED where the server can be reached, and closes. */
  stop(): Promise<void>;
  /** Resolves when the runner has closed; rejects when the server refuses it at its first registration. */
  readonly closed: Promise<void>;
}

const LEFTOVER_SWEEP_LIMIT_MS = 10_000;

/**
 * Starts a runner in this process, with its reaper beside it. Resolves once it is ready to register, whether or
 * not the server can be reached: that is tried until it answers.
 * @throws RunnerSetupError when the work directory cannot be used
 */
export async function startRunner(options: RunnerOptions): Promise<RunnerHandle> {
  const timing = { ...DEFAULT_TIMING, ...options.timing };
  const logger = options.logger ?? SILENT_LOGGER;
  const { url, token } = options;
  const outages = new OutageLog(url, logger);
  const client = new ProtocolClient({ url, token, outages, requestTimeoutMs: timing.requestTimeoutMs });
  const directory = await openWorkDirectory(resolve(options.workDirectory));
  try {
    await sweepLeftovers(directory, logger);
    const reaper = new Reaper({ directoryId: directory.id, silenceMs: timing.reaperSilenceMs, logger });
    return run({ options, timing, logger, client, directory, reaper });
  } catch (error) {
    await directory.release();
    throw error;
  }
}

interface RunnerBase {
  readonly options: RunnerOptions;
  readonly timing: RunnerTiming;
  readonly logger: RunnerLogger;
  readonly client: ProtocolClient;
  readonly directory: WorkDirectory;
  readonly reaper: Reaper;
}

function run({ options, timing, logger, client, directory, reaper }: RunnerBase): RunnerHandle {
  const { name, queues, labels, capacity, version, allowFileSources } = options;
  const workspaces = new Workspaces(join(directory.path, "runs"));
  const stopCleaning = cleanRegularly(workspaces, timing, logger);
  const life = new RunnerLife({
    registration: { name, queues, labels, capacity, hostname: hostname(), version },
    client,
    logger,
    timing,
    clock: options.clock ?? { now: () => new Date() },
    directoryId: directory.id,
    allowFileSources,
    allowedPlaces: allowedPlaces(options.httpAllow),
    resolveHost: options.resolveHost,
    workspaces,
    reaper,
  });
  const closed = life.closed.finally(async () => {
    stopCleaning();
    client.close();
    await reaper.close();
    await directory.release();
  });
  closed.catch(() => {}); // whoever waits for it hears of it; nobody has to wait
  return {
    closed,
    drain: (deadlineMs = timing.drainMs) => life.drain(deadlineMs).then(() => closed),
    stop: () => life.stop().then(() => closed),
  };
}

/** What an earlier runner of this directory could not end, for instance because its reaper was killed too. */
async function sweepLeftovers({ id, path }: WorkDirectory, logger: RunnerLogger): Promise<void> {
  const killed = await sweepProcesses(
    { groups: [], ownsToken: ownsTokensOf(id), startedSince: 0, known: new Map<number, number>() },
    { signal: AbortSignal.timeout(LEFTOVER_SWEEP_LIMIT_MS) },
  );
  if (killed.size > 0) logger.warn(`killed ${killed.size} process(es) of an earlier runner in ${path}`);
}

function cleanRegularly(workspaces: Workspaces, timing: RunnerTiming, logger: RunnerLogger): () => void {
  const clean = () => {
    workspaces
      .removeOlderThan(timing.workspaceMaxAgeMs)
      .catch((error: Error) => logger.warn(`old workspaces cannot be removed: ${error.message}`));
  };
  clean();
  const timer = setInterval(clean, timing.workspaceSweepMs);
  timer.unref();
  return () => clearInterval(timer);
}
