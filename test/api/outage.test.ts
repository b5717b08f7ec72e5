import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startEmbeddedPostgres } from "../../src/cli/embedded-postgres/index.ts";
import { migrate } from "../../src/persistence/migrate.ts";
import { execute } from "../support/postgres.ts";
import { type ProtocolRunner, type ProtocolTask, startProtocolRunner } from "../support/protocol-runner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { waitFor } from "../support/wait-for.ts";
import { deploy, trigger } from "../support/workflows.ts";
import type { StreamMessage } from "./sockets.ts";
import { EVENT_FIELDS, START } from "./streams.ts";

const EVENTS = `subscription ($id: ID!, $after: StreamPosition!) {
  runEvents(workflowRunId: $id, after: $after) {
    __typename cursor ... on RunEvent { ${EVENT_FIELDS} } ... on Reset { reason } } }`;
const STORED = `query ($id: ID!) { workflowRun(id: $id) { status events(first: 500) { seq } } }`;
const TWO_STEPS = `name: two
stages:
  - name: a
    steps:
      - { ref: first, run: "true" }
      - { ref: second, run: "true", needs: [first] }
`;
const OUTAGE_MS = 1_500;

const folder = mkdtempSync(join(tmpdir(), "runcast-outage-"));
// PostgreSQL does not run as root: its user must get through.
chmodSync(folder, 0o755);
const startPostgres = async () =>
  await startEmbeddedPostgres({
    dataRoot: join(folder, "data"),
    sharedRoot: join(folder, "shared"),
    durable: false,
  });
let postgres: Awaited<ReturnType<typeof startPostgres>>;
let server: TestServer;
let runner: ProtocolRunner;

beforeAll(async () => {
  postgres = await startPostgres();
  await migrate(postgres.url);
  const database = {
    url: postgres.url,
    query: () => expect.unreachable("nothing is looked up past the API"),
    [Symbol.asyncDispose]: async () => undefined,
  };
  server = await startTestServer({ database });
  runner = await startProtocolRunner(server);
}, 60_000);
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** What a runner does with a request that was not answered: it asks again. */
async function insist<Answer>(what: string, ask: () => Promise<Answer>): Promise<Answer> {
  return await waitFor(what, async () => await ask().catch(() => null), { everyMs: 100 });
}

async function work(ref: string): Promise<void> {
  const task: ProtocolTask = await insist(`a claim of ${ref}`, async () => await runner.claimOne());
  expect(task.stepRef).toBe(ref);
  await insist(`the start of ${ref}`, async () => await runner.start(task));
  await insist(`the end of ${ref}`, async () => await runner.finish(task, "SUCCEEDED"));
}

const OUTAGES: Record<string, () => Promise<void>> = {
  "cuts all connections for a second": async () => {
    const end = performance.now() + OUTAGE_MS;
    while (performance.now() < end) {
      await execute(
        postgres.url,
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'runcast%'",
      );
      await setTimeout(20);
    }
  },
  "is stopped and started again": async () => {
    await postgres.stop();
    await setTimeout(OUTAGE_MS);
    postgres = await startPostgres();
  },
};

it.each(Object.keys(OUTAGES))(
  "a live subscription outlasts a database that %s",
  async (outage) => {
    const run = await trigger(server.admin, await deploy(server.admin, TWO_STEPS));
    const messages: StreamMessage[] = [];
    let retries = 0;
    const following = (async () => {
      const variables = { id: run.id, after: START };
      const onRetry = () => retries++;
      const stream = server.admin.follow<{ runEvents: StreamMessage }>({ query: EVENTS, variables, onRetry });
      for await (const message of stream) messages.push(message);
    })();
    // An early failure shows when it is awaited at the end.
    following.catch(() => undefined);
    await work("first");
    const firstIsOver = ({ stepRun, stepStatus }: StreamMessage) =>
      stepRun?.stepRef === "first" && stepStatus === "SUCCEEDED";
    await waitFor("the first step's end", () => messages.some(firstIsOver));

    await OUTAGES[outage]!();
    expect(retries).toBe(0);
    await work("second");
    await following;

    const { workflowRun } = (await server.admin.request(STORED, { id: run.id })) as {
      workflowRun: { status: string; events: { seq: number }[] };
    };
    expect(workflowRun.status).toBe("SUCCEEDED");
    const seqs = messages.filter(({ seq }) => seq !== undefined).map(({ seq }) => seq);
    expect(seqs).toEqual(workflowRun.events.map(({ seq }) => seq));
    expect(messages.filter(({ __typename }) => __typename === "Reset")).toEqual([]);
  },
  60_000,
);
