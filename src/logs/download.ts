import { type LogFileRecord, logFilesOfRuns } from "../persistence/queries/log-files.ts";
import { type LogHead, logHeadsOfRuns, type StoredLog } from "../persistence/queries/logs.ts";
import { type LogSources, readChunks, readLines } from "./read-log.ts";

/** What a download of a run's logs is made of. */
export interface RunLogs {
  readonly heads: readonly LogHead[];
  readonly files: readonly LogFileRecord[];
}

const NOT_KEPT = "(this log is not kept any more)\n";

export async function findRunLogs({ database }: LogSources, runId: string, now: Date): Promise<RunLogs> {
  return {
    heads: await logHeadsOfRuns(database, [runId], now),
    files: await logFilesOfRuns(database, [runId]),
  };
}

/** A log for people: `<time> <stream> <text>`, a line for each record. */
export async function* readText(sources: LogSources, log: StoredLog): AsyncGenerator<string, void, void> {
  for (let offset = 0; offset < log.length; ) {
    const read = readLines(log.dropped ? [] : await readChunks(sources, log, offset), offset, null);
    if (read.offset === offset) return yield NOT_KEPT;
    yield read.lines.map(({ at, stream, text }) => `${at.toISOString()} ${stream} ${text}\n`).join("");
    offset = read.offset;
  }
}

/** The logs of all steps in order, and then the files, each below a line that names it. */
export async function* readRunText(
  sources: LogSources,
  { heads, files }: RunLogs,
  refOf: (step: number) => string,
): AsyncGenerator<string | Buffer, void, void> {
  for (const head of heads) {
    yield `=== ${refOf(head.step)} (attempt ${head.attempt}) ===\n`;
    yield* readText(sources, head);
    yield "\n";
  }
  for (const file of files) {
    yield `=== file ${file.name} ===\n`;
    yield* readFileContent(sources, file);
    yield "\n";
  }
}

export async function* readFileContent(
  { blobs }: LogSources,
  { blobKeys }: LogFileRecord,
): AsyncGenerator<Buffer, void, void> {
  for (const key of blobKeys) {
    const content = await blobs.get(key);
    if (content === null) throw new Error(`the file ${key} is missing`);
    for await (const chunk of content) yield chunk as Buffer;
  }
}
