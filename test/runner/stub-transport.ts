import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buildSchema, graphql } from "graphql";

export type ProtocolField =
  | "registerRunner"
  | "claimTasks"
  | "heartbeatRunner"
  | "reportTasks"
  | "appendLogs"
  | "pinRunSource"
  | "reportTestRuns";

/**
 * What to do with a request instead of just answering it: DROP_ANSWER applies it and cuts the connection, CUT cuts
 * it before; a function may wait, or throw a GraphQLError, before the request is applied, and `after` follows it.
 */
export type Fault =
  | "DROP_ANSWER"
  | "CUT"
  | { readonly before?: () => Promise<void> | void; readonly after?: () => Promise<void> };

export const STUB_TOKEN = "rct_test";
export const MAX_BODY_BYTES = 256 * 1024;

/** As the server publishes it: whatever the runner sends is executed against this schema. */
const schema = buildSchema(readFileSync(new URL("../../schema/schema.graphql", import.meta.url), "utf8"));

export type Resolve = (input: never) => unknown;

/** The HTTP and GraphQL part of the stub: tokens, limits, and the faults that tests ask for. */
export abstract class StubTransport {
  token = STUB_TOKEN;
  port = 0;
  readonly bodySizes: { readonly field: string; readonly bytes: number }[] = [];
  private readonly faults = new Map<ProtocolField, Fault[]>();
  private readonly standing = new Map<ProtocolField, Fault>();
  private readonly server: Server;

  protected constructor() {
    this.server = createServer((request, response) => {
      this.handle(request, response).catch(() => response.destroy());
    });
  }

  /** @param gone resolves when the client no longer waits for the answer */
  protected abstract resolvers(gone: Promise<void>): Readonly<Record<ProtocolField, Resolve>>;

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async listen(port: number): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(port, "127.0.0.1", resolve));
    this.port = (this.server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** For the next request of the field; several queue up. */
  once(field: ProtocolField, fault: Fault): void {
    this.faults.set(field, [...(this.faults.get(field) ?? []), fault]);
  }

  always(field: ProtocolField, fault: Fault | null): void {
    if (fault === null) this.standing.delete(field);
    else this.standing.set(field, fault);
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
    const body = Buffer.concat(parts);
    const { query, variables } = JSON.parse(body.toString()) as { query: string; variables: object };
    const field = /\{\s*(\w+)/.exec(query)?.[1] as ProtocolField;
    this.bodySizes.push({ field, bytes: body.length });
    if (request.headers.authorization !== `Bearer ${this.token}`) return void response.writeHead(401).end();
    if (body.length > MAX_BODY_BYTES && field !== "reportTasks") return void response.writeHead(413).end();
    const fault = this.faults.get(field)?.shift() ?? this.standing.get(field);
    if (fault === "CUT") return void response.destroy();
    const gone = new Promise<void>((resolve) => response.once("close", resolve));
    const rootValue = this.rootValue(gone, typeof fault === "object" ? fault : {});
    const result = await graphql({ schema, source: query, rootValue, variableValues: { ...variables } });
    if (fault === "DROP_ANSWER") return void response.destroy();
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(result));
  }

  private rootValue(gone: Promise<void>, fault: Exclude<Fault, string>) {
    const wrap =
      (resolve: Resolve) =>
      async ({ input }: { input: never }) => {
        await fault.before?.();
        const payload = await resolve(input);
        await fault.after?.();
        return payload;
      };
    return Object.fromEntries(
      Object.entries(this.resolvers(gone)).map(([field, resolve]) => [field, wrap(resolve)]),
    );
  }
}
