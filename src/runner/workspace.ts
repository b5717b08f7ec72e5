import { renameSync } from "node:fs";
import { mkdir, readdir, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TaskKey } from "./protocol.ts";

/** One run's directory on this host; all of its tasks here share it. */
export interface RunDirectory {
  /** Where steps run and sources are checked out. */
  readonly workspace: string;
  /** Holds each task's output file. */
  readonly outputs: string;
  /** Says which source the workspace holds; absent until a checkout is complete. */
  readonly checkoutMark: string;
  /** Names the artifacts that the workspace holds. */
  readonly artifactLedger: string;
}

const SAFE_NAME = /^[A-Za-z0-9_-]{1,200}$/;
const TRASH_PREFIX = "trash.";

/** The runs' directories of one work directory: made when a run's first task comes, removed long after its last. */
export class Workspaces {
  private readonly inUse = new Map<string, { users: number; readonly directory: Promise<RunDirectory> }>();
  private readonly queues = new Map<string, Promise<void>>();
  private removals = 0;

  /** @param root holds one directory per run */
  constructor(private readonly root: string) {}

  /** Every enter that succeeds needs a leave. */
  async enter(runId: string): Promise<RunDirectory> {
    if (!SAFE_NAME.test(runId)) throw new Error(`the run id ${JSON.stringify(runId)} is no file name`);
    const entry = this.inUse.get(runId) ?? { users: 0, directory: prepare(join(this.root, runId)) };
    this.inUse.set(runId, entry);
    entry.users++;
    try {
      return await entry.directory;
    } catch (error) {
      this.discount(runId);
      throw error;
    }
  }

  async leave(runId: string): Promise<void> {
    if (this.inUse.get(runId)?.users === 1) {
      await touch(join(this.root, runId)).catch(() => {}); // the age is only for cleaning up
    }
    this.discount(runId);
  }

  /**
   * One task of a run at a time does what must happen once, such as the checkout. Rejects with the signal's reason
   * when it aborts before its turn; work that has begun must heed the signal itself.
   */
  async exclusively<T>(runId: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const turn = (this.queues.get(runId) ?? Promise.resolve()).then(() => {
      signal.removeEventListener("abort", skip);
      signal.throwIfAborted();
      return work();
    });
    let skip = () => {};
    const skipped = new Promise<never>((_, reject) => {
      skip = () => reject(signal.reason);
      signal.addEventListener("abort", skip);
    });
    const settled = turn.then(
      () => {},
      () => {},
    );
    this.queues.set(runId, settled);
    void settled.then(() => {
      if (this.queues.get(runId) === settled) this.queues.delete(runId);
    });
    return Promise.race([turn, skipped]);
  }

  /** Removes what no task uses and none has used for the time. Throws at the end what could not be removed. */
  async removeOlderThan(ageMs: number): Promise<void> {
    const errors: unknown[] = [];
    for (const name of await readdir(this.root)) {
      const path = join(this.root, name);
      if (!name.startsWith(TRASH_PREFIX)) {
        const stats = await stat(path).catch(() => null);
        if (stats === null || Date.now() - stats.mtimeMs < ageMs || this.inUse.has(name)) continue;
      }
      await this.remove(path).catch((error: unknown) => errors.push(error));
    }
    if (errors.length > 0) throw new AggregateError(errors, "old directories could not be removed");
  }

  /**
   * Renamed first, so that a task that enters meanwhile finds an empty place, not a half-removed one; in the same
   * turn as the look whether it is used, so that none can enter in between.
   */
  private async remove(path: string): Promise<void> {
    const trash = join(this.root, `${TRASH_PREFIX}${process.pid}.${Date.now()}.${this.removals++}`);
    renameSync(path, trash);
    await rm(trash, { recursive: true, force: true, maxRetries: 2 });
  }

  private discount(runId: string): void {
    const entry = this.inUse.get(runId);
    if (entry && --entry.users === 0) this.inUse.delete(runId);
  }
}

async function prepare(path: string): Promise<RunDirectory> {
  const workspace = join(path, "workspace");
  const outputs = join(path, "outputs");
  await mkdir(workspace, { recursive: true });
  await mkdir(outputs, { recursive: true });
  await touch(path);
  return {
    workspace,
    outputs,
    checkoutMark: join(path, "checked-out"),
    artifactLedger: join(path, "artifacts"),
  };
}

/** An empty file outside of the workspace, so that it never shows up in a source tree. */
export async function createOutputFile(directory: RunDirectory, key: TaskKey): Promise<string> {
  if (!SAFE_NAME.test(key.stepRunId)) {
    throw new Error(`the step id ${JSON.stringify(key.stepRunId)} is no file name`);
  }
  const file = join(directory.outputs, `${key.stepRunId}.${key.fence}`);
  await writeFile(file, "");
  return file;
}

async function touch(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now);
}
