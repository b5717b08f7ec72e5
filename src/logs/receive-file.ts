import { randomUUID } from "node:crypto";
import type { Clock } from "../domain/clock.ts";
import type { StoredPart } from "../persistence/log-file-store.ts";
import { noteBlob } from "../persistence/orphan-blobs.ts";
import type { Queryable } from "../persistence/queries/queryable.ts";
import type { BlobStore } from "../storage/blob-store.ts";
import {
  type Bytes,
  bounded,
  FileRefusedError,
  inflated,
  type MaskStream,
  masked,
  sniff,
} from "./file-content.ts";

interface Receiving {
  readonly database: Queryable;
  readonly blobs: BlobStore;
  readonly clock: Clock;
}

export interface Incoming {
  readonly runId: string;
  readonly content: Bytes;
  /** Of the content as it is kept, so after inflating. */
  readonly maxBytes: number;
  readonly mask: MaskStream | null;
  /** The sender says that it is gzip. */
  readonly gzip?: boolean;
  /** It goes on with a file of which a part is kept: what its first bytes look like means nothing. */
  readonly continued?: boolean;
}

export interface Received extends StoredPart {
  /** Sending broke off; what came before is kept. Never of gzip, which cannot be gone on with. */
  readonly cut: boolean;
  /** It was inflated. */
  readonly inflated: boolean;
}

/**
 * Takes the content of a file into the store while it comes, within bounds of size and memory. Refused content leaves
 * nothing behind. Nobody owns the blob until the caller stores a row for it.
 */
export async function receiveFile(
  { database, blobs, clock }: Receiving,
  { runId, content, maxBytes, mask, gzip = false, continued = false }: Incoming,
): Promise<Received> {
  const sniffed = continued ? { gzip: false, content } : await sniff(content);
  if (gzip && !sniffed.gzip) throw new FileRefusedError("NOT_TAKEN", "the file is not valid gzip");
  const state = { cut: false };
  const source = sniffed.gzip ? inflated(sniffed.content) : untilCut(sniffed.content, state);
  const blobKey = `runs/${runId}/log-files/${randomUUID()}`;
  await noteBlob(database, blobKey, clock.now());
  const whole = bounded(source, maxBytes);
  const bytes = await blobs.put(blobKey, mask === null ? whole : maskedUntilCut(whole, mask, state));
  return { blobKey, bytes, cut: state.cut, inflated: sniffed.gzip };
}

/** Ends where the sender goes away: all that came is good. */
async function* untilCut(source: Bytes, state: { cut: boolean }): AsyncGenerator<Uint8Array, void, void> {
  try {
    yield* source;
  } catch (error) {
    if (!isHangUp(error)) throw error;
    state.cut = true;
  }
}

/** What the mask holds back when sending breaks off is sent again: it may be the beginning of a secret. */
async function* maskedUntilCut(
  source: Bytes,
  mask: MaskStream,
  state: { readonly cut: boolean },
): AsyncGenerator<Uint8Array, void, void> {
  yield* masked(source, {
    push: (chunk) => mask.push(chunk),
    end: () => (state.cut ? new Uint8Array(0) : mask.end()),
  });
}

function isHangUp(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return code === "ECONNRESET" || code === "ERR_STREAM_PREMATURE_CLOSE" || code === "ECONNABORTED";
}
