import pg from "pg";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type StreamMessage, Subscription, socketClient } from "../api/sockets.ts";
import { EVENT_FIELDS, HEAD, type Position, START } from "../api/streams.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { type ProtocolRunner, startProtocolRunner } from "../support/protocol-runner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { waitFor } from "../support/wait-for.ts";
import { deploy, trigger } from "../support/workflows.ts";

const FLOW = `name: shared
stages:
  - name: only
    steps:
      - { ref: first, run: "true" }
      - { ref: second, run: "true", needs: [first] }
      - { ref: third, run: "true", needs: [second] }
`;
const events = (fields: string) => `subscription ($id: ID!, $after: StreamPosition!) {
  runEvents(workflowRunId: $id, after: $after) { __typename cursor ... on RunEvent { ${fields} } } }`;

let server: TestServer;
let runner: ProtocolRunner;
let workflowId: string;
beforeAll(async () => {
  server = await startTestServer({ clock: new ManualClock(), runDuties: false });
  runner = await startProtocolRunner(server);
  workflowId = await deploy(server.admin, FLOW);
});
afterAll(async () => await server[Symbol.asyncDispose]());

interface Watching extends AsyncDisposable {
  readonly all: readonly Subscription[];
}

/** Subscribes for each token, and waits until all are live. */
async function watch(
  query: string,
  id: string,
  tokens: readonly string[],
  after: Position = HEAD,
): Promise<Watching> {
  const all = tokens.map((token) => new Subscription(server.url, token, query, { id, after }));
  await Promise.all(all.map(async (each) => await each.until("CaughtUp")));
  return {
    all,
    async [Symbol.asyncDispose]() {
      for (const each of all) await each[Symbol.asyncDispose]();
    },
  };
}

/** How many statements it takes to work off a run while so many watch it. */
async function statementsWith(subscribers: number): Promise<{ count: number; sequences: StreamMessage[][] }> {
  const run = await trigger(server.admin, workflowId);
  const tokens = await Promise.all(
    Array.from({ length: subscribers }, async () => await server.tokenWith("default", "PROJECT_USER")),
  );
  await using watching = await watch(events(EVENT_FIELDS), run.id, tokens);
  const statements = vi.spyOn(pg.Client.prototype, "query");
  try {
    await runner.workOff();
    const sequences = await Promise.all(watching.all.map(async (each) => await each.all()));
    return { count: statements.mock.calls.length, sequences };
  } finally {
    statements.mockRestore();
  }
}

describe("equal subscriptions", () => {
  it("cost the database the same for 25 people as for one, and all of them get the same", async () => {
    await statementsWith(1);
    const one = await statementsWith(1);
    const many = await statementsWith(25);
    expect(many.sequences).toHaveLength(25);
    for (const sequence of many.sequences) expect(sequence).toEqual(many.sequences[0]);
    expect(many.sequences[0]!.map(({ seq }) => seq)).toEqual(one.sequences[0]!.map(({ seq }) => seq));
    // Events that come one by one or together are read in more or fewer looks: about as many, not 25 times.
    expect(many.count).toBeLessThan(2 * one.count);
  });

  it("differ where people have different rights: an answer for one is never another's", async () => {
    const admin = await server.tokenWith("default", "PROJECT_ADMIN");
    const reader = await server.tokenWith("default", "PROJECT_USER");
    const run = await trigger(server.admin, workflowId);
    const query = events("seq workflowRun { number workflow { secrets { nodes { name } } } }");
    const tokens = [admin, reader, admin, reader];
    for (const after of [START, HEAD]) {
      const all = tokens.map((token) => new SecretSeeker(server.url, token, query, { id: run.id, after }));
      await Promise.all(all.map(async (each) => await each.caughtUp()));
      if (after === HEAD) await runner.workOff();
      else await Promise.all(all.map(async (each) => await each.saw(1)));
      if (after === HEAD) await Promise.all(all.map(async (each) => await each.ended()));
      expect(all.map(({ refused, allowed }) => [refused > 0, allowed > 0])).toEqual([
        [false, true],
        [true, false],
        [false, true],
        [true, false],
      ]);
      for (const each of all) await each[Symbol.asyncDispose]();
    }
  });

  it("that ask who is asking are answered to each in person", async () => {
    const tokens = await Promise.all(
      ["PROJECT_USER", "PROJECT_SUPERUSER", "PROJECT_USER"].map(
        async (role) => await server.tokenWith("default", role as "PROJECT_USER"),
      ),
    );
    const run = await trigger(server.admin, workflowId);
    const query = events("seq workflowRun { can { action allowed reason { code } } }");
    await using watching = await watch(query, run.id, tokens);
    await runner.workOff();
    const reasons = await Promise.all(
      watching.all.map(async (each) =>
        (await each.all()).flatMap(({ workflowRun }) =>
          workflowRun === undefined ? [] : [JSON.stringify(workflowRun.can).includes("FORBIDDEN")],
        ),
      ),
    );
    for (const [i, forbidden] of [true, false, true].entries())
      expect(new Set(reasons[i])).toEqual(new Set([forbidden]));
  });
});

/** Counts the messages in which secrets were shown and in which they were refused. */
class SecretSeeker implements AsyncDisposable {
  refused = 0;
  allowed = 0;
  readonly #client;
  #caughtUp = false;
  #ended = false;

  constructor(url: string, token: string, query: string, variables: Record<string, unknown>) {
    this.#client = socketClient(url, { authorization: `Bearer ${token}` });
    this.#client.subscribe(
      { query, variables },
      {
        next: ({ data, errors }) => {
          const message = (data as { runEvents: StreamMessage }).runEvents;
          if (message.__typename === "CaughtUp") this.#caughtUp = true;
          else if (errors?.[0]?.extensions?.["code"] === "FORBIDDEN") this.refused++;
          else if (message["workflowRun"].workflow.secrets.nodes.length === 0) this.allowed++;
        },
        error: (error) => {
          throw error;
        },
        complete: () => {
          this.#ended = true;
        },
      },
    );
  }

  async caughtUp(): Promise<void> {
    await waitFor("history", () => this.#caughtUp);
  }

  async saw(count: number): Promise<void> {
    await waitFor("messages", () => this.refused + this.allowed >= count);
  }

  async ended(): Promise<void> {
    await waitFor("the end", () => this.#ended);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.dispose();
  }
}
