import { waitFor } from "../support/wait-for.ts";
import type { GraphQLProblem, StreamMessage } from "./sockets.ts";

export interface StreamRequest {
  readonly token?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  /** With GET the operation is in the address. */
  readonly method?: "GET" | "POST";
}

export interface Operation {
  readonly query?: unknown;
  readonly variables?: unknown;
}

/** One answer of /graphql/stream as it comes over the wire, without the reconnecting of a client. */
export class ServerSentEvents implements AsyncDisposable {
  readonly response: Response;
  readonly messages: StreamMessage[] = [];
  readonly problems: GraphQLProblem[] = [];
  comments = 0;
  completed = false;
  ended = false;
  readonly #control: AbortController;

  private constructor(response: Response, control: AbortController) {
    this.response = response;
    this.#control = control;
    void this.#read().finally(() => {
      this.ended = true;
    });
  }

  static async open(url: string, operation: Operation, request: StreamRequest): Promise<ServerSentEvents> {
    const control = new AbortController();
    return new ServerSentEvents(await ask(url, operation, request, control.signal), control);
  }

  get types(): string[] {
    return this.messages.map(({ __typename }) => __typename);
  }

  async until(type: string): Promise<void> {
    await waitFor(`a ${type}`, () => this.types.includes(type), { everyMs: 1 });
  }

  async end(): Promise<void> {
    await waitFor("the end of the stream", () => this.ended, { everyMs: 1 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#control.abort();
    await this.end();
  }

  async #read(): Promise<void> {
    let rest = "";
    try {
      for await (const chunk of this.response.body!.pipeThrough(new TextDecoderStream())) {
        const blocks = (rest + chunk).split("\n\n");
        rest = blocks.pop()!;
        for (const block of blocks) this.#take(block);
      }
    } catch {
      // Cut, by this side or the other.
    }
  }

  #take(block: string): void {
    const fields = new Map(
      block.split("\n").map((line) => {
        const [name = "", ...value] = line.split(":");
        return [name, value.join(":").trim()];
      }),
    );
    if (fields.get("event") === "complete") this.completed = true;
    else if (fields.get("event") === "next") this.#takeResult(JSON.parse(fields.get("data")!));
    else this.comments++;
  }

  #takeResult(result: { data?: Record<string, StreamMessage>; errors?: GraphQLProblem[] }): void {
    if (result.errors !== undefined) this.problems.push(...result.errors);
    else this.messages.push(Object.values(result.data!)[0]!);
  }
}

/** A request that is refused before there is a stream. */
export async function refusal(url: string, operation: Operation, request: StreamRequest) {
  const response = await ask(url, operation, request, AbortSignal.timeout(20_000));
  const body = (await response.json()) as { errors: GraphQLProblem[] };
  return { status: response.status, headers: response.headers, error: body.errors[0]! };
}

async function ask(url: string, operation: Operation, request: StreamRequest, signal: AbortSignal) {
  const { token = null, headers = {}, method = "POST" } = request;
  const { query, variables } = operation;
  const search = new URLSearchParams({ query: String(query), variables: JSON.stringify(variables ?? {}) });
  return await fetch(method === "GET" ? `${url}/graphql/stream?${search}` : `${url}/graphql/stream`, {
    method,
    headers: {
      accept: "text/event-stream",
      ...(token !== null && { authorization: `Bearer ${token}` }),
      ...(method === "POST" && { "content-type": "application/json" }),
      ...headers,
    },
    body: method === "POST" ? JSON.stringify(operation) : null,
    signal,
  });
}
