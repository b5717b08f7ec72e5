import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RuncastClient } from "../../src/client/runcast-client.ts";
import type { Subscription } from "../api/sockets.ts";
import { startProtocolRunner } from "../support/protocol-runner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { waitFor } from "../support/wait-for.ts";
import { deploy, trigger } from "../support/workflows.ts";
import { followRuns, KeptList, type ListRequest, listRuns, type RunChange } from "./list-streams.ts";

/** By default few; all of them when everything is asked for. */
const ROUNDS = process.env["RUNCAST_TEST_SCALE"] === "1" ? 40 : 4;

const FLOW = (name: string) =>
  `name: ${name}\nstages: [{ name: a, steps: [{ ref: x, run: "true" }, { ref: ok, type: approval }] }]\n`;

let server: TestServer;
let replica: TestServer;
let workflows: string[];
let tokens: (string | undefined)[];
const runs: string[] = [];
beforeAll(async () => {
  server = await startTestServer({ runDuties: false });
  replica = await startTestServer({ runDuties: false, database: server.database });
  tokens = [
    undefined,
    await server.tokenWith("one", "PROJECT_USER"),
    await server.tokenWith("two", "PROJECT_USER"),
  ];
  workflows = await Promise.all(
    ["one", "two"].map(async (project) => await deploy(server.admin, FLOW(`flow-${project}`), project)),
  );
});
afterAll(async () => {
  await replica[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

async function command(client: RuncastClient, name: string, input: object): Promise<void> {
  const type = `${name[0]!.toUpperCase()}${name.slice(1)}Input`;
  await client.request(`mutation ($input: ${type}!) { ${name}(input: $input) { userErrors { message } } }`, {
    input,
  });
}

/** What people and runners do; what is not legal then is refused, and changes nothing. */
const DEEDS: Readonly<Record<string, (which: number) => Promise<void>>> = {
  async trigger(which) {
    runs.push(
      (await trigger(server.admin, workflows[which % 2]!, { labels: { size: String(which % 3) } })).id,
    );
  },
  // A session of its own each time: nobody sends heartbeats.
  work: async () => void (await (await startProtocolRunner(server)).workOff()),
  cancel: async (which) => await onRun(which, "cancelWorkflowRun", {}),
  pause: async (which) => await onRun(which, "pauseWorkflowRun", {}),
  resume: async (which) => await onRun(which, "resumeWorkflowRun", {}),
  label: async (which) => await onRun(which, "setWorkflowRunLabels", { labels: { size: String(which % 3) } }),
  delete: async (which) => await onRun(which, "deleteWorkflowRun", { force: which % 2 === 0 }),
  rename: async (which) =>
    await command(server.admin, "renameWorkflow", {
      workflowId: workflows[which % 2],
      name: `flow-${which}`,
    }),
};

async function onRun(which: number, name: string, input: object): Promise<void> {
  if (runs.length === 0) return;
  await command(server.admin, name, {
    workflowRunId: runs[runs.length - 1 - (which % Math.min(runs.length, 6))],
    ...input,
  });
}

const deed = fc.tuple(
  fc.constantFrom("trigger", "trigger", "trigger", "work", ...Object.keys(DEEDS)),
  fc.nat(30),
);
const leaf = fc.oneof(
  fc
    .subarray(["QUEUED", "RUNNING", "WAITING", "PAUSED", "SUCCEEDED", "CANCELED"])
    .map((status) => ({ status })),
  fc.constantFrom("0", "1", "2").map((value) => ({ labels: [{ key: "size", op: "EQ", values: [value] }] })),
  fc.boolean().map((awaitingApproval) => ({ awaitingApproval })),
  fc.constant({}),
);
const filter = fc.oneof(
  leaf,
  fc.array(leaf, { maxLength: 3 }).map((or) => ({ or })),
  leaf.map((not) => ({ not })),
);
const watcher = fc.record({ filter, who: fc.nat(2), elsewhere: fc.boolean() });

/** Somebody who keeps a list by its changes alone. */
class Watcher {
  readonly #request: ListRequest;
  readonly #server: TestServer;
  readonly #list: KeptList;
  #stream: Subscription;
  #cursor: string;
  #applied = 0;

  private constructor(
    on: TestServer,
    request: ListRequest,
    { runs: known, cursor }: Awaited<ReturnType<typeof listRuns>>,
  ) {
    this.#server = on;
    this.#request = request;
    this.#list = new KeptList(known);
    this.#cursor = cursor;
    this.#stream = followRuns(on, { cursor }, request);
  }

  static async start(on: TestServer, request: ListRequest): Promise<Watcher> {
    return new Watcher(on, request, await listRuns(on, request));
  }

  /** Goes on behind what was applied, on a socket of its own. */
  async reconnect(): Promise<void> {
    this.#apply();
    await this.stop();
    this.#applied = 0;
    this.#stream = followRuns(this.#server, { cursor: this.#cursor }, this.#request);
  }

  async settle(): Promise<void> {
    const { runs: wanted } = await listRuns(server, this.#request);
    const same = () => {
      this.#apply();
      return JSON.stringify(this.#list.runs) === JSON.stringify(wanted);
    };
    await waitFor("the list to be as it is read", same, { timeoutMs: 10_000 }).catch(() => undefined);
    expect(this.#list.runs).toEqual(wanted);
    expect(this.#stream.types).not.toContain("Reset");
  }

  async stop(): Promise<void> {
    await this.#stream[Symbol.asyncDispose]();
  }

  #apply(): void {
    const messages = this.#stream.messages.slice(this.#applied);
    this.#applied += messages.length;
    for (const { cursor, changes = [] } of messages) {
      for (const change of changes as RunChange[]) this.#list.apply(change);
      this.#cursor = cursor;
    }
  }
}

describe("lists that are read once and then told of changes", () => {
  it("are as a query reads them whenever it is quiet", async () => {
    const phase = fc.record({
      watchers: fc.array(watcher, { minLength: 1, maxLength: 4 }),
      before: fc.array(deed, { minLength: 8, maxLength: 24, size: "max" }),
      between: fc.array(deed, { minLength: 8, maxLength: 24, size: "max" }),
    });
    await fc.assert(
      fc.asyncProperty(phase, async ({ watchers: wanted, before, between }) => {
        const watchers: Watcher[] = [];
        try {
          for (const { filter: conditions, who, elsewhere } of wanted) {
            const token = tokens[who];
            const request = { filter: conditions, ...(token !== undefined && { token }) };
            watchers.push(await Watcher.start(elsewhere ? replica : server, request));
          }
          // At once, so that transactions overlap.
          await Promise.all(before.map(async ([name, which]) => await DEEDS[name]!(which)));
          await Promise.all(watchers.map(async (each) => await each.settle()));
          const done = Promise.all(between.map(async ([name, which]) => await DEEDS[name]!(which)));
          for (const each of watchers) await each.reconnect();
          await done;
          await Promise.all(watchers.map(async (each) => await each.settle()));
        } finally {
          for (const each of watchers) await each.stop();
        }
      }),
      { numRuns: ROUNDS, endOnFailure: true },
    );
  }, 600_000);
});
