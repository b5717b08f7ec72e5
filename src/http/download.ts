import type { FastifyReply, FastifyRequest } from "fastify";
import type { ByteRange } from "../storage/blob-store.ts";
import { readByteRange } from "./byte-range.ts";
import { Problem } from "./problem.ts";

/** Nothing that people or their programs have made may run in somebody's browser, or be taken for anything else. */
export function setDownloadHeaders(
  reply: FastifyReply,
  { fileName, type, cache }: { fileName: string; type: string; cache: "no-store" | "no-cache" },
): void {
  const plain = fileName.replaceAll(/[^\w.-]/g, "_");
  const encoded = encodeURIComponent(fileName).replaceAll(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16)}`,
  );
  const name = plain === fileName ? "" : `; filename*=UTF-8''${encoded}`;
  reply.headers({
    "content-type": type,
    "content-disposition": `attachment; filename="${plain}"${name}`,
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
    "cache-control": `private, ${cache}`,
  });
}

/** The one range that is asked for; null = the whole of a file of this size. */
export function requestedRange({ headers }: FastifyRequest, size: number): ByteRange | null {
  const range = readByteRange(headers.range, size);
  if (range !== "UNSATISFIABLE") return range;
  const message = `the file has ${size} bytes`;
  throw new Problem(416, "RANGE_NOT_SATISFIABLE", message, { "content-range": `bytes */${size}` });
}

export function setRangeHeaders(reply: FastifyReply, range: ByteRange | null, size: number): void {
  const { start, end } = range ?? { start: 0, end: size };
  reply.headers({ "accept-ranges": "bytes", "content-length": String(end - start) });
  if (range !== null) reply.code(206).header("content-range", `bytes ${start}-${end - 1}/${size}`);
}
