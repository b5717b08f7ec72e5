import {
  ArtifactError,
  type ArtifactFile,
  contentOf,
  describeArtifact,
  findArtifacts,
  openArtifact,
} from "./artifact-files.ts";
import type { ArtifactHost } from "./artifact-host.ts";
import { ArtifactLedger } from "./artifact-ledger.ts";
import { inParallel } from "./in-parallel.ts";
import { isProtocolError } from "./protocol-error.ts";
import type { RunDirectory } from "./workspace.ts";

const PARALLEL = 4;

export interface KeepOptions {
  readonly globs: readonly string[];
  readonly directory: RunDirectory;
  readonly host: ArtifactHost;
  readonly signal: AbortSignal;
  readonly note: (text: string) => void;
}

/**
 * Sends the files that a step has made to the server.
 * @throws ArtifactError when not all of them are kept; a ProtocolError when this was given up
 */
export async function keepArtifacts({ globs, directory, host, signal, note }: KeepOptions): Promise<void> {
  if (globs.length === 0) return;
  const paths = await findArtifacts(directory.workspace, globs);
  const ledger = await ArtifactLedger.open(directory);
  const sizes: number[] = [];
  await inParallel(paths, PARALLEL, async (path) => {
    const size = await keepOne(path, { directory, host, signal, ledger });
    if (size !== null) sizes.push(size);
  });
  const links = paths.length - sizes.length;
  if (links > 0) note(`left out ${filesText(links)} behind symbolic links`);
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  note(
    sizes.length > 0
      ? `kept ${filesText(sizes.length)}, ${sizeText(bytes)}`
      : `nothing to keep: no file matches ${globs.join(", ")}`,
  );
}

interface KeepOne extends Pick<KeepOptions, "directory" | "host" | "signal"> {
  readonly ledger: ArtifactLedger;
}

/** @returns its size, or null when it is not kept */
async function keepOne(path: string, { directory, host, signal, ledger }: KeepOne): Promise<number | null> {
  const handle = await openArtifact(directory.workspace, path);
  if (handle === null) return null;
  try {
    const { size } = await handle.stat();
    if (size > host.maxBytes)
      throw new ArtifactError(
        `${path} has ${sizeText(size)}, more than one artifact may have: ${sizeText(host.maxBytes)}`,
      );
    const file = await describeArtifact(path, handle);
    const id = await host.upload(file, () => contentOf(handle), signal).catch((error) => refuse(file, error));
    await ledger.add(id);
    return file.size;
  } finally {
    await handle.close();
  }
}

function refuse({ path }: ArtifactFile, error: unknown): never {
  if (isProtocolError(error, "REFUSED")) throw new ArtifactError(`${path} was not kept: ${error.message}`);
  throw error;
}

export function filesText(count: number): string {
  return `${count} ${count === 1 ? "file" : "files"}`;
}

const UNITS = ["bytes", "KiB", "MiB", "GiB"] as const;

export function sizeText(bytes: number): string {
  const unit = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), UNITS.length - 1);
  const value = bytes / 1_024 ** unit;
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}
