/**
 * Ids as clients see them: a prefix that names the type, then Crockford's base32 of the database key. Keys start
 * with a UUIDv7, so ids sort by creation time. A step's id holds its run's key and its position, so no id needs
 * a look-up of its own.
 */

/** A database key that no object has, and that comes before all others. */
export const NIL_KEY = "00000000-0000-0000-0000-000000000000";

const PREFIXES = {
  Account: "acct",
  Project: "prj",
  Workflow: "wf",
  WorkflowVersion: "wfv",
  WorkflowStep: "wstep",
  WorkflowRun: "run",
  StageRun: "stage",
  StepRun: "step",
  StepAttempt: "attempt",
  Runner: "runner",
  RunnerSession: "session",
  AuditEntry: "audit",
  Approval: "approval",
  BulkOperation: "bulk",
  Schedule: "sched",
  Webhook: "hook",
  ApiToken: "token",
  TestRun: "test",
  TestAttempt: "tattempt",
  Artifact: "artifact",
  LogFile: "logfile",
} as const;
export type NodeType = keyof typeof PREFIXES;

const TYPES = new Map<string, NodeType>(
  Object.entries(PREFIXES).map(([type, prefix]) => [prefix, type as NodeType]),
);

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const DIGITS = new Int8Array(128).fill(-1);
for (let value = 0; value < ALPHABET.length; value++) DIGITS[ALPHABET.charCodeAt(value)] = value;
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
const DASH = "-".charCodeAt(0);
/** PostgreSQL's integers are signed: no position is bigger. */
const MAX_POSITION = 2 ** 31 - 1;
const UUID_BYTES = 16;
const INTEGER_BYTES = 4;

export interface DecodedId {
  readonly type: NodeType;
  readonly uuid: string;
  /** Positions inside the object that the UUID names: a step's index, an attempt's number. */
  readonly parts: readonly number[];
}

export function encodeId(type: NodeType, uuid: string, ...parts: number[]): string {
  const bytes = new Uint8Array(UUID_BYTES + INTEGER_BYTES * parts.length);
  for (let i = 0, at = 0; i < UUID_BYTES; i++, at += 2) {
    if (uuid.charCodeAt(at) === DASH) at++;
    bytes[i] = (nibble(uuid.charCodeAt(at)) << 4) | nibble(uuid.charCodeAt(at + 1));
  }
  const view = new DataView(bytes.buffer);
  parts.forEach((part, i) => {
    view.setUint32(UUID_BYTES + INTEGER_BYTES * i, part);
  });
  return `${PREFIXES[type]}_${toBase32(bytes)}`;
}

/** Null for everything that `encodeId` does not produce: an id that is malformed names nothing. */
export function decodeId(id: string): DecodedId | null {
  const separator = id.indexOf("_");
  const type = TYPES.get(id.slice(0, separator));
  const bytes = fromBase32(id.slice(separator + 1));
  if (type === undefined || bytes === null) return null;
  const extra = bytes.length - UUID_BYTES;
  if (extra < 0 || extra % INTEGER_BYTES !== 0) return null;
  let uuid = "";
  for (let i = 0; i < UUID_BYTES; i++)
    uuid += (i === 4 || i === 6 || i === 8 || i === 10 ? "-" : "") + HEX[bytes[i]!];
  const view = new DataView(bytes.buffer);
  const parts = Array.from({ length: extra / INTEGER_BYTES }, (_, i) =>
    view.getUint32(UUID_BYTES + INTEGER_BYTES * i),
  );
  return parts.every((part) => part <= MAX_POSITION) ? { type, uuid, parts } : null;
}

/** The database key behind an id of one type, or null when it is not such an id. */
export function keyOf(type: NodeType, id: string): string | null {
  const decoded = decodeId(id);
  return decoded !== null && decoded.type === type && decoded.parts.length === 0 ? decoded.uuid : null;
}

/** The run and the position behind the id of a step run (or a stage run), or null. */
export function placeOf(type: "StepRun" | "StageRun", id: string): { runId: string; index: number } | null {
  const decoded = decodeId(id);
  if (decoded === null || decoded.type !== type || decoded.parts.length !== 1) return null;
  return { runId: decoded.uuid, index: decoded.parts[0]! };
}

/** The run, the step and the position there behind the id of a test, or null. */
export function testPlaceOf(id: string): { runId: string; step: number; index: number } | null {
  const decoded = decodeId(id);
  if (decoded === null || decoded.type !== "TestRun" || decoded.parts.length !== 2) return null;
  return { runId: decoded.uuid, step: decoded.parts[0]!, index: decoded.parts[1]! };
}

/** A session's key is a number; its id has the form of all ids. */
export function sessionId(session: string): string {
  return encodeId(
    "RunnerSession",
    `00000000-0000-0000-0000-${BigInt(session).toString(16).padStart(12, "0")}`,
  );
}

/** The number behind the id of a runner's session, or null. */
export function sessionOf(id: string): string | null {
  const key = keyOf("RunnerSession", id);
  return key === null ? null : BigInt(`0x${key.slice(-12)}`).toString();
}

/** The value of a hex digit, by its character code. Ids are the hottest text there is: five a task. */
function nibble(code: number): number {
  return code < 58 ? code - 48 : (code | 32) - 87;
}

function toBase32(bytes: Uint8Array): string {
  let text = "";
  let buffer = 0;
  let bits = 0;
  for (const byte of bytes) {
    buffer = ((buffer << 8) | byte) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET[(buffer >> bits) & 31];
    }
  }
  return bits > 0 ? text + ALPHABET[(buffer << (5 - bits)) & 31] : text;
}

/** Accepts only the canonical form: one object has one id. */
function fromBase32(text: string): Uint8Array<ArrayBuffer> | null {
  const bytes = new Uint8Array(Math.floor((text.length * 5) / 8));
  let buffer = 0;
  let bits = 0;
  let length = 0;
  for (let at = 0; at < text.length; at++) {
    const value = DIGITS[text.charCodeAt(at)] ?? -1;
    if (value < 0) return null;
    buffer = ((buffer << 5) | value) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[length++] = (buffer >> bits) & 255;
    }
  }
  const padding = buffer & ((1 << bits) - 1);
  return bits < 5 && padding === 0 ? bytes : null;
}
