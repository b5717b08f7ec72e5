import { pino } from "pino";
import { expect } from "vitest";
import { ManualClock } from "../support/manual-clock.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { deploy } from "../support/workflows.ts";
import { type Delivery, signedDelivery } from "./signed-deliveries.ts";

export const WEBHOOK = `id name url enabled mapping { inputs branch commit message labels } lastDeliveryAt revision
  createdAt updatedAt workflow { id } createdBy { type } can { action allowed }`;
const ERRORS =
  "userErrors { __typename code path message ... on ValidationFailed { faults { path message } } }";
export const CREATE = `mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { webhook { ${WEBHOOK} } secret ${ERRORS} } }`;
export const UPDATE = `mutation ($input: UpdateWebhookInput!) { updateWebhook(input: $input) { webhook { ${WEBHOOK} } ${ERRORS} } }`;
export const ROTATE = `mutation ($input: RotateWebhookSecretInput!) { rotateWebhookSecret(input: $input) { webhook { ${WEBHOOK} } secret ${ERRORS} } }`;
export const DELETE = `mutation ($input: DeleteWebhookInput!) { deleteWebhook(input: $input) { webhookId ${ERRORS} } }`;
const RUNS = `query ($workflow: [ID!]) { workflowRuns(filter: { workflowIds: $workflow }, first: 100) { nodes {
  id trigger { type ref } inputs payload labels branch commit message createdBy { username } } } }`;

export const FLOW = (name: string) => `name: ${name}
inputs: { number: { type: number, default: 0 }, title: { type: string, required: true }, dry: { type: boolean, default: false } }
stages: [{ name: a, steps: [{ ref: x, run: "true" }] }]
`;
export const MAPPING = {
  inputs: { number: "/pull_request/number", title: "/pull_request/titles/1", dry: "/a~1b/m~0n" },
  branch: "/ref",
  commit: "/after",
  message: "/head_commit/message",
  labels: { sender: "/sender/login", stars: "/repository/stars", none: "/nowhere" },
};
export const BODY = {
  ref: "refs/heads/main",
  after: "0123456789abcdef0123456789abcdef01234567",
  head_commit: { message: "m".repeat(3_000) },
  pull_request: { number: 17, titles: ["first", "second"] },
  "a/b": { "m~n": true },
  sender: { login: "mona" },
  repository: { stars: 80 },
};

// biome-ignore lint/suspicious/noExplicitAny: answers of every shape
export type Answer = any;

export interface Hook {
  readonly id: string;
  readonly url: string;
  readonly secret: string;
  readonly workflow: string;
  /** As it was when it was created. */
  readonly webhook: Answer;
}

export interface HookAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Answer;
}

/** A server whose clock is moved by hand, and what every test of webhooks does with it. */
export class Hooks implements AsyncDisposable {
  readonly clock: ManualClock;
  readonly server: TestServer;
  /** Everything that the server has logged. */
  readonly logged: readonly string[];
  /** Everything that deliveries were answered. */
  readonly answered: string[] = [];
  #made = 0;

  private constructor(clock: ManualClock, server: TestServer, logged: readonly string[]) {
    this.clock = clock;
    this.server = server;
    this.logged = logged;
  }

  static async start(): Promise<Hooks> {
    const clock = new ManualClock();
    const logged: string[] = [];
    const logger = pino({ level: "trace" }, { write: (line) => void logged.push(line) });
    return new Hooks(clock, await startTestServer({ clock, runDuties: false, logger }), logged);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
  }

  async ask(query: string, variables: object = {}, on = this.server): Promise<Answer> {
    const { body } = await on.post({ query, variables });
    expect(body.errors ?? []).toEqual([]);
    return Object.values(body.data)[0];
  }

  async newWorkflow(): Promise<string> {
    return await deploy(this.server.admin, FLOW(`hooked-${++this.#made}`));
  }

  async create(input: object = {}): Promise<Hook> {
    const workflow = await this.newWorkflow();
    const all = { workflowId: workflow, name: "github", mapping: MAPPING, ...input };
    const { webhook, secret, userErrors } = await this.ask(CREATE, { input: all });
    expect(userErrors).toEqual([]);
    return { id: webhook.id, url: webhook.url, secret, workflow, webhook };
  }

  async send(url: string, { headers, body }: Delivery): Promise<HookAnswer> {
    const response = await fetch(url, { method: "POST", headers, body });
    const text = await response.text();
    this.answered.push(text);
    return { status: response.status, headers: response.headers, body: JSON.parse(text) };
  }

  sign({ secret }: Pick<Hook, "secret">, payload: unknown = BODY, id?: string): Delivery {
    return signedDelivery(secret, payload, this.clock.now(), id);
  }

  async runsOf({ workflow }: Hook): Promise<readonly Answer[]> {
    return (await this.ask(RUNS, { workflow: [workflow] })).nodes;
  }

  async look({ id }: Hook): Promise<Answer> {
    return await this.ask(`query ($id: ID!) { node(id: $id) { ... on Webhook { ${WEBHOOK} } } }`, { id });
  }
}
