import { pipeline, Readable } from "node:stream";
import { createGzip } from "node:zlib";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { ByteRange } from "../storage/blob-store.ts";
import { readByteRange } from "./byte-range.ts";
import { Problem } from "./problem.ts";

/** A text to be downloaded. */
export interface TextDownload {
  /** Made here, of letters, digits, dots and dashes. */
  readonly fileName: string;
  readonly read: () => AsyncIterable<string | Buffer>;
}

/** One whose bytes are known, so that parts of it can be asked for. */
export interface RangedDownload {
  readonly fileName: string;
  readonly length: number;
  readonly read: (range: { readonly start: number; readonly end: number }) => AsyncIterable<string | Buffer>;
}

/** Text that people or their programs wrote: no browser may take it for anything else. */
function textHeaders(fileName: string): Record<string, string> {
  return {
    "content-type": "text/plain; charset=utf-8",
    "content-disposition": `attachment; filename="${fileName}"`,
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
    "cache-control": "private, no-store",
    vary: "accept-encoding",
  };
}

export function safeFileName(...parts: readonly (string | number)[]): string {
  return parts.map((part) => String(part).replaceAll(/[^A-Za-z0-9.-]+/g, "-")).join("-");
}

export async function sendText(
  request: FastifyRequest,
  reply: FastifyReply,
  { fileName, read }: TextDownload,
): Promise<FastifyReply> {
  reply.headers(textHeaders(fileName));
  const gzip = takesGzip(request);
  if (gzip) reply.header("content-encoding", "gzip");
  if (request.method === "HEAD") return await reply.send();
  const text = Readable.from(read(), { objectMode: true });
  return await reply.send(gzip ? zipped(text) : text);
}

/** All of it, or the one range that is asked for; a compressed answer has no ranges. */
export async function sendRanged(
  request: FastifyRequest,
  reply: FastifyReply,
  { fileName, length, read }: RangedDownload,
): Promise<FastifyReply> {
  const range = readRange(request.headers.range, length);
  const whole = { start: 0, end: length };
  if (range === null && takesGzip(request)) {
    return await sendText(request, reply, { fileName, read: () => read(whole) });
  }
  const { start, end } = range ?? whole;
  reply.headers({
    ...textHeaders(fileName),
    "accept-ranges": "bytes",
    "content-length": String(end - start),
  });
  if (range !== null) reply.code(206).header("content-range", `bytes ${start}-${end - 1}/${length}`);
  if (request.method === "HEAD") return await reply.send();
  return await reply.send(Readable.from(read({ start, end }), { objectMode: true }));
}

/** Null = the whole. */
function readRange(header: string | undefined, length: number): ByteRange | null {
  const range = readByteRange(header, length);
  if (range !== "UNSATISFIABLE") return range;
  const message = `the log has ${length} bytes`;
  throw new Problem(416, "RANGE_NOT_SATISFIABLE", message, { "content-range": `bytes */${length}` });
}

function takesGzip({ headers }: FastifyRequest): boolean {
  if (headers.range !== undefined) return false;
  return /(^|,)\s*gzip\s*(;\s*q=(0?\.0*[1-9]\d*|1(\.0*)?)\s*)?(,|$)/i.test(
    String(headers["accept-encoding"] ?? ""),
  );
}

function zipped(text: Readable): Readable {
  const gzip = createGzip();
  // Fastify looks after the end of the pipe that it sends; an error closes both.
  pipeline(text, gzip, () => undefined);
  return gzip;
}
