import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { compactLogs } from "../../src/duties/compact-logs.ts";
import { sweepBlobs } from "../../src/duties/sweep-blobs.ts";
import { FolderStore } from "../../src/storage/folder-store.ts";
import { Subscription } from "../api/sockets.ts";
import type { Position } from "../api/streams.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { type ProtocolRunner, type ProtocolTask, startProtocolRunner } from "../support/protocol-runner.ts";
import { startTestServer, type TestServer, type TestServerOptions } from "../support/server.ts";
import { deploy, trigger } from "../support/workflows.ts";

const FLOW = `name: logged
stages: [{ name: a, steps: [{ ref: x, run: "true" }, { ref: y, run: "true" }] }]
`;
const RUN_LOGS = `subscription ($id: ID!, $after: StreamPosition!) { runLogs(workflowRunId: $id, after: $after) {
  __typename cursor ... on LogLines { stepRunId attempt lines { number text } } ... on LogGap { stepRunId }
  ... on LogEnd { stepRunId attempt finalOffset truncated } ... on Reset { reason } } }`;

// biome-ignore lint/suspicious/noExplicitAny: answers of every shape
export type Answer = any;

/** A server whose clock and duties the test moves, a runner that it speaks for, and a folder that it looks into. */
export class LoggedServer implements AsyncDisposable {
  readonly clock: ManualClock;
  readonly server: TestServer;
  runner: ProtocolRunner;
  readonly blobs: FolderStore;
  readonly #files: string;
  readonly #workflowId: string;

  private constructor(
    parts: Pick<LoggedServer, "clock" | "server" | "runner">,
    files: string,
    workflowId: string,
  ) {
    this.clock = parts.clock;
    this.server = parts.server;
    this.runner = parts.runner;
    this.blobs = new FolderStore(files);
    this.#files = files;
    this.#workflowId = workflowId;
  }

  static async start(limits: NonNullable<TestServerOptions["limits"]> = {}): Promise<LoggedServer> {
    const clock = new ManualClock();
    const files = mkdtempSync(join(tmpdir(), "runcast-logs-"));
    const server = await startTestServer({ clock, runDuties: false, filesDir: files, limits });
    const runner = await startProtocolRunner(server);
    return new LoggedServer({ clock, server, runner }, files, await deploy(server.admin, FLOW));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    rmSync(this.#files, { recursive: true, force: true });
  }

  /** A run whose steps x and y have started. */
  async started(): Promise<{ id: string; x: ProtocolTask; y: ProtocolTask }> {
    const { id } = await trigger(this.server.admin, this.#workflowId);
    const tasks = (await this.runner.claim()).filter(({ workflowRunId }) => workflowRunId === id);
    await this.runner.start(...tasks);
    const [x, y] = ["x", "y"].map((ref) => tasks.find(({ stepRef }) => stepRef === ref)!);
    return { id, x: x!, y: y! };
  }

  /** So long a silence ends the runner's session: another runner goes on. */
  async advance(ms: number): Promise<void> {
    this.clock.advance(ms);
    this.runner = await startProtocolRunner(this.server);
  }

  async finish(...tasks: ProtocolTask[]): Promise<void> {
    for (const task of tasks) await this.runner.finish(task, "SUCCEEDED");
  }

  async ask(query: string, variables: object = {}): Promise<Answer> {
    const { body } = await this.server.post({ query, variables });
    expect(body.errors ?? []).toEqual([]);
    return Object.values(body.data)[0];
  }

  async get(path: string, headers: Record<string, string> = {}, method = "GET"): Promise<Response> {
    const authorization = `Bearer ${this.server.adminToken}`;
    // fetch asks for gzip by itself, and takes it off.
    return await fetch(this.server.url + path, {
      method,
      headers: { authorization, "accept-encoding": "identity", ...headers },
    });
  }

  runLogs(id: string, after: Position = { at: "START" }): Subscription {
    return new Subscription(this.server.url, this.server.adminToken, RUN_LOGS, { id, after });
  }

  async compact(): Promise<void> {
    await compactLogs(this.blobs).run(this.server.app.engine);
  }

  async sweep(): Promise<void> {
    await sweepBlobs(this.blobs).run(this.server.app.engine);
  }

  async chunks(): Promise<number> {
    const [row] = await this.server.database.query<{ n: number }>(
      "select count(*)::integer as n from log_chunk",
    );
    return row!.n;
  }

  /** Bytes of everything in the folder. */
  stored(): number {
    return readdirSync(this.#files, { recursive: true, encoding: "utf8" })
      .map((name) => statSync(join(this.#files, name)))
      .reduce((sum, stat) => sum + (stat.isFile() ? stat.size : 0), 0);
  }
}
