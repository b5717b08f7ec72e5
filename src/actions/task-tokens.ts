import { createHmac, timingSafeEqual } from "node:crypto";
import type { TaskLease } from "../domain/access.ts";

const FORM = /^runcast-task\.([A-Za-z0-9_-]{32})\.([A-Za-z0-9_-]{43})$/;
const UUID_BYTES = 16;

/**
 * Tokens for the processes of a step: each names one lease and is signed by this installation. Whether the lease is
 * still held is asked of the database at every use.
 */
export class TaskTokens {
  readonly #key: Buffer;

  /** @param key the installation's signing key: a token that one replica made is good at every other */
  constructor(key: Buffer) {
    this.#key = key;
  }

  sign({ runId, step, fence }: TaskLease): string {
    const bytes = Buffer.alloc(UUID_BYTES + 8);
    bytes.write(runId.replaceAll("-", ""), "hex");
    bytes.writeInt32BE(step, UUID_BYTES);
    bytes.writeInt32BE(fence, UUID_BYTES + 4);
    const named = bytes.toString("base64url");
    return `runcast-task.${named}.${this.#signatureOf(named)}`;
  }

  /** The lease that a token names; null for everything that was not signed here. */
  verify(token: string): TaskLease | null {
    const [, named, signature] = FORM.exec(token) ?? [];
    if (named === undefined || signature === undefined) return null;
    const expected = Buffer.from(this.#signatureOf(named));
    if (!timingSafeEqual(expected, Buffer.from(signature))) return null;
    const bytes = Buffer.from(named, "base64url");
    const runId = bytes.toString("hex", 0, UUID_BYTES).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
    return { runId, step: bytes.readInt32BE(UUID_BYTES), fence: bytes.readInt32BE(UUID_BYTES + 4) };
  }

  #signatureOf(named: string): string {
    return createHmac("sha256", this.#key).update(`task\n${named}`).digest("base64url");
  }
}
