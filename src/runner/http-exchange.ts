import type { LookupAddress } from "node:dns";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { LookupFunction } from "node:net";
import { pipeline, type Readable } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";

const MAX_BODY_BYTES = 1024 * 1024;

export interface Exchange {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | null;
  /** The only addresses that are connected to. */
  readonly addresses: readonly LookupAddress[];
  readonly signal: AbortSignal;
}

/**
 * Sends one request on a connection of its own and resolves with the head of its answer. No proxy stands between,
 * whatever the environment names: it would connect where the addresses were not looked at.
 */
export function exchange({
  url,
  method,
  headers,
  body,
  addresses,
  signal,
}: Exchange): Promise<IncomingMessage> {
  const send = url.protocol === "https:" ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request = send(url, { method, headers, signal, agent: false, lookup: lookupIn(addresses) });
    request.on("error", reject);
    request.on("response", resolve);
    request.end(body ?? undefined);
  });
}

/** Asked by the connection instead of the system's resolver, in either of two forms. */
function lookupIn(addresses: readonly LookupAddress[]): LookupFunction {
  return (_host, { all }, callback) => {
    const [first] = addresses;
    if (all) callback(null, [...addresses]);
    else callback(null, first!.address, first!.family);
  };
}

/** Servers may compress although they were asked not to. */
const DECODERS = {
  gzip: createGunzip,
  "x-gzip": createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
} as const;

/** The whole body, at most 1 MiB of it when it is unpacked: what is longer is not read to its end. */
export async function readBody(response: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of decoded(response) as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > MAX_BODY_BYTES) {
      response.destroy();
      throw new Error(`the answer's body is larger than ${MAX_BODY_BYTES} bytes`);
    }
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function decoded(response: IncomingMessage): Readable {
  const encoding = response.headers["content-encoding"]?.toLowerCase() ?? "";
  const decoder = Object.hasOwn(DECODERS, encoding) ? DECODERS[encoding as keyof typeof DECODERS] : null;
  // The end of either stream is that of both; whoever reads hears of an error.
  return decoder === null ? response : pipeline(response, decoder(), () => {});
}
