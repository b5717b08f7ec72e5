import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Logger, pino } from "pino";
import { WebSocket } from "ws";
import { type App, startApp } from "../../src/app.ts";
import { createRuncastClient, type RuncastClient } from "../../src/client/runcast-client.ts";
import type { ProjectRole } from "../../src/domain/access.ts";
import type { Clock } from "../../src/domain/clock.ts";
import { createToken, openProject } from "../../src/persistence/account-store.ts";
import type { StoreConfig } from "../../src/storage/open-blob-store.ts";
import { createTestDatabase, type TestDatabase } from "./database.ts";

export interface TestServer extends AsyncDisposable {
  readonly app: App;
  readonly url: string;
  readonly database: TestDatabase;
  readonly adminToken: string;
  readonly admin: RuncastClient;
  /** A client with a token of its own for a role in a project, which is made if need be. */
  clientWith(project: string, role: ProjectRole): Promise<RuncastClient>;
  tokenWith(project: string, role: ProjectRole): Promise<string>;
  /** A token for runners: of one project, or of all. */
  runnerToken(project?: string): Promise<string>;
  /** One request as it goes over the wire, for what a well-behaved client never sends. */
  post(body: unknown, options?: PostOptions): Promise<PostAnswer>;
}

export interface PostOptions {
  readonly token?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface PostAnswer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly body: any;
}

export interface TestServerOptions {
  readonly clock?: Clock;
  /** Off when the test runs duties itself. */
  readonly runDuties?: boolean;
  /** Shares the database of another server: a second replica. */
  readonly database?: TestDatabase;
  /** Default: a random one. */
  readonly encryptionKey?: Buffer | null;
  /** Default: none is known. */
  readonly publicUrl?: string;
  /** Where files are kept; default: a folder of its own, removed with the server. */
  readonly filesDir?: string;
  /** Default: 50 MiB. */
  readonly maxArtifactBytes?: number;
  /** Keeps files in an object store instead of a folder. */
  readonly objectStore?: StoreConfig;
  /** Hears of other servers through it; default: only of itself. */
  readonly redisUrl?: string;
  /** Default: those of the settings. */
  readonly limits?: { readonly maxLogBytes?: number; readonly maxUploadBytes?: number };
  /** Default: silent, or the level of TEST_LOG_LEVEL. */
  readonly logger?: Logger;
}

/** The real server on a real database of its own. */
export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const database = options.database ?? (await createTestDatabase());
  const files = options.filesDir ?? mkdtempSync(join(tmpdir(), "runcast-files-"));
  const app = await startApp({
    config: {
      host: "127.0.0.1",
      port: 0,
      allowedOrigins: [],
      dbPoolSize: 6,
      publicUrl: options.publicUrl ?? null,
      redisUrl: options.redisUrl ?? null,
      filesDir: files,
      maxArtifactBytes: options.maxArtifactBytes ?? 50 * 1024 * 1024,
      artifactRetentionMs: 90 * 24 * 60 * 60 * 1_000,
      ...options.objectStore,
      maxLogBytes: 2 ** 30,
      maxUploadBytes: 50 * 2 ** 20,
      logRetentionMs: 90 * 24 * 60 * 60 * 1_000,
      ...options.limits,
    },
    databaseUrl: database.url,
    encryptionKey: options.encryptionKey === undefined ? randomBytes(32) : options.encryptionKey,
    logger: options.logger ?? pino({ level: process.env["TEST_LOG_LEVEL"] ?? "silent" }),
    ...(options.clock && { clock: options.clock }),
    ...(options.runDuties !== undefined && { runDuties: options.runDuties }),
  });
  const { engine, url } = app;
  let made = 0;
  const newToken = async (wanted: {
    project?: string;
    role?: ProjectRole;
    runner?: boolean;
    admin?: boolean;
  }) =>
    await engine.database.transaction(async (transaction) => {
      const { project, role, runner = false, admin = false } = wanted;
      const projectId = project === undefined ? null : await openProject(transaction, project, engine.clock);
      const token = {
        username: `test-${process.pid}-${url.split(":").at(-1)}-${made++}`,
        type: runner ? "RUNNER" : "USER",
        systemAdmin: admin,
        membership: projectId !== null && role !== undefined ? { projectId, role } : null,
        onlyProjectId: runner ? projectId : null,
        description: "test",
        expiresAt: null,
      } as const;
      return await createToken(transaction, token, engine.clock);
    });
  const client = (token: string): RuncastClient =>
    createRuncastClient({ url, token, webSocketImpl: WebSocket });
  const adminToken = await newToken({ admin: true });
  return {
    app,
    url,
    database,
    adminToken,
    admin: client(adminToken),
    clientWith: async (project, role) => client(await newToken({ project, role })),
    tokenWith: async (project, role) => await newToken({ project, role }),
    runnerToken: async (project) =>
      await newToken({ runner: true, ...(project !== undefined && { project }) }),
    async post(body, { token = adminToken, headers = {} } = {}) {
      const response = await fetch(`${url}/graphql`, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          ...(token !== null && { authorization: `Bearer ${token}` }),
          ...headers,
        },
        body: typeof body === "string" ? body : JSON.stringify(body),
      });
      const text = await response.text();
      return { status: response.status, body: text === "" ? null : JSON.parse(text) };
    },
    async [Symbol.asyncDispose]() {
      await app[Symbol.asyncDispose]();
      if (options.database === undefined) await database[Symbol.asyncDispose]();
      if (options.filesDir === undefined) rmSync(files, { recursive: true, force: true });
    },
  };
}
