import type { RunnerLogger } from "./logger.ts";
import { type CancelMode, type GrantedTask, keyOf, type TaskCancel, type TaskKey } from "./protocol.ts";
import type { Task } from "./task.ts";
import { monotonicMs, settlesWithin } from "./waiting.ts";

export interface TaskTableOptions {
  readonly capacity: number;
  readonly cancelMemoryMs: number;
  readonly logger: RunnerLogger;
}

/** Everything the runner was granted and has not yet accounted for. */
export class TaskTable {
  private readonly tasks = new Map<string, Task>();
  /** Cancels that came before their task, by key, with the time until which they count. */
  private readonly earlyCancels = new Map<string, number>();
  private readonly freedListeners = new Set<() => void>();

  constructor(private readonly options: TaskTableOptions) {}

  /** Tasks with processes that may be alive. */
  get running(): number {
    let count = 0;
    for (const task of this.tasks.values()) if (!task.hasEnded) count++;
    return count;
  }

  get free(): number {
    return Math.max(0, this.options.capacity - this.running);
  }

  /** What heartbeats list: also tasks that ended, until the server has answered their report. */
  held(): TaskKey[] {
    const held = [...this.tasks.values()].filter((task) => !task.isAbandoned);
    return held.map(({ key }) => key);
  }

  has(key: TaskKey): boolean {
    return this.tasks.has(keyOf(key));
  }

  /** Whether the task was canceled before it came. */
  wasCanceled(granted: GrantedTask): boolean {
    return (this.earlyCancels.get(keyOf(granted)) ?? 0) > monotonicMs();
  }

  add(task: Task): void {
    const key = keyOf(task.key);
    this.tasks.set(key, task);
    void task.ended.then(() => {
      if (task.isAbandoned) this.tasks.delete(key);
      for (const listener of this.freedListeners) listener();
    });
  }

  /** The server has answered, or will never answer, the report of its end. */
  forget(key: TaskKey): void {
    this.tasks.delete(keyOf(key));
  }

  /** Answers whether any of it was news: the server repeats a cancel until the step's end is reported. */
  cancel(cancels: readonly TaskCancel[]): boolean {
    const now = monotonicMs();
    for (const [key, until] of this.earlyCancels) if (until <= now) this.earlyCancels.delete(key);
    let news = false;
    for (const cancel of cancels) {
      const key = keyOf(cancel);
      const task = this.tasks.get(key);
      if (task) news = task.cancel(cancel.mode) || news;
      else this.earlyCancels.set(key, now + this.options.cancelMemoryMs);
    }
    return news;
  }

  /** Another runner may have the step: it is killed here and not reported. Its pending report stays valid. */
  lose(key: TaskKey, cause: string): void {
    const task = this.tasks.get(keyOf(key));
    if (!task || task.hasEnded || task.isAbandoned) return;
    this.options.logger.warn(`${task.title} is dropped: ${cause}`);
    task.abandon("FORCE");
  }

  abandonRunning(mode: CancelMode): void {
    for (const task of this.tasks.values()) if (!task.hasEnded) task.abandon(mode);
  }

  shutDown(mode: CancelMode): void {
    for (const task of this.tasks.values()) task.shutDown(mode);
  }

  /** Answers whether everything that runs now ends within the time. */
  settledWithin(ms: number): Promise<boolean> {
    return settlesWithin(Promise.all([...this.tasks.values()].map(({ ended }) => ended)), ms);
  }

  /** Calls when a task has ended; the returned function stops that. */
  onFreed(listener: () => void): () => void {
    this.freedListeners.add(listener);
    return () => this.freedListeners.delete(listener);
  }
}
