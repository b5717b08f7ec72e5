import { pipeline, Readable } from "node:stream";
import { createGzip } from "node:zlib";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { ByteRange } from "../storage/blob-store.ts";
import { requestedRange, setDownloadHeaders, setRangeHeaders } from "./download.ts";

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
  readonly read: (range: ByteRange) => AsyncIterable<string | Buffer>;
}

function setTextHeaders(reply: FastifyReply, fileName: string): void {
  setDownloadHeaders(reply, { fileName, type: "text/plain; charset=utf-8", cache: "no-store" });
  reply.header("vary", "accept-encoding");
}

export function safeFileName(...parts: readonly (string | number)[]): string {
  return parts.map((part) => String(part).replaceAll(/[^A-Za-z0-9.-]+/g, "-")).join("-");
}

export async function sendText(
  request: FastifyRequest,
  reply: FastifyReply,
  { fileName, read }: TextDownload,
): Promise<FastifyReply> {
  setTextHeaders(reply, fileName);
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
  const range = requestedRange(request, length);
  const whole = { start: 0, end: length };
  if (range === null && takesGzip(request)) {
    return await sendText(request, reply, { fileName, read: () => read(whole) });
  }
  setTextHeaders(reply, fileName);
  setRangeHeaders(reply, range, length);
  if (request.method === "HEAD") return await reply.send();
  return await reply.send(Readable.from(read(range ?? whole), { objectMode: true }));
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
