import { createHash } from "node:crypto";
import { artifactPathFault } from "../domain/artifact-paths.ts";
import type { Bus } from "../domain/bus.ts";
import type { Clock } from "../domain/clock.ts";
import {
  type AddedArtifact,
  addArtifact,
  artifactOfLease,
  holdsStep,
  type NewArtifact,
} from "../persistence/artifact-store.ts";
import type { Database } from "../persistence/database.ts";
import { newKey } from "../persistence/keys.ts";
import { noteBlob } from "../persistence/orphan-blobs.ts";
import type { BlobStore } from "../storage/blob-store.ts";

export type ArtifactUpload = Omit<NewArtifact, "id" | "blobKey">;

/** BAD: never acceptable as it is. TOO_LARGE, CONFLICT: nor are these. STALE: the step is not the session's any more. */
export type ArtifactRefusalKind = "BAD" | "TOO_LARGE" | "CONFLICT" | "STALE";

export class ArtifactRefused extends Error {
  readonly kind: ArtifactRefusalKind;

  constructor(kind: ArtifactRefusalKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

export interface ArtifactKeeper {
  readonly database: Database;
  readonly clock: Clock;
  readonly bus: Bus;
  readonly blobs: BlobStore;
  readonly maxBytes: number;
}

/**
 * Keeps one file of a step whole, or nothing of it. Sent again, it is the artifact from before.
 * @param content is read only when it is needed
 * @returns the artifact's id
 * @throws ArtifactRefused
 */
export async function keepArtifact(
  keeper: ArtifactKeeper,
  upload: ArtifactUpload,
  content: AsyncIterable<Uint8Array>,
): Promise<string> {
  const { database, clock, blobs, bus } = keeper;
  const present = await checkUpload(keeper, upload);
  if (present !== null) return present;
  const id = newKey(clock);
  const blobKey = `runs/${upload.runId}/artifacts/${id}`;
  await noteBlob(database, blobKey, clock.now());
  await blobs.put(blobKey, exactly(content, upload));
  const stored = await addArtifact(database, { ...upload, id, blobKey }, clock.now());
  // What got no row is swept up later.
  const { id: known, lastSeq } = accepted(stored, upload);
  if (lastSeq !== null) bus.publish({ topic: "run", runId: upload.runId, lastSeq });
  return known;
}

/** Everything that can be said before the first byte. @returns the artifact that it is already */
async function checkUpload(
  { database, maxBytes }: ArtifactKeeper,
  upload: ArtifactUpload,
): Promise<string | null> {
  const { path, sizeBytes, sha256, session } = upload;
  const fault = artifactPathFault(path);
  if (fault !== null) throw new ArtifactRefused("BAD", `the path ${JSON.stringify(path)} ${fault}`);
  if (sizeBytes > maxBytes)
    throw new ArtifactRefused("TOO_LARGE", `${path} has ${sizeBytes} bytes, more than ${maxBytes}`);
  if (!(await holdsStep(database, session, upload))) throw stale();
  const present = await artifactOfLease(database, upload, path);
  if (present === null) return null;
  if (present.sha256 !== sha256) throw conflict(path);
  return present.id;
}

function accepted(stored: AddedArtifact, { path }: ArtifactUpload): NonNullable<AddedArtifact> {
  if (stored === null) throw stale();
  if (stored.conflict) throw conflict(path);
  return stored;
}

function stale(): ArtifactRefused {
  return new ArtifactRefused("STALE", "the step is not the session's any more");
}

function conflict(path: string): ArtifactRefused {
  return new ArtifactRefused("CONFLICT", `this attempt has kept another file as ${path}`);
}

/** Passes the content on, and fails at once, or at its end, when it is not what was announced. */
async function* exactly(
  content: AsyncIterable<Uint8Array>,
  { path, sizeBytes, sha256 }: ArtifactUpload,
): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of content) {
    size += chunk.length;
    if (size > sizeBytes) throw new ArtifactRefused("BAD", `${path} has more bytes than were announced`);
    hash.update(chunk);
    yield chunk;
  }
  if (size !== sizeBytes || hash.digest("hex") !== sha256)
    throw new ArtifactRefused("BAD", `${path} is not the file that was announced`);
}
