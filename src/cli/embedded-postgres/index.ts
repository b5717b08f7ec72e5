import { setTimeout as delay } from "node:timers/promises";
import { prepareBinaries } from "./binaries.ts";
import { DATABASE, SUPERUSER } from "./cluster-settings.ts";
import { prepareDataDirectory, readPassword } from "./data-directory.ts";
import { ensureDatabase } from "./database.ts";
import { EmbeddedPostgresError, toEmbeddedPostgresError } from "./errors.ts";
import { findHome } from "./home.ts";
import { stopOrphan } from "./orphan.ts";
import { RUNS_AS_ROOT } from "./owned-files.ts";
import { acquireOwnerLock } from "./owner-lock.ts";
import { anyFreePort, choosePort, isFree, LOOPBACK, rememberPort } from "./port.ts";
import { type PostgresExit, type Postmaster, type PostmasterOptions, startPostmaster } from "./postmaster.ts";
import { portInUse } from "./refusal.ts";

export {
  EMBEDDED_POSTGRES_ERROR_CODES,
  EmbeddedPostgresError,
  type EmbeddedPostgresErrorCode,
} from "./errors.ts";
export type { PostgresExit } from "./postmaster.ts";

export interface EmbeddedPostgresLogger {
  info(message: string): void;
}

export interface EmbeddedPostgresOptions {
  /** The `.runcast` folder; made when absent. */
  readonly dataRoot: string;
  /** Default: the port of the last start, or a free one. */
  readonly port?: number;
  /** False for throw-away clusters: several times faster, and a power cut may destroy the data. Default true. */
  readonly durable?: boolean;
  readonly logger?: EmbeddedPostgresLogger;
  /** Where root keeps what the user that PostgreSQL runs as cannot reach below `dataRoot`. */
  readonly sharedRoot?: string;
}

export interface EmbeddedPostgres {
  /** Address of the database `runcast`, password included. */
  readonly url: string;
  readonly dataDirectory: string;
  /** Settles when the server ends, asked for or not. Never rejects. */
  readonly exited: Promise<PostgresExit>;
  /** Stops the server and gives the folder free. Repeating it does no harm. */
  stop(): Promise<void>;
}

/**
 * Starts a private PostgreSQL server on 127.0.0.1. It goes down with this process, however that ends, and its
 * data stays for the next start.
 * @throws EmbeddedPostgresError, whose message is one line for the user
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  try {
    return await start(options);
  } catch (error) {
    throw toEmbeddedPostgresError(error);
  }
}

async function start(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { dataRoot, logger, durable = true, sharedRoot = "/var/lib/runcast" } = options;
  const home = await findHome(dataRoot, sharedRoot);
  const lock = await acquireOwnerLock(home.directory);
  try {
    const binaries = await prepareBinaries(home.user, RUNS_AS_ROOT ? sharedRoot : home.directory);
    const created = await prepareDataDirectory(home, binaries, durable);
    logger?.info(`${created ? "New database" : "Database"} in ${home.dataDirectory}`);
    const password = await readPassword(home.directory);
    const { postmaster, port } = await startOnSomePort({ home, binaries, durable }, options);
    const urlOf = (database: string): string =>
      `postgres://${SUPERUSER}:${password}@${LOOPBACK}:${port}/${database}`;
    const stop = async (): Promise<void> => {
      await postmaster.stop();
      await lock.release();
    };
    try {
      await ensureDatabase(urlOf);
      await rememberPort(home.directory, port);
    } catch (error) {
      await postmaster.stop();
      throw error;
    }
    return { url: urlOf(DATABASE), dataDirectory: home.dataDirectory, exited: postmaster.exited, stop };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

const ATTEMPTS = 5;
const LEFTOVER_GRACE_MS = 200;

/**
 * Tries again after what passes by itself or is mended by trying: a port taken by somebody since we looked, and
 * a server, or processes of one, that a killed owner left behind.
 */
async function startOnSomePort(
  server: Omit<PostmasterOptions, "port">,
  { port: wanted, logger }: EmbeddedPostgresOptions,
): Promise<{ postmaster: Postmaster; port: number }> {
  let port = wanted;
  for (let attempt = 1; ; attempt++) {
    const orphan = await stopOrphan(server.home.dataDirectory);
    if (orphan !== null) logger?.info(`Stopped the PostgreSQL of an earlier start (process ${orphan})`);
    if (wanted !== undefined && !(await isFree(wanted))) throw portInUse(wanted);
    port ??= await choosePort(server.home.directory);
    try {
      return { postmaster: await startPostmaster({ ...server, port }), port };
    } catch (error) {
      const code = error instanceof EmbeddedPostgresError ? error.code : null;
      const portTaken = code === "PORT_IN_USE" && wanted === undefined;
      if (attempt === ATTEMPTS || !(portTaken || code === "ALREADY_RUNNING")) throw error;
      if (portTaken) port = await anyFreePort();
      else await delay(attempt * LEFTOVER_GRACE_MS);
    }
  }
}
