import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { type BlobStore, type ByteRange, checkBlobKey } from "./blob-store.ts";
import { S3Requests, type S3Settings } from "./s3-requests.ts";

/** S3 takes no smaller parts than 5 MiB, but for the last, and no more than 10,000: a blob may have 80 GiB. */
const PART_BYTES = 8 * 1024 * 1024;
/** What S3 deletes in one request. */
const MAX_DELETED = 1_000;

/** Blobs as objects of a bucket of Amazon S3, or of any store that speaks its protocol. */
export class S3Store implements BlobStore {
  readonly #requests: S3Requests;
  readonly #prefix: string;

  constructor(settings: S3Settings) {
    this.#requests = new S3Requests(settings);
    this.#prefix = settings.prefix;
  }

  /** A blob of one part is one request; a bigger one is never in memory beyond its current part. */
  async put(key: string, content: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<number> {
    const object = this.#objectOf(key);
    const parts = partsOf(content, signal);
    const { value: first = new Uint8Array() } = await parts.next();
    if (first.length < PART_BYTES) {
      await this.#requests.ask({ method: "PUT", key: object, body: first, signal });
      return first.length;
    }
    const started = await this.#requests.ask({ method: "POST", key: object, query: { uploads: "" }, signal });
    const uploadId = textIn(started, "UploadId");
    try {
      return await this.#sendParts(object, uploadId, first, parts, signal);
    } catch (error) {
      await this.#abort(object, uploadId).catch(() => undefined);
      throw error;
    }
  }

  async get(key: string, range?: ByteRange): Promise<Readable | null> {
    if (range !== undefined && range.end <= range.start) return Readable.from([]);
    const headers = range && { range: `bytes=${range.start}-${range.end - 1}` };
    const answer = await this.#requests.send({
      method: "GET",
      key: this.#objectOf(key),
      ...(headers && { headers }),
    });
    if (answer === null) return null;
    return answer.body === null ? Readable.from([]) : Readable.fromWeb(answer.body);
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (let at = 0; at < keys.length; at += MAX_DELETED) {
      const objects = keys.slice(at, at + MAX_DELETED).map((key) => this.#objectOf(key));
      const list = objects.map((object) => `<Object><Key>${object}</Key></Object>`).join("");
      const body = Buffer.from(`<Delete><Quiet>true</Quiet>${list}</Delete>`);
      const headers = { "content-md5": createHash("md5").update(body).digest("base64") };
      await this.#requests.ask({ method: "POST", key: "", query: { delete: "" }, headers, body });
    }
  }

  async sweepUnfinished(before: Date): Promise<void> {
    const query = { uploads: "", prefix: this.#prefix };
    // The store answers at most 1,000 at once: the others come the next time.
    const listed = await this.#requests.ask({ method: "GET", key: "", query });
    for (const [, upload] of listed.matchAll(/<Upload>(.*?)<\/Upload>/gs)) {
      if (new Date(textIn(upload!, "Initiated")) >= before) continue;
      await this.#abort(textIn(upload!, "Key"), textIn(upload!, "UploadId"));
    }
  }

  async #sendParts(
    key: string,
    uploadId: string,
    first: Uint8Array<ArrayBuffer>,
    rest: AsyncIterable<Uint8Array<ArrayBuffer>>,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    const tags: string[] = [];
    let size = 0;
    const sendPart = async (body: Uint8Array<ArrayBuffer>): Promise<void> => {
      const query = { partNumber: String(tags.length + 1), uploadId };
      const answer = await this.#requests.send({ method: "PUT", key, query, body, signal });
      const tag = answer?.headers.get("etag") ?? null;
      if (tag === null) throw new Error(`the object store did not take a part of ${key}`);
      tags.push(tag);
      size += body.length;
    };
    await sendPart(first);
    for await (const part of rest) await sendPart(part);
    const list = tags.map((tag, i) => `<Part><PartNumber>${i + 1}</PartNumber><ETag>${tag}</ETag></Part>`);
    const body = Buffer.from(`<CompleteMultipartUpload>${list.join("")}</CompleteMultipartUpload>`);
    await this.#requests.ask({ method: "POST", key, query: { uploadId }, body, signal });
    return size;
  }

  async #abort(key: string, uploadId: string): Promise<void> {
    await this.#requests.send({ method: "DELETE", key, query: { uploadId } });
  }

  #objectOf(key: string): string {
    checkBlobKey(key);
    return `${this.#prefix}${key}`;
  }
}

/** The content in parts of PART_BYTES, but for the last one. */
async function* partsOf(
  content: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array<ArrayBuffer>, undefined> {
  let chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of content) {
    signal?.throwIfAborted();
    for (let at = 0; at < chunk.length; ) {
      const piece = chunk.subarray(at, at + PART_BYTES - size);
      chunks.push(piece);
      at += piece.length;
      size += piece.length;
      if (size < PART_BYTES) continue;
      yield Buffer.concat(chunks);
      chunks = [];
      size = 0;
    }
  }
  if (size > 0) yield Buffer.concat(chunks);
}

function textIn(xml: string, tag: string): string {
  const text = new RegExp(`<${tag}>([^<]*)</${tag}>`).exec(xml)?.[1];
  if (text === undefined) throw new Error(`the object store's answer has no ${tag}`);
  return text.replaceAll("&quot;", '"').replaceAll("&amp;", "&");
}
