import { fileURLToPath } from "node:url";
import { SecretBox } from "./actions/secret-box.ts";
import { SecretVault } from "./actions/secret-vault.ts";
import { SignedLinks } from "./actions/signed-links.ts";
import { TaskTokens } from "./actions/task-tokens.ts";
import type { Config } from "./config/load-config.ts";
import type { Clock } from "./domain/clock.ts";
import { DutyRoster } from "./duties/duty.ts";
import { createDuties } from "./duties/index.ts";
import type { Services } from "./graphql/context.ts";
import { buildApiSchema } from "./graphql/schema.ts";
import { Authenticator } from "./http/authenticate.ts";
import { startHttpServer } from "./http/server.ts";
import { LogHub } from "./logs/log-hub.ts";
import type { Logger } from "./observability/logger.ts";
import { ClaimDesk } from "./orchestration/claim.ts";
import { ReportCollector } from "./orchestration/report.ts";
import { RunnerSessions } from "./orchestration/runners.ts";
import type { Engine } from "./orchestration/transition.ts";
import { createDataSource } from "./persistence/data-source.ts";
import { Database } from "./persistence/database.ts";
import { DatabaseClock } from "./persistence/database-clock.ts";
import { apiProcessName } from "./persistence/queries/api-processes.ts";
import { readInstallationId, readSigningKey } from "./persistence/queries/installation.ts";
import { WorkflowVersions } from "./persistence/workflow-versions.ts";
import { ChangeFeed } from "./realtime/change-feed.ts";
import { openBus } from "./realtime/open-bus.ts";
import { RunHub } from "./realtime/run-hub.ts";
import type { BlobStore } from "./storage/blob-store.ts";
import { openBlobStore, type StoreConfig } from "./storage/open-blob-store.ts";

/** Beside the compiled code; from sources there is no page unless it was built. */
const GRAPHIQL = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "../dist/web/graphiql" : "../web/graphiql", import.meta.url),
);

export interface AppOptions {
  readonly config: Pick<
    Config,
    | "host"
    | "port"
    | "allowedOrigins"
    | "dbPoolSize"
    | "filesDir"
    | "maxArtifactBytes"
    | "artifactRetentionMs"
    | "maxLogBytes"
    | "maxUploadBytes"
    | "logRetentionMs"
  > &
    Partial<Pick<Config, "publicUrl" | "redisUrl">> &
    Partial<StoreConfig>;
  readonly databaseUrl: string;
  /** For the secrets of webhooks; without it there are none. */
  readonly encryptionKey?: Buffer | null;
  readonly logger: Logger;
  /** Tests bring a clock that they move by hand, and run duties themselves. */
  readonly clock?: Clock;
  readonly runDuties?: boolean;
}

export interface App extends AsyncDisposable {
  readonly url: string;
  readonly engine: Engine;
}

/** What was started, to be stopped in the reverse order. */
class Started implements AsyncDisposable {
  readonly #parts: (AsyncDisposable | Disposable)[] = [];

  use<Part extends AsyncDisposable | Disposable>(part: Part): Part {
    this.#parts.push(part);
    return part;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const parts = this.#parts.splice(0).reverse();
    await stopAll(
      parts.map((part) => async () => {
        if (Symbol.asyncDispose in part) await part[Symbol.asyncDispose]();
        else part[Symbol.dispose]();
      }),
    );
  }
}

/** One after the other; what cannot be stopped does not keep the rest running. Throws all that went wrong. */
export async function stopAll(stops: readonly (() => Promise<void>)[]): Promise<void> {
  const errors: unknown[] = [];
  for (const stop of stops) await stop().catch((error: unknown) => errors.push(error));
  if (errors.length > 0) throw new AggregateError(errors, "not everything could be stopped");
}

/** Builds the server by hand, bottom up. */
export async function startApp(options: AppOptions): Promise<App> {
  const started = new Started();
  try {
    const { url, engine } = await startParts(options, started);
    return { url, engine, [Symbol.asyncDispose]: async () => await started[Symbol.asyncDispose]() };
  } catch (error) {
    await started[Symbol.asyncDispose]();
    throw error;
  }
}

/** What subscriptions follow: each read once for all of them. */
function openStreams(
  engine: Engine,
  blobs: BlobStore,
  started: Started,
  onError: (error: unknown) => void,
): Pick<Services, "runHub" | "changeFeed" | "logHub"> {
  const { database, bus } = engine;
  return {
    runHub: started.use(new RunHub(database, bus, onError)),
    changeFeed: started.use(new ChangeFeed(database, bus, onError)),
    logHub: started.use(new LogHub({ ...engine, blobs }, onError)),
  };
}

async function startParts(options: AppOptions, started: Started): Promise<{ url: string; engine: Engine }> {
  const { config, databaseUrl, encryptionKey = null, logger, clock, runDuties = true } = options;
  const redisUrl = config.redisUrl ?? null;
  const applicationName = apiProcessName();
  const dataSource = createDataSource({ url: databaseUrl, poolSize: config.dbPoolSize, applicationName });
  const database = started.use(new Database(await dataSource.initialize()));
  const installationId = await readInstallationId(database);
  const engine: Engine = {
    database,
    versions: new WorkflowVersions(),
    clock: clock ?? started.use(await DatabaseClock.start(database)),
    bus: started.use(openBus({ redisUrl, installationId, logger })),
  };
  const blobs = openBlobStore(config);
  const streams = openStreams(engine, blobs, started, (error) =>
    logger.error({ err: error }, "what subscriptions follow could not be read"),
  );
  const runners = new RunnerSessions(engine);
  const { maxLogBytes, maxUploadBytes, logRetentionMs, artifactRetentionMs } = config;
  const alone = redisUrl === null;
  const duties = createDuties({ blobs, logRetentionMs, artifactRetentionMs, alone });
  if (runDuties) started.use(new DutyRoster(duties, engine, logger));
  const address = { url: "" };
  const secrets = encryptionKey === null ? null : new SecretBox(encryptionKey);
  const signingKey = await readSigningKey(database);
  const taskTokens = new TaskTokens(signingKey);
  const vault = new SecretVault(database, secrets);
  const http = started.use(
    await startHttpServer({
      ...config,
      schema: buildApiSchema(),
      services: {
        engine,
        ...streams,
        reports: new ReportCollector(engine),
        claims: new ClaimDesk(engine, (session) => runners.forget(session)),
        runners,
        publicUrl: config.publicUrl ?? null,
        ownUrl: () => address.url,
        secrets,
        vault,
        taskTokens,
        blobs,
        limits: { maxLogBytes, maxUploadBytes },
        maxArtifactBytes: config.maxArtifactBytes,
        maskFor: async (projectId, workflowId) => await vault.maskFor(projectId, workflowId),
        links: new SignedLinks(signingKey),
      },
      authenticator: new Authenticator(database, engine.clock, taskTokens),
      logger,
      graphiqlDirectory: GRAPHIQL,
    }),
  );
  address.url = http.url;
  return { url: http.url, engine };
}
