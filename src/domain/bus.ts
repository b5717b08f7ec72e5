import { logKey } from "./task-key.ts";

/**
 * Hints that something was committed. A hint may be lost or come twice: whoever waits for one also looks at
 * the database from time to time, so a lost hint costs time and never truth.
 */
export type Notice =
  /** A run has new events. */
  | { readonly topic: "run"; readonly runId: string; readonly lastSeq: number }
  /** A log has new bytes. */
  | {
      readonly topic: "log";
      readonly runId: string;
      readonly step: number;
      readonly fence: number;
      readonly part: number;
    }
  /** Some log of a run has new bytes. */
  | { readonly topic: "run-logs"; readonly runId: string }
  /** There are steps to claim. */
  | { readonly topic: "work" }
  /** Runs have something to tell each other. */
  | { readonly topic: "signal" }
  /** A runner's session has something to kill. */
  | { readonly topic: "cancel"; readonly session: string };

export interface Bus {
  /**
   * Never waits and never throws: publishing is not allowed to hold up or undo what was committed. Watchers of this
   * process are told before it returns; others may be told of the last of several notices under one key only.
   */
  publish(notice: Notice): void;
  /** Tells of notices under these keys, from now on until it is disposed of. */
  watch(keys: readonly string[], onNotice: OnNotice): Disposable;
  /** Watches for someone who waits. */
  listen(keys: readonly string[]): Listener;
}

/** Called with null when anything may have happened: notices got lost, nobody knows which. */
export type OnNotice = (notice: Notice | null) => void;

export interface Listener {
  /** Resolves once a notice has come since the last call, the time is over, or the signal is aborted. */
  heard(timeoutMs: number, signal: AbortSignal): Promise<void>;
  close(): void;
}

/** What a listener names to hear of one thing only. */
export const noticeKeys = {
  run: (runId: string): string => `run ${runId}`,
  /** For notices of all runs. */
  anyRun: (): string => "run",
  log: (log: { runId: string; step: number; fence: number; part: number }): string => `log ${logKey(log)}`,
  runLogs: (runId: string): string => `run-logs ${runId}`,
  work: (): string => "work",
  signal: (): string => "signal",
  cancel: (session: string): string => `cancel ${session}`,
};

/** Every key under which it is heard: its own, and one that stands for many. */
export function keysOfNotice(notice: Notice): readonly string[] {
  const own = keyOfNotice(notice);
  return notice.topic === "run" ? [own, noticeKeys.anyRun()] : [own];
}

/** What it is about: a newer notice of the same stands for an older one. */
export function keyOfNotice(notice: Notice): string {
  switch (notice.topic) {
    case "run":
      return noticeKeys.run(notice.runId);
    case "log":
      return noticeKeys.log(notice);
    case "run-logs":
      return noticeKeys.runLogs(notice.runId);
    case "work":
      return noticeKeys.work();
    case "signal":
      return noticeKeys.signal();
    case "cancel":
      return noticeKeys.cancel(notice.session);
  }
}
