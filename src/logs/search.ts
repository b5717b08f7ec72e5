import type { Clock } from "../domain/clock.ts";
import { type LogHead, logHeadsOfRuns } from "../persistence/queries/logs.ts";
import type { RunFilter } from "../persistence/queries/run-filter.ts";
import { listRuns, type RunPosition } from "../persistence/queries/run-list.ts";
import { findRuns, type RunRecord } from "../persistence/queries/runs.ts";
import { type LogSources, readChunks } from "./read-log.ts";
import { countNewlines, type LogLine, parseRecord } from "./records.ts";

export interface SearchRequest {
  readonly projectIds: readonly string[];
  readonly filter: RunFilter;
  /** Taken literally. */
  readonly text: string;
  /** How many matches to find. */
  readonly limit: number;
  readonly from: SearchPosition | null;
}

/** Up to where a search has come: what is before this byte of this log was looked at, and all newer runs. */
export interface SearchPosition {
  readonly createdAt: Date;
  readonly runId: string;
  readonly step: number;
  readonly attempt: number;
  readonly offset: number;
}

export interface LogMatch {
  readonly run: RunRecord;
  readonly step: number;
  readonly attempt: number;
  readonly line: LogLine;
}

export interface SearchResult {
  readonly matches: readonly LogMatch[];
  /** Where to go on; null = everything was looked at. */
  readonly next: SearchPosition | null;
}

/** What one call may look at. */
const MAX_BYTES = 32 * 2 ** 20;
const MAX_RUNS = 500;
const RUNS_AT_ONCE = 50;

/**
 * Looks for a text in the logs of runs, the newest run first and each log from its beginning. One call looks at so much
 * and no more; it says where to go on.
 */
export async function searchLogs(
  sources: LogSources & { readonly clock: Clock },
  request: SearchRequest,
): Promise<SearchResult> {
  const search = new LogSearch(sources, request);
  let from: RunPosition | null = null;
  if (request.from !== null) {
    const { createdAt, runId } = request.from;
    const begun = await findRuns(sources.database, [runId]);
    const next = await search.inRuns(
      begun.filter(({ projectId }) => request.projectIds.includes(projectId)),
      request.from,
    );
    if (next !== null) return { matches: search.matches, next };
    from = { moment: createdAt, id: runId };
  }
  for (let looked = 0; ; looked += RUNS_AT_ONCE) {
    const runs = await nextRuns(sources, request, from);
    const next = await search.inRuns(runs, null);
    if (next !== null) return { matches: search.matches, next };
    const last = runs.at(-1);
    if (last === undefined || runs.length < RUNS_AT_ONCE) return { matches: search.matches, next: null };
    from = { moment: last.createdAt, id: last.id };
    if (looked >= MAX_RUNS) return { matches: search.matches, next: behind(last) };
  }
}

async function nextRuns(
  { database }: LogSources,
  { projectIds, filter }: SearchRequest,
  from: RunPosition | null,
): Promise<RunRecord[]> {
  const order = { field: "CREATED_AT", direction: "DESC" } as const;
  const page = { projectIds, filter, order, backward: false, from, limit: RUNS_AT_ONCE, offset: 0 };
  return await listRuns(database, page);
}

/** No step has this place: the run was looked at whole. */
const LAST = 2 ** 30;

function behind({ createdAt, id }: RunRecord): SearchPosition {
  return { createdAt, runId: id, step: LAST, attempt: 0, offset: 0 };
}

class LogSearch {
  readonly matches: LogMatch[] = [];
  readonly #sources: LogSources & { readonly clock: Clock };
  readonly #text: string;
  readonly #needle: Buffer;
  readonly #limit: number;
  #bytesLeft = MAX_BYTES;

  constructor(sources: LogSources & { readonly clock: Clock }, { text, limit }: SearchRequest) {
    this.#sources = sources;
    this.#text = text;
    this.#needle = Buffer.from(text);
    this.#limit = limit;
  }

  /** @returns where to go on when that was enough; null when all of these runs were looked at */
  async inRuns(runs: readonly RunRecord[], begun: SearchPosition | null): Promise<SearchPosition | null> {
    const { database, clock } = this.#sources;
    const heads = await logHeadsOfRuns(
      database,
      runs.map(({ id }) => id),
      clock.now(),
    );
    for (const run of runs) {
      for (const head of heads.filter(({ runId }) => runId === run.id)) {
        const stopped = await this.#inLog(run, head, startIn(head, begun));
        const { step, attempt } = head;
        if (stopped !== null) {
          return { createdAt: run.createdAt, runId: run.id, step, attempt, offset: stopped };
        }
      }
    }
    return null;
  }

  /** @returns the byte at which it stopped, or null when the whole log was looked at */
  async #inLog(run: RunRecord, head: LogHead, start: number): Promise<number | null> {
    for (let offset = start; !head.dropped && offset < head.length; ) {
      if (this.#bytesLeft <= 0) return offset;
      const chunks = await readChunks(this.#sources, head, offset);
      if (chunks.length === 0) return null;
      for (const { byteOffset, lineOffset, data } of chunks) {
        const skipped = Math.max(offset - byteOffset, 0);
        this.#bytesLeft -= data.length - skipped;
        for (const { line, end } of this.#inChunk(data, skipped, lineOffset)) {
          if (this.matches.length === this.#limit) return offset;
          offset = byteOffset + end;
          this.matches.push({ run, step: head.step, attempt: head.attempt, line });
        }
        if (this.matches.length === this.#limit) return offset;
        offset = byteOffset + data.length;
      }
    }
    return null;
  }

  /** The lines of whole records that hold the text, and where they end. */
  *#inChunk(data: Buffer, from: number, lineOffset: number): Generator<{ line: LogLine; end: number }> {
    let number = lineOffset;
    let counted = 0;
    for (let at = data.indexOf(this.#needle, from); at !== -1; ) {
      const start = data.lastIndexOf(10, at) + 1;
      const end = data.indexOf(10, at) + 1;
      if (end === 0) return;
      number += countNewlines(data.subarray(counted, start));
      counted = start;
      // The time and the name of the stream are no part of the line.
      const line = parseRecord(data.toString("utf8", start, end - 1), number + 1);
      if (line.text.includes(this.#text)) yield { line, end };
      at = data.indexOf(this.#needle, end);
    }
  }
}

function startIn(head: LogHead, begun: SearchPosition | null): number {
  if (begun === null || head.runId !== begun.runId) return 0;
  const order = head.step - begun.step || head.attempt - begun.attempt;
  if (order === 0) return begun.offset;
  return order < 0 ? head.length : 0;
}
