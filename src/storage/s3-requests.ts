import { createHash } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { AwsClient } from "aws4fetch";

export interface S3Settings {
  /** Such as https://s3.eu-central-1.amazonaws.com; the bucket is a part of the path. */
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Before every key, for a bucket that others use as well. */
  readonly prefix: string;
}

export interface S3Request {
  readonly method: "GET" | "PUT" | "POST" | "DELETE";
  /** Of the object, with the prefix; empty for the bucket itself. */
  readonly key: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer>;
  readonly signal?: AbortSignal | undefined;
}

const TRIES = 4;
const FIRST_WAIT_MS = 100;
/** For the head of an answer; the body of a blob may take as long as its reader does. */
const ANSWER_TIMEOUT_MS = 60_000;
const MAX_FAULT_LENGTH = 300;

/** Signed requests to one bucket. What may pass is tried again, and every other failure is an error. */
export class S3Requests {
  readonly #client: AwsClient;
  readonly #bucketUrl: string;

  constructor({ endpoint, bucket, region, accessKeyId, secretAccessKey }: S3Settings) {
    this.#client = new AwsClient({ accessKeyId, secretAccessKey, region, service: "s3" });
    this.#bucketUrl = `${endpoint.replace(/\/+$/, "")}/${bucket}`;
  }

  /** @returns null when there is no such object */
  async send(request: S3Request): Promise<Response | null> {
    for (let tries = 1; ; tries++) {
      const answer = await this.#once(request).catch((error: unknown) => {
        if (request.signal?.aborted || tries === TRIES) throw error;
        return null;
      });
      if (answer?.ok) return answer;
      if (answer?.status === 404) {
        await answer.body?.cancel();
        return null;
      }
      if (answer !== null && (tries === TRIES || !mayPass(answer.status)))
        throw new Error(
          `the object store refused ${request.method} ${request.key}: ${await faultOf(answer)}`,
        );
      await answer?.body?.cancel();
      await setTimeout(Math.random() * FIRST_WAIT_MS * 2 ** tries, undefined, {
        ...(request.signal && { signal: request.signal }),
      });
    }
  }

  /** For what is answered with XML, also when it went wrong. */
  async ask(request: S3Request): Promise<string> {
    const answer = await this.send(request);
    const text = (await answer?.text()) ?? "";
    if (answer === null || text.includes("<Error>"))
      throw new Error(
        `the object store refused ${request.method} ${request.key}: ${shortened(text) || "404"}`,
      );
    return text;
  }

  async #once({ method, key, query = {}, headers = {}, body, signal }: S3Request): Promise<Response> {
    const url = new URL(key === "" ? this.#bucketUrl : `${this.#bucketUrl}/${key}`);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const hash = createHash("sha256")
      .update(body ?? "")
      .digest("hex");
    const signed = await this.#client.sign(url.href, {
      method,
      headers: { ...headers, "x-amz-content-sha256": hash },
      ...(body && { body }),
    });
    const patience = new AbortController();
    const timer = globalThis.setTimeout(() => patience.abort(), ANSWER_TIMEOUT_MS);
    const signals = signal === undefined ? [patience.signal] : [patience.signal, signal];
    return await fetch(signed, { signal: AbortSignal.any(signals) }).finally(() => clearTimeout(timer));
  }
}

function mayPass(status: number): boolean {
  return status >= 500 || status === 429;
}

async function faultOf(answer: Response): Promise<string> {
  return `HTTP ${answer.status} ${shortened(await answer.text().catch(() => ""))}`.trim();
}

function shortened(text: string): string {
  return text.replaceAll(/\s+/g, " ").slice(0, MAX_FAULT_LENGTH);
}
