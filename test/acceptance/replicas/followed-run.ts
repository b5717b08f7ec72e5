import type { RuncastClient } from "../../../src/client/runcast-client.ts";
import { startProtocolRunner } from "../../support/protocol-runner.ts";
import { deploy, trigger } from "../../support/workflows.ts";
import type { Installation } from "./installation.ts";

const START = `mutation ($id: ID!) { startWorkflowRun(input: { workflowRunId: $id }) { userErrors { message } } }`;
const EVENTS = `query ($id: ID!, $after: String) { workflowRun(id: $id) { status finishedAt
  events(first: 1000, after: $after) { __typename cursor seq } } }`;

interface StoredEvent {
  readonly __typename: string;
  readonly cursor: string;
  readonly seq: number;
}

interface Stored {
  readonly workflowRun: {
    readonly status: string;
    readonly finishedAt: string | null;
    readonly events: readonly StoredEvent[];
  };
}

/** A run of many steps that all are queued at once, and of one more that only `finish` takes. */
export class FollowedRun {
  readonly id: string;
  readonly #admin: RuncastClient;

  private constructor(id: string, admin: RuncastClient) {
    this.id = id;
    this.#admin = admin;
  }

  /** It waits for `start`: until then there is nothing to hear but that it was made. */
  static async make({ admin }: Installation, steps: number): Promise<FollowedRun> {
    const many = Array.from({ length: steps - 1 }, (_, i) => `      - { ref: s${i}, run: 'true' }`);
    const source = `name: followed-${steps}
stages:
  - name: many
    steps:
${many.join("\n")}
  - name: end
    steps: [{ ref: last, run: 'true', queue: last }]
`;
    const run = await trigger(admin, await deploy(admin, source), { start: "MANUAL" });
    return new FollowedRun(run.id, admin);
  }

  async start(): Promise<void> {
    const { startWorkflowRun } = await this.#admin.request<{ startWorkflowRun: { userErrors: unknown[] } }>(
      START,
      { id: this.id },
    );
    if (startWorkflowRun.userErrors.length > 0) throw new Error(JSON.stringify(startWorkflowRun.userErrors));
  }

  /** Everything up to the last report is done: calling what this answers ends the run. */
  async prepareEnd({ steady, runnerToken }: Installation): Promise<() => Promise<void>> {
    const server = { url: steady.url, runnerToken: async () => runnerToken };
    const runner = await startProtocolRunner(server, { queues: ["last"] });
    const task = await runner.claimOne();
    await runner.start(task);
    return async () => void (await runner.finish(task, "SUCCEEDED"));
  }

  /** What PostgreSQL has of it, read as queries read it and not as subscriptions do. */
  async stored(): Promise<{ readonly status: string; readonly finishedAt: number; readonly seqs: number[] }> {
    const events: StoredEvent[] = [];
    for (;;) {
      const after = events.at(-1)?.cursor ?? null;
      const { workflowRun } = await this.#admin.request<Stored>(EVENTS, { id: this.id, after });
      events.push(...workflowRun.events);
      if (workflowRun.events.length > 0) continue;
      const finishedAt = Date.parse(workflowRun.finishedAt ?? "");
      return { status: workflowRun.status, finishedAt, seqs: events.map(({ seq }) => seq) };
    }
  }
}
