import { decodeCursor, InvalidCursorError, type StreamPosition } from "../domain/stream-cursor.ts";

export interface FollowLog {
  readonly runId: string;
  readonly step: number;
  /** Null = the newest at subscribe; a step that never started is waited for. */
  readonly attempt: number | null;
  readonly after: StreamPosition;
  /** Only lines that contain this text; null = all. */
  readonly grep: string | null;
}

export function streamOf({ runId, step }: FollowLog): string {
  return `log ${runId}.${step}`;
}

export interface Start {
  /** Null = the newest one. */
  readonly attempt: number | null;
  /** Null = behind what is stored. */
  readonly offset: number | null;
  readonly reset: string | null;
}

export function readStart({ after, attempt, ...place }: FollowLog, epoch: string): Start {
  if (after.kind === "START") return { attempt, offset: 0, reset: null };
  if (after.kind === "HEAD") return { attempt, offset: null, reset: null };
  const decoded = decodeCursor(after.cursor, streamOf({ after, attempt, ...place }));
  const [ofAttempt, offset, ...rest] = decoded?.position ?? [];
  if (decoded === null || ofAttempt === undefined || offset === undefined || rest.length > 0) {
    throw new InvalidCursorError("this cursor does not belong to this step's log");
  }
  if (decoded.epoch !== epoch) {
    return { attempt, offset: 0, reset: "the database was restored or replaced since" };
  }
  if (attempt !== null && attempt !== ofAttempt) {
    throw new InvalidCursorError(`this cursor belongs to attempt ${ofAttempt}`);
  }
  return { attempt: ofAttempt, offset, reset: null };
}

export function firstOffset(
  { offset, reset }: Start,
  length: number,
): { offset: number; reset: string | null } {
  if (offset === null) return { offset: length, reset };
  if (offset > length) return { offset: 0, reset: "the position lies beyond the end of the log" };
  return { offset, reset };
}
