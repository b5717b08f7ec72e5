import { createHash, randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { lstat, mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { artifactPathFault } from "../domain/artifact-paths.ts";
import { ArtifactError } from "./artifact-files.ts";
import type { ArtifactHost } from "./artifact-host.ts";
import { ArtifactLedger } from "./artifact-ledger.ts";
import { inParallel } from "./in-parallel.ts";
import { filesText, sizeText } from "./keep-artifacts.ts";
import type { TaskArtifact } from "./protocol.ts";
import { isProtocolError } from "./protocol-error.ts";
import { pause } from "./waiting.ts";
import type { RunDirectory } from "./workspace.ts";

const PARALLEL = 4;
const TRIES = 5;
const RETRY_MS = 200;

export interface PlaceOptions {
  readonly directory: RunDirectory;
  readonly host: ArtifactHost;
  readonly signal: AbortSignal;
  readonly note: (text: string) => void;
}

/**
 * Puts the files of earlier steps and of the source run into the workspace, as far as they are not there already. Must
 * not run twice at once for one workspace.
 * @throws ArtifactError; a ProtocolError when this was given up
 */
export async function placeArtifacts({ directory, host, signal, note }: PlaceOptions): Promise<void> {
  const ledger = await ArtifactLedger.open(directory);
  let placed = 0;
  let bytes = 0;
  let tries = 0;
  let after: string | null = null;
  for (;;) {
    const page = await host.list(after, signal);
    if (after === null && page.sourceRunIsGone)
      note("the source run is deleted: none of its files are placed");
    try {
      const wanted = page.artifacts.filter(({ id }) => !ledger.has(id));
      await inParallel(wanted, PARALLEL, async (artifact) => {
        await placeOne(artifact, { directory, host, signal });
        await ledger.add(artifact.id);
        placed++;
        bytes += artifact.sizeBytes;
      });
      tries = 0;
    } catch (error) {
      // The page is asked for again: its links may have ended, or what they led to.
      if (signal.aborted || error instanceof ArtifactError || ++tries === TRIES) throw error;
      await pause(RETRY_MS * 2 ** tries, signal);
      continue;
    }
    after = page.next;
    if (after === null) break;
  }
  if (placed > 0) note(`placed ${filesText(placed)}, ${sizeText(bytes)}`);
}

/** Fetched beside the workspace, and moved into it once it is whole. */
async function placeOne(
  { path, url, sizeBytes, sha256, executable }: TaskArtifact,
  { directory, host, signal }: Pick<PlaceOptions, "directory" | "host" | "signal">,
): Promise<void> {
  const fault = artifactPathFault(path);
  if (fault !== null) throw new ArtifactError(`${JSON.stringify(path)} cannot be placed: its path ${fault}`);
  const part = join(directory.outputs, `part.${randomUUID()}`);
  try {
    await host.download(url, signal, async (content) => {
      const found = await store(content, part, executable);
      if (found.size !== sizeBytes || found.sha256 !== sha256)
        throw new Error(`${path} did not arrive whole`);
    });
    await makeFolders(directory.workspace, path);
    await rename(part, join(directory.workspace, path)).catch((error: Error) => {
      throw new ArtifactError(`${path} cannot be placed: ${error.message}`);
    });
  } catch (error) {
    await rm(part, { force: true });
    if (isProtocolError(error, "REFUSED")) throw new Error(`${path} cannot be fetched: ${error.message}`);
    throw error;
  }
}

async function store(content: Readable, file: string, executable: boolean) {
  const hash = createHash("sha256");
  let size = 0;
  const target = createWriteStream(file, { flags: "wx", mode: executable ? 0o755 : 0o644 });
  const counted = async function* (chunks: AsyncIterable<Buffer>) {
    for await (const chunk of chunks) {
      hash.update(chunk);
      size += chunk.length;
      yield chunk;
    }
  };
  await pipeline(content, counted, target);
  return { size, sha256: hash.digest("hex") };
}

/** One by one, because a link on the way would lead elsewhere. */
async function makeFolders(workspace: string, path: string): Promise<void> {
  let folder = workspace;
  for (const name of dirname(path)
    .split("/")
    .filter((part) => part !== ".")) {
    folder = join(folder, name);
    await mkdir(folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
    if (!(await lstat(folder)).isDirectory())
      throw new ArtifactError(`${path} cannot be placed: ${name} in the workspace is no folder`);
  }
}
