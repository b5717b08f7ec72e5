import type { Bus } from "../domain/bus.ts";
import type { Logger } from "../observability/logger.ts";
import { InProcessBus } from "./in-process-bus.ts";
import { RedisBus } from "./redis-bus.ts";

export interface BusOptions {
  /** Null = this process hears only itself. */
  readonly redisUrl: string | null;
  /** Installations that share a Redis do not hear each other. */
  readonly installationId: string;
  readonly logger: Logger;
}

/** Does not wait for Redis: without it everything works, only slower. */
export function openBus({ redisUrl, installationId, logger }: BusOptions): Bus & AsyncDisposable {
  if (redisUrl === null) return new InProcessBus();
  return new RedisBus({ url: redisUrl, key: `runcast:notices:${installationId}`, logger });
}
