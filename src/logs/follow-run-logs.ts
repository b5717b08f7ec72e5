import { noticeKeys } from "../domain/bus.ts";
import { DatabaseAwayError } from "../domain/refusals.ts";
import { isTerminal } from "../domain/statuses.ts";
import {
  decodeCursor,
  encodeCursor,
  InvalidCursorError,
  type StreamPosition,
} from "../domain/stream-cursor.ts";
import { readEpoch } from "../persistence/queries/events.ts";
import { type LogHead, logHeadsOfRuns } from "../persistence/queries/logs.ts";
import { findRuns } from "../persistence/queries/runs.ts";
import type { EdgeItem } from "../realtime/live-log.ts";
import type { FollowSources } from "./followed-log.ts";
import { LOOK_AGAIN_MS } from "./log-hub.ts";
import { type LogMessage, messageOfPiece, truncatedEnd } from "./log-start.ts";
import { storedPieces } from "./read-log.ts";
import { RunPosition } from "./run-position.ts";

/** Messages about a log name its step. */
export type RunLogsItem = (LogMessage | EdgeItem) & { readonly runId: string; readonly step: number | null };

export interface FollowRunLogs {
  readonly runId: string;
  readonly after: StreamPosition;
}

/** A log that is far behind lets the others have their turn after so much of it. */
const TURN_BYTES = 4 * 2 ** 20;

/**
 * The logs of all steps of a run from a position on: of each attempt its lines in order, and its END. Ends once the
 * run has ended and every log has.
 */
export async function* followRunLogs(
  sources: FollowSources,
  { runId, after }: FollowRunLogs,
  signal: AbortSignal,
): AsyncGenerator<RunLogsItem, void, void> {
  const listener = sources.bus.listen([noticeKeys.run(runId), noticeKeys.runLogs(runId)]);
  try {
    const follower = await RunLogsFollower.start(sources, runId, after);
    if (follower.reset !== null) yield follower.edge({ kind: "RESET", reason: follower.reset });
    let caughtUp = false;
    while (!signal.aborted) {
      try {
        const look = await follower.look();
        let behind = false;
        for (const head of look.heads) behind = (yield* follower.turn(head)) || behind;
        if (behind) continue;
        if (!caughtUp) yield follower.edge({ kind: "CAUGHT_UP" });
        caughtUp = true;
        if (look.ended && follower.complete) return;
      } catch (error) {
        // A restart of the database is only a pause: the position is known.
        if (!(error instanceof DatabaseAwayError)) throw error;
      }
      await listener.heard(LOOK_AGAIN_MS, signal);
    }
  } finally {
    listener.close();
  }
}

class RunLogsFollower {
  readonly reset: string | null;
  /** Every log that the last look found is done with. */
  complete = false;
  readonly #sources: FollowSources;
  readonly #runId: string;
  readonly #epoch: string;
  readonly #position: RunPosition;

  private constructor(sources: FollowSources, runId: string, epoch: string, start: Start) {
    this.#sources = sources;
    this.#runId = runId;
    this.#epoch = epoch;
    this.#position = start.position;
    this.reset = start.reset;
  }

  static async start(sources: FollowSources, runId: string, after: StreamPosition): Promise<RunLogsFollower> {
    const epoch = await readEpoch(sources.database);
    const start = readStart(runId, after, epoch);
    const follower = new RunLogsFollower(sources, runId, epoch, start);
    if (after.kind === "HEAD") await follower.#skipStored();
    return follower;
  }

  /** The run's end is read first: every log that there will be is found after it. */
  async look(): Promise<{ readonly heads: readonly LogHead[]; readonly ended: boolean }> {
    const [run] = await findRuns(this.#sources.database, [this.#runId]);
    const heads = await this.#heads();
    this.complete = true;
    return { heads, ended: run === undefined || isTerminal(run.status) };
  }

  /** @returns whether there is more of this log to send at once */
  async *turn(head: LogHead): AsyncGenerator<RunLogsItem, boolean, void> {
    const from = this.#position.offsetOf(head);
    if (from === null) return false;
    const { runId, step, attempt } = head;
    let offset = from;
    for await (const piece of storedPieces(this.#sources, null, head, from)) {
      offset = piece.offset;
      this.#position.moveTo(head, offset);
      yield { ...messageOfPiece(piece, attempt, this.#cursor()), runId, step };
      if (offset - from >= TURN_BYTES) break;
    }
    const truncated = truncatedEnd(head, offset);
    if (truncated === null) {
      this.complete = false;
      return offset < head.length && offset > from;
    }
    this.#position.finish(head);
    const { nextAttempt } = head;
    const end = { kind: "END", attempt, finalOffset: offset, truncated, nextAttempt } as const;
    yield { ...end, cursor: this.#cursor(), runId, step };
    return false;
  }

  edge(item: { kind: "CAUGHT_UP" } | { kind: "RESET"; reason: string }): RunLogsItem {
    return { ...item, cursor: this.#cursor(), runId: this.#runId, step: null };
  }

  async #skipStored(): Promise<void> {
    for (const head of await this.#heads()) {
      if (truncatedEnd(head, head.length) === null) this.#position.moveTo(head, head.length);
      else this.#position.finish(head);
    }
  }

  async #heads(): Promise<LogHead[]> {
    return await logHeadsOfRuns(this.#sources.database, [this.#runId], this.#sources.clock.now());
  }

  #cursor(): string {
    const stream = streamOf(this.#runId);
    return encodeCursor({ epoch: this.#epoch, stream, position: this.#position.numbers() });
  }
}

interface Start {
  readonly position: RunPosition;
  readonly reset: string | null;
}

function streamOf(runId: string): string {
  return `logs ${runId}`;
}

function readStart(runId: string, after: StreamPosition, epoch: string): Start {
  if (after.kind !== "CURSOR") return { position: new RunPosition(), reset: null };
  const decoded = decodeCursor(after.cursor, streamOf(runId));
  const position = decoded === null ? null : RunPosition.read(decoded.position);
  if (decoded === null || position === null) {
    throw new InvalidCursorError("this cursor does not belong to this run's logs");
  }
  return decoded.epoch === epoch
    ? { position, reset: null }
    : { position: new RunPosition(), reset: "the database was restored or replaced since" };
}
