import {
  decodeCursor,
  encodeCursor,
  InvalidCursorError,
  type StreamPosition,
} from "../domain/stream-cursor.ts";
import type { LogHead } from "../persistence/queries/logs.ts";
import type { StoredPiece } from "./read-log.ts";
import type { LogLine } from "./records.ts";

export interface FollowLog {
  readonly runId: string;
  readonly step: number;
  /** Null = the newest at subscribe; a step that never started is waited for. */
  readonly attempt: number | null;
  readonly after: StreamPosition;
  /** Only lines that contain this text; null = all. */
  readonly grep: string | null;
}

function streamOf({ runId, step }: Pick<FollowLog, "runId" | "step">): string {
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
  const decoded = decodeCursor(after.cursor, streamOf(place));
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

export function logCursor(
  epoch: string,
  log: { readonly runId: string; readonly step: number; readonly attempt: number },
  offset: number,
): string {
  return encodeCursor({ epoch, stream: streamOf(log), position: [log.attempt, offset] });
}

/** Whether the log was cut short; null while it goes on. */
export function truncatedEnd(
  { length, finalLength, abandoned, truncated }: LogHead,
  offset: number,
): boolean | null {
  if (offset < length) return null;
  if (finalLength !== null && offset >= finalLength) return truncated;
  return abandoned ? true : null;
}

/** A message about a log, as far as it is the same for one log and for those of a run. */
export type LogMessage = { readonly cursor: string; readonly attempt: number } & (
  | { readonly kind: "LINES"; readonly lines: readonly LogLine[] }
  /** These bytes are not kept any more. */
  | { readonly kind: "GAP"; readonly fromOffset: number; readonly toOffset: number }
  | {
      readonly kind: "END";
      /** Bytes of the whole log. */
      readonly finalOffset: number;
      /** It was too long, or the runner was lost before it could send everything. */
      readonly truncated: boolean;
      readonly nextAttempt: number | null;
    }
);

export function messageOfPiece(piece: StoredPiece, attempt: number, cursor: string): LogMessage {
  return piece.kind === "LINES"
    ? { kind: "LINES", cursor, attempt, lines: piece.lines }
    : { kind: "GAP", cursor, attempt, fromOffset: piece.fromOffset, toOffset: piece.offset };
}
