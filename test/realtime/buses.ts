import { randomUUID } from "node:crypto";
import { Writable } from "node:stream";
import { pino } from "pino";
import { type Bus, keyOfNotice, type Notice, noticeKeys } from "../../src/domain/bus.ts";
import { InProcessBus } from "../../src/realtime/in-process-bus.ts";
import { RedisBus } from "../../src/realtime/redis-bus.ts";
import { waitFor } from "../support/wait-for.ts";

/** Two ends of a bus: what one publishes, the other hears. */
export interface BusPair<End extends Bus = Bus> extends AsyncDisposable {
  readonly one: End;
  readonly other: End;
}

export function inProcessPair(): BusPair {
  const bus = new InProcessBus();
  return { one: bus, other: bus, [Symbol.asyncDispose]: async () => undefined };
}

/** Two processes of an installation, as far as Redis can tell. */
export async function redisPair(url: string, key: string): Promise<BusPair<RedisBus>> {
  const one = await connectedRedisBus(url, key);
  const other = await connectedRedisBus(url, key);
  await Promise.all([meet(one, other), meet(other, one)]);
  return {
    one,
    other,
    async [Symbol.asyncDispose]() {
      await Promise.all([one[Symbol.asyncDispose](), other[Symbol.asyncDispose]()]);
    },
  };
}

/** A bus that has its connections: before, what is published is lost to others. */
export async function connectedRedisBus(...args: Parameters<typeof openRedisBus>): Promise<RedisBus> {
  const bus = openRedisBus(...args);
  const heard = collect(bus, "connection");
  await waitFor("a connection", () => heard.doubts > 0);
  heard.close();
  return bus;
}

export function openRedisBus(url: string, key: string, logger = pino({ level: "silent" })) {
  return new RedisBus({ url, key, logger });
}

/** Waits until `to` hears `from`; what `from` published before, `to` has heard then. */
export async function meet(from: Bus, to: Bus): Promise<void> {
  const probe = cancelOf(randomUUID());
  const heard = collect(to, keyOfNotice(probe));
  await waitFor("a notice to pass", () => {
    from.publish(probe);
    return heard.notices.length > 0;
  });
  heard.close();
}

export interface Heard {
  readonly notices: readonly Notice[];
  /** How often it was told that anything may have happened. */
  readonly doubts: number;
  close(): void;
}

export function collect(bus: Bus, ...keys: string[]): Heard {
  const notices: Notice[] = [];
  let doubts = 0;
  const watch = bus.watch(keys, (notice) => {
    if (notice === null) doubts++;
    else notices.push(notice);
  });
  return {
    notices,
    get doubts() {
      return doubts;
    },
    close: () => watch[Symbol.dispose](),
  };
}

export const runNotice = (runId: string, lastSeq: number): Notice => ({ topic: "run", runId, lastSeq });
export const cancelOf = (session: string): Notice => ({ topic: "cancel", session });
export const runKey = noticeKeys.run;

/** A logger whose lines can be looked at. */
export function listeningLogger() {
  const lines: string[] = [];
  const destination = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  const written = (level: "warn" | "info"): Record<string, unknown>[] =>
    lines
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter((line) => line["level"] === pino.levels.values[level]);
  return { logger: pino(destination), written, text: () => lines.join("") };
}
