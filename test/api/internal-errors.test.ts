import { type Logger, pino } from "pino";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startTestServer, type TestServer } from "../support/server.ts";
import { deploy, trigger } from "../support/workflows.ts";
import { closingOf, openSocket, Subscription } from "./sockets.ts";
import { expectNothingWritten, tableCounts } from "./tables.ts";

const FLOW = "name: broken\nstages: [{ name: a, steps: [{ ref: x, run: 'true' }] }]\n";
const TRIGGER = `mutation ($id: ID!) { triggerWorkflowRun(input: { workflowId: $id }) { workflowRun { id } } }`;
/** All that a client may read: nothing of tables, statements, files or libraries. */
const MASK = /^internal error(; the server's log has it under the correlation id)?$/;

interface LogLine {
  readonly correlationId?: string;
  readonly err?: { readonly message: string };
}

let server: TestServer;
let log: LogLine[];
let workflow: string;
let run: string;
beforeEach(async () => {
  log = [];
  const logger: Logger = pino({ level: "error" }, { write: (line: string) => log.push(JSON.parse(line)) });
  server = await startTestServer({ runDuties: false, logger });
  workflow = await deploy(server.admin, FLOW);
  run = (await trigger(server.admin, workflow)).id;
});
afterEach(async () => await server[Symbol.asyncDispose]());

function expectMasked(error: { message: string; extensions: object }): void {
  expect(error.extensions).toEqual({ code: "INTERNAL_SERVER_ERROR", correlationId: expect.any(String) });
  expect(error.message).toMatch(MASK);
  expect(["message", "locations", "path", "extensions"]).toEqual(expect.arrayContaining(Object.keys(error)));
}

describe("a fault of the server's own", () => {
  it("in a query is masked, and the log has it under the id that the client is given", async () => {
    await server.database.query("drop table workflow_run_input");
    const query = `query ($id: ID!) { workflowRun(id: $id) { number inputs } }`;
    const answer = await server.post({ query, variables: { id: run } });
    expect(answer.body.data).toEqual({ workflowRun: null });
    const [error] = answer.body.errors;
    expectMasked(error);
    expect(error.path).toEqual(["workflowRun", "inputs"]);
    const logged = log.filter(({ correlationId }) => correlationId === error.extensions.correlationId);
    expect(logged.map(({ err }) => err?.message)).toEqual([expect.stringContaining("workflow_run_input")]);
  });

  it("in a mutation is masked, and nothing of the mutation stays", async () => {
    await server.database.query("drop table run_event cascade");
    const before = await tableCounts(server.database);
    const answer = await server.post({ query: TRIGGER, variables: { id: workflow } });
    expect(answer.body.data).toEqual({ triggerWorkflowRun: null });
    expectMasked(answer.body.errors[0]);
    expect(await tableCounts(server.database)).toEqual(before);
    expect(log).toHaveLength(1);
  });

  it("in a subscription is masked, before it starts and while it runs", async () => {
    const query = `subscription ($id: ID!) { runEvents(workflowRunId: $id, after: { at: START }) { __typename cursor } }`;
    await using live = new Subscription(server.url, server.adminToken, query, { id: run });
    await live.until("CaughtUp");
    await server.database.query("drop table run_event cascade");
    await server.database.query("update workflow_run set last_seq = last_seq + 1");
    const [running] = await live.refusal();
    expectMasked(running!);
    await using late = new Subscription(server.url, server.adminToken, query, { id: run });
    const [starting] = await late.refusal();
    expectMasked(starting!);
    const ids = [running, starting].map((error) => error!.extensions.correlationId);
    expect(log.map(({ correlationId }) => correlationId)).toEqual(expect.arrayContaining(ids));
  });

  it("in checking a token is masked over HTTP and over WebSocket", async () => {
    await server.database.query("drop table api_token");
    const token = `runcast_${"A".repeat(43)}`;
    const answer = await expectNothingWritten(
      server.database,
      async () => await server.post({ query: "{ viewer { systemAdmin } }" }, { token }),
    );
    expect(answer.status).toBe(500);
    expectMasked(answer.body.errors[0]);
    const socket = await openSocket(server.url, { authorization: `Bearer ${token}` });
    socket.send(JSON.stringify({ type: "connection_init" }));
    expect(await closingOf(socket)).toEqual({ code: 4500, reason: "Internal server error" });
    expect(log).toHaveLength(2);
  });
});
