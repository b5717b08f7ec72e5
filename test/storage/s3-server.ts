import { createHash, createHmac, randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";

const ACCESS_KEY = "AKIDEXAMPLE";
const SECRET_KEY = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const REGION = "eu-test-1";
const MIN_PART_BYTES = 5 * 1024 * 1024;

interface Answer {
  readonly status: number;
  readonly body?: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Upload {
  readonly key: string;
  readonly at: Date;
  readonly parts: Map<number, Buffer>;
}

/**
 * Stands for the protocol of S3, as far as blobs need it: it recomputes the signature of every request and keeps the
 * objects in memory. It is no S3: what a real store does beyond the protocol is not seen with it.
 */
export class S3Server implements AsyncDisposable {
  readonly objects = new Map<string, Buffer>();
  readonly uploads = new Map<string, Upload>();
  /** The bodies of requests, by size. */
  largestBody = 0;
  /** As many requests are answered with this status before they are looked at. */
  faults: number[] = [];
  /** Whether what was uploaded in parts cannot be put together. */
  completes = true;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer(async (request, response) => {
      const parts: Buffer[] = [];
      for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
      const answer = this.#answer(request, Buffer.concat(parts));
      response.writeHead(answer.status, answer.headers).end(answer.body);
    });
  }

  static async start(): Promise<S3Server> {
    const server = new S3Server();
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  get settings() {
    const { port } = this.#server.address() as AddressInfo;
    return {
      endpoint: `http://127.0.0.1:${port}`,
      bucket: "blobs",
      region: REGION,
      accessKeyId: ACCESS_KEY,
      secretAccessKey: SECRET_KEY,
      prefix: "runcast/",
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(request: IncomingMessage, body: Buffer): Answer {
    this.largestBody = Math.max(this.largestBody, body.length);
    const fault = this.faults.shift();
    if (fault !== undefined) return { status: fault, body: "<Error><Code>Injected</Code></Error>" };
    if (!isSigned(request, body))
      return { status: 403, body: "<Error><Code>SignatureDoesNotMatch</Code></Error>" };
    const url = new URL(request.url!, "http://s3");
    const [, bucket, ...rest] = url.pathname.split("/");
    if (bucket !== "blobs") return { status: 404, body: "<Error><Code>NoSuchBucket</Code></Error>" };
    const key = rest.join("/");
    const { searchParams: query } = url;
    switch (`${request.method} ${[...query.keys()].sort().join()}`) {
      case "PUT ":
        this.objects.set(key, body);
        return { status: 200 };
      case "GET ":
        return this.#get(key, request.headers.range);
      case "POST delete":
        return this.#delete(request, body);
      case "POST uploads":
        return this.#begin(key);
      case "GET prefix,uploads":
        return this.#list();
      case "PUT partNumber,uploadId":
        this.uploads.get(query.get("uploadId")!)!.parts.set(Number(query.get("partNumber")), body);
        return { status: 200, headers: { etag: `"${hashOf(body)}"` } };
      case "POST uploadId":
        return this.#complete(query.get("uploadId")!, body.toString());
      case "DELETE uploadId":
        return { status: this.uploads.delete(query.get("uploadId")!) ? 204 : 404 };
      default:
        return { status: 400, body: "<Error><Code>NotImplemented</Code></Error>" };
    }
  }

  #get(key: string, range: string | undefined): Answer {
    const object = this.objects.get(key);
    if (object === undefined) return { status: 404, body: "<Error><Code>NoSuchKey</Code></Error>" };
    const found = /^bytes=(\d+)-(\d+)$/.exec(range ?? "");
    if (found === null) return { status: 200, body: object };
    return { status: 206, body: object.subarray(Number(found[1]), Number(found[2]) + 1) };
  }

  #delete({ headers }: IncomingMessage, body: Buffer): Answer {
    if (headers["content-md5"] !== createHash("md5").update(body).digest("base64")) return { status: 400 };
    for (const [, key] of body.toString().matchAll(/<Key>(.*?)<\/Key>/g)) this.objects.delete(key!);
    return { status: 200, body: "<DeleteResult></DeleteResult>" };
  }

  #begin(key: string): Answer {
    const id = randomUUID();
    this.uploads.set(id, { key, at: new Date(), parts: new Map() });
    return {
      status: 200,
      body: `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
    };
  }

  #list(): Answer {
    const uploads = [...this.uploads].map(
      ([id, { key, at }]) =>
        `<Upload><Key>${key}</Key><UploadId>${id}</UploadId><Initiated>${at.toISOString()}</Initiated></Upload>`,
    );
    return {
      status: 200,
      body: `<ListMultipartUploadsResult>${uploads.join("")}</ListMultipartUploadsResult>`,
    };
  }

  #complete(id: string, list: string): Answer {
    const { key, parts } = this.uploads.get(id)!;
    const named = [...list.matchAll(/<PartNumber>(\d+)<\/PartNumber><ETag>"(.*?)"<\/ETag>/g)];
    const bodies = named.map(([, number]) => parts.get(Number(number))!);
    const isWhole = named.every(([, , tag], i) => tag === hashOf(bodies[i]!));
    // Both are a 200 with an error in it, as the protocol has it: the answer has begun before the work is done.
    if (!this.completes) return { status: 200, body: "\n<Error><Code>InternalError</Code></Error>" };
    if (!isWhole || bodies.slice(0, -1).some(({ length }) => length < MIN_PART_BYTES))
      return { status: 200, body: "<Error><Code>InvalidPart</Code></Error>" };
    this.uploads.delete(id);
    this.objects.set(key, Buffer.concat(bodies));
    return { status: 200, body: "<CompleteMultipartUploadResult></CompleteMultipartUploadResult>" };
  }
}

function hashOf(content: string | Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}

/** Signature Version 4, written down from its specification. */
function isSigned({ method, url: address, headers }: IncomingMessage, body: Buffer): boolean {
  const form =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, SignedHeaders=([^,]+), Signature=(\w+)$/;
  const found = form.exec(headers.authorization ?? "");
  if (found === null || headers["x-amz-content-sha256"] !== hashOf(body)) return false;
  const [, accessKey, date, region, signedHeaders, signature] = found as unknown as string[];
  const url = new URL(address!, "http://s3");
  const encode = (text: string): string =>
    encodeURIComponent(text).replaceAll(
      /[!'()*]/g,
      (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
    );
  const canonical = [
    method,
    decodeURIComponent(url.pathname).split("/").map(encode).join("/"),
    [...url.searchParams]
      .map((pair) => pair.map(encode).join("="))
      .sort()
      .join("&"),
    ...signedHeaders!.split(";").map((name) => `${name}:${String(headers[name]).trim()}`),
    "",
    signedHeaders,
    hashOf(body),
  ].join("\n");
  const scope = `${date}/${region}/s3/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, hashOf(canonical)].join("\n");
  const hmac = (key: string | Buffer, data: string): Buffer =>
    createHmac("sha256", key).update(data).digest();
  const key = [region!, "s3", "aws4_request"].reduce(hmac, hmac(`AWS4${SECRET_KEY}`, date!));
  return accessKey === ACCESS_KEY && region === REGION && hmac(key, text).toString("hex") === signature;
}
