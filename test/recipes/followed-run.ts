import { expect } from "vitest";
import { WebSocket } from "ws";
import { CuttingProxy } from "../support/cutting-proxy.ts";
import { startProtocolRunner } from "../support/protocol-runner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { waitFor } from "../support/wait-for.ts";
import { deploy, trigger } from "../support/workflows.ts";

const STEPS = ["a", "b", "c", "d", "e", "f"];
const FLOW = `name: followed
stages: [{ name: one, steps: [${STEPS.map((ref, i) => {
  const needs = i === 0 ? "" : `needs: [${STEPS[i - 1]}], `;
  return `{ ref: ${ref}, ${needs}run: "true" }`;
}).join(", ")}] }]
`;
const EVENTS = `query ($id: ID!) { workflowRun(id: $id) { events(first: 1000) { __typename seq } } }`;

export interface SeenMessage {
  readonly __typename: string;
  readonly seq?: number | undefined;
}

/** What a recipe is started with: an address that is cut now and then. */
export interface Surroundings {
  readonly url: string;
  readonly token: string;
  readonly webSocketImpl: unknown;
  /** From HEAD: a subscription that was not resumed from where it was cut would miss what happened meanwhile. */
  readonly variables: { readonly id: string; readonly after: { readonly at: "HEAD" } };
  readonly onMessage: (message: SeenMessage) => void;
  readonly onError: (error: unknown) => void;
}

/** @returns the run's id, when the recipe's list holds each event once and in order, in spite of all cuts */
export async function expectEachEventOnce(start: (surroundings: Surroundings) => unknown): Promise<string> {
  await using server = await startTestServer({ runDuties: false });
  await using proxy = await CuttingProxy.before(server.url);
  const runner = await startProtocolRunner(server);
  const { id: runId } = await trigger(server.admin, await deploy(server.admin, FLOW));
  const { length: before } = await storedEvents(server, runId);
  const seen: SeenMessage[] = [];
  const errors: unknown[] = [];
  await start({
    url: proxy.url,
    token: server.adminToken,
    webSocketImpl: WebSocket,
    variables: { id: runId, after: { at: "HEAD" } },
    onMessage: (message) => seen.push(message),
    onError: (error) => errors.push(error),
  });
  const until = async (what: string, look: () => boolean) =>
    await waitFor(what, () => {
      expect(errors).toEqual([]);
      return look();
    });
  await until("the history", () => seen.some(({ __typename }) => __typename === "CaughtUp"));
  for (const _ of STEPS) {
    const { length } = seen;
    const task = await runner.claimOne();
    await runner.start(task);
    await until("the step's start", () => seen.length > length);
    // In the middle of it: what comes next happens while nobody listens.
    proxy.cut();
    await runner.finish(task, "SUCCEEDED");
  }
  await until("the run's end", () => seen.some(({ __typename }) => __typename === "RunFinished"));
  expect(proxy.cuts).toBeGreaterThanOrEqual(STEPS.length);
  const eventsSeen = seen.filter(({ seq = 0 }) => seq > before);
  expect(eventsSeen.map(({ seq, __typename }) => ({ seq, __typename }))).toEqual(
    (await storedEvents(server, runId)).slice(before),
  );
  return runId;
}

async function storedEvents(server: TestServer, id: string): Promise<unknown[]> {
  const { workflowRun } = (await server.admin.request(EVENTS, { id })) as {
    workflowRun: { events: { __typename: string; seq: number }[] };
  };
  return workflowRun.events.map(({ seq, __typename }) => ({ seq, __typename }));
}
