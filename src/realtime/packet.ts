import type { Notice } from "../domain/bus.ts";

/** What one process sends at once. */
export interface Packet {
  /** The process. */
  readonly sender: string;
  /** Counts what the sender sent, or failed to send: a jump tells that something was lost. */
  readonly number: number;
  readonly notices: readonly Notice[];
}

/** A packet as it was read: what cannot be understood of it is left out and counted. */
export interface ReadPacket extends Packet {
  readonly unreadable: number;
}

const VERSION = 1;

export function encodePacket({ sender, number, notices }: Packet): string {
  return JSON.stringify({ v: VERSION, s: sender, i: number, n: notices.map(pack) });
}

/** Null for what no version of today wrote. */
export function decodePacket(text: string): ReadPacket | null {
  const value = parse(text);
  if (typeof value !== "object" || value === null) return null;
  const { v, s, i, n } = value as Record<string, unknown>;
  if (v !== VERSION || !isText(s) || !isWhole(i) || !Array.isArray(n)) return null;
  const notices = n.map(unpack).filter((notice) => notice !== null);
  return { sender: s, number: i, notices, unreadable: n.length - notices.length };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function pack(notice: Notice): readonly (string | number)[] {
  switch (notice.topic) {
    case "run":
      return [notice.topic, notice.runId, notice.lastSeq];
    case "log":
      return [notice.topic, notice.runId, notice.step, notice.fence, notice.part];
    case "run-logs":
      return [notice.topic, notice.runId];
    case "work":
    case "signal":
      return [notice.topic];
    case "cancel":
      return [notice.topic, notice.session];
  }
}

function unpack(packed: unknown): Notice | null {
  if (!Array.isArray(packed)) return null;
  const [topic, id, ...numbers] = packed as unknown[];
  if (topic === "work" || topic === "signal") return { topic };
  if (!isText(id) || !numbers.every(isWhole)) return null;
  const [first, second, third] = numbers;
  if (topic === "run-logs") return { topic, runId: id };
  if (topic === "cancel") return { topic, session: id };
  if (topic === "run" && first !== undefined) return { topic, runId: id, lastSeq: first };
  if (topic === "log" && first !== undefined && second !== undefined && third !== undefined)
    return { topic, runId: id, step: first, fence: second, part: third };
  return null;
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
