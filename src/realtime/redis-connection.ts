import { Redis } from "ioredis";

const CONNECT_TIMEOUT_MS = 2_000;
/** A connection that does not close when asked to is cut. */
const CLOSE_TIMEOUT_MS = 200;

export interface ConnectionOptions {
  /** The longest any answer may take, also those to the first commands, which the driver sends. */
  readonly answerTimeoutMs: number;
  /** Aborted, the connection is closed. */
  readonly signal?: AbortSignal;
}

/**
 * Opens a connection that is never opened again by itself: the driver would lose what came meanwhile and say
 * nothing. Errors carry a text only, because the driver's own also carry the command, and with it the password.
 */
export async function connectToRedis(url: string, options: ConnectionOptions): Promise<Redis> {
  const { answerTimeoutMs, signal } = options;
  const redis = new Redis(url, {
    lazyConnect: true,
    retryStrategy: null,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    autoResendUnfulfilledCommands: false,
    connectTimeout: CONNECT_TIMEOUT_MS,
    commandTimeout: answerTimeoutMs,
    disconnectTimeout: CLOSE_TIMEOUT_MS,
    maxLoadingRetryTime: 1_000,
    connectionName: "runcast",
    disableClientInfo: true,
  });
  // Says why; the promise only says that the connection is closed.
  const faults: unknown[] = [];
  redis.on("error", (error) => faults.push(error));
  const close = (): void => redis.disconnect();
  signal?.addEventListener("abort", close, { once: true });
  redis.once("end", () => signal?.removeEventListener("abort", close));
  try {
    signal?.throwIfAborted();
    await redis.connect();
    // A database number that does not exist is refused, and the driver goes on with another.
    if (faults.length > 0) throw faults[0];
    return redis;
  } catch (error) {
    redis.disconnect();
    throw new Error(reasonOf(faults[0] ?? error));
  }
}

/** Where there are several addresses, the error has a code and no text. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message === "" && "code" in error ? String(error.code) : error.message;
}

/** Asks Redis for an answer. @returns its version */
export async function pingRedis(url: string): Promise<string> {
  const redis = await connectToRedis(url, { answerTimeoutMs: CONNECT_TIMEOUT_MS });
  try {
    await redis.ping();
    return /^redis_version:(\S+)/m.exec(await redis.info("server"))?.[1] ?? "of unknown version";
  } catch (error) {
    throw new Error(reasonOf(error));
  } finally {
    redis.disconnect();
  }
}
