import { FaultLog } from "./fault-log.ts";
import type { RunnerLogger } from "./logger.ts";
import type { ProtocolClient } from "./protocol-client.ts";
import type { Session } from "./session.ts";
import type { TaskTable } from "./task-table.ts";
import type { RunnerTiming } from "./timing.ts";
import { Backoff, monotonicMs, pause } from "./waiting.ts";

export interface HeartbeatOptions {
  readonly session: Session;
  readonly client: ProtocolClient;
  readonly tasks: TaskTable;
  readonly timing: RunnerTiming;
  readonly logger: RunnerLogger;
}

/** Tells the server what is held here, and heeds what it answers, until the session ends. */
export async function keepHeartbeat(options: HeartbeatOptions): Promise<void> {
  const { session, client, tasks, timing } = options;
  const { signal, heartbeatMs } = session;
  // Unanswered heartbeats bring the fence nearer: they are repeated faster than other requests.
  const backoff = new Backoff(timing.retryMinMs, Math.min(timing.retryMaxMs, heartbeatMs / 5));
  const faults = new FaultLog(options.logger);
  await pause(heartbeatMs, signal);
  while (!signal.aborted) {
    const sentAt = monotonicMs();
    try {
      const request = client.heartbeatRunner(
        { session: session.id, held: tasks.held() },
        { signal, timeoutMs: timing.heartbeatTimeoutMs },
      );
      const answer = await session.heed(request);
      session.acknowledge(sentAt);
      backoff.reset();
      faults.succeeded();
      tasks.cancel(answer.cancels);
      for (const key of answer.lost) tasks.lose(key, "the server says it is not held here any more");
      await pause(heartbeatMs - (monotonicMs() - sentAt), signal);
    } catch (error) {
      faults.failed(error);
      await pause(backoff.next(), signal);
    }
  }
}

/**
 * Ends everything here before the server may give it to others: processes are told to end, then killed, counted
 * from the sending of the last acknowledged heartbeat. Resolves when the session has ended, by this or otherwise.
 */
export async function keepFence(options: HeartbeatOptions): Promise<void> {
  const { session, tasks, logger } = options;
  while (!session.signal.aborted) {
    const left = session.fenceTermMs - session.sinceAcknowledgedMs;
    if (left > 0) await pause(left, session.signal);
    else if (tasks.running === 0) await pause(session.heartbeatMs / 10, session.signal);
    else {
      const seconds = Math.round(session.sinceAcknowledgedMs / 1000);
      logger.error(
        `no heartbeat was acknowledged for ${seconds} s: ending ${tasks.running} task(s), others may get them`,
      );
      session.end("FENCED");
      tasks.abandonRunning("GRACEFUL");
      await tasks.settledWithin(session.fenceKillMs - session.sinceAcknowledgedMs);
      tasks.abandonRunning("FORCE");
    }
  }
}
