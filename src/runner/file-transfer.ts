import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Readable } from "node:stream";
import { ProtocolError, type ProtocolErrorKind } from "./protocol-error.ts";

/** A transfer in which nothing moves for this long is broken. */
const SILENCE_MS = 60_000;
const MAX_ANSWER_BYTES = 64 * 1024;

export interface FileUpload {
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly content: Readable;
  readonly size: number;
  readonly signal: AbortSignal;
}

/** Sends files to the server and fetches them from there, byte by byte: none is ever whole in memory. */
export class FileTransfer {
  private readonly agent: HttpAgent | HttpsAgent;
  private readonly send: typeof httpRequest;

  /** @param base the server without the path of its GraphQL endpoint */
  constructor(
    private readonly base: string,
    private readonly token: string,
  ) {
    const secure = base.startsWith("https:");
    this.agent = secure ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
    this.send = secure ? httpsRequest : httpRequest;
  }

  /** @returns the server's answer; rejects with a ProtocolError */
  async put<T>({ path, query, content, size, signal }: FileUpload): Promise<T> {
    const url = `${this.base}${path}?${new URLSearchParams(query)}`;
    const headers = {
      authorization: `Bearer ${this.token}`,
      "content-type": "application/octet-stream",
      "content-length": size,
    };
    const response = await this.request(url, { method: "PUT", headers, signal }, content);
    const body = await readText(response);
    if (response.statusCode === 200) return JSON.parse(body) as T;
    throw refusal(response, body);
  }

  /** The link says who may: no token is sent. Rejects with a ProtocolError, or when the content does not arrive whole. */
  async get(link: string, signal: AbortSignal, take: (content: Readable) => Promise<void>): Promise<void> {
    const response = await this.request(`${this.base}${link}`, { method: "GET", headers: {}, signal });
    if (response.statusCode !== 200) {
      throw refusal(response, await readText(response));
    }
    response.setTimeout(SILENCE_MS, () => response.destroy(new Error("the server fell silent")));
    await take(response);
  }

  close(): void {
    this.agent.destroy();
  }

  /** An answer may come before all was sent: then the rest is not wanted. */
  private request(url: string, options: RequestParts, content?: Readable): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const request = this.send(url, { ...options, agent: this.agent });
      request.setTimeout(SILENCE_MS, () => request.destroy(new Error("the server fell silent")));
      request.on("error", (error) => {
        content?.destroy();
        reject(new ProtocolError(options.signal.aborted ? "ABORTED" : "UNREACHABLE", error.message));
      });
      request.on("response", (response) => {
        content?.unpipe(request).destroy();
        response.once("close", () => {
          if (!request.writableFinished) request.destroy();
        });
        resolve(response);
      });
      if (content === undefined) request.end();
      else content.on("error", (error) => request.destroy(error)).pipe(request);
    });
  }
}

interface RequestParts {
  readonly method: "GET" | "PUT";
  readonly headers: Readonly<Record<string, string | number>>;
  readonly signal: AbortSignal;
}

function refusal({ statusCode }: IncomingMessage, body: string): ProtocolError {
  const { message, code } = faultIn(body);
  return new ProtocolError(kindOf(statusCode!, code), message ?? `HTTP ${statusCode}`);
}

function kindOf(status: number, code: string | undefined): ProtocolErrorKind {
  if (code === "SESSION_LOST") return "SESSION_LOST";
  if (status === 401) return "UNAUTHORIZED";
  return status >= 500 || status === 429 ? "FAULT" : "REFUSED";
}

function faultIn(body: string): { readonly message?: string; readonly code?: string } {
  try {
    const { errors } = JSON.parse(body) as { errors?: { message: string; extensions: { code: string } }[] };
    const [error] = errors ?? [];
    return error === undefined ? {} : { message: error.message, code: error.extensions.code };
  } catch {
    // A proxy's own words say less than the status.
    return {};
  }
}

async function readText(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const part of response as AsyncIterable<Buffer>) {
      size += part.length;
      if (size <= MAX_ANSWER_BYTES) parts.push(part);
    }
  } catch (error) {
    throw new ProtocolError("UNREACHABLE", (error as Error).message);
  }
  return Buffer.concat(parts).toString("utf8");
}
