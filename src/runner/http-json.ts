import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";

const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

export interface JsonAnswer {
  readonly status: number;
  readonly body: string;
}

export interface PostOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** Posts JSON to one URL over kept-alive connections. */
export class JsonEndpoint {
  private readonly agent: HttpAgent | HttpsAgent;
  private readonly send: typeof httpRequest;

  constructor(
    private readonly url: URL,
    private readonly headers: Readonly<Record<string, string>>,
  ) {
    const secure = url.protocol === "https:";
    this.agent = secure ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
    this.send = secure ? httpsRequest : httpRequest;
  }

  /** Rejects when no whole HTTP answer arrives in time. */
  async post(payload: unknown, options: PostOptions): Promise<JsonAnswer> {
    const body = Buffer.from(JSON.stringify(payload));
    try {
      return await this.exchange(body, options);
    } catch (error) {
      if (error instanceof StaleConnection) return this.exchange(body, options);
      throw error;
    }
  }

  private exchange(body: Buffer, options: PostOptions): Promise<JsonAnswer> {
    return new Promise((resolve, reject) => {
      const request = this.send(this.url, {
        method: "POST",
        agent: this.agent,
        headers: {
          ...this.headers,
          "content-type": "application/json",
          accept: "application/json",
          "content-length": body.length,
        },
        ...(options.signal && { signal: options.signal }),
      });
      const timer = setTimeout(
        () => request.destroy(new Error(`no answer within ${options.timeoutMs} ms`)),
        options.timeoutMs,
      );
      const fail = (error: NodeJS.ErrnoException) => {
        clearTimeout(timer);
        reject(request.reusedSocket && error.code === "ECONNRESET" ? new StaleConnection() : error);
      };
      request.on("error", fail);
      request.on("response", (response) => {
        readBody(response).then((text) => {
          clearTimeout(timer);
          resolve({ status: response.statusCode ?? 0, body: text });
        }, fail);
      });
      request.end(body);
    });
  }

  close(): void {
    this.agent.destroy();
  }
}

/** The server closed an idle connection just as it was used again; no sign of trouble. */
class StaleConnection extends Error {}

async function readBody(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > MAX_ANSWER_BYTES) throw new Error(`the answer is larger than ${MAX_ANSWER_BYTES} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}
