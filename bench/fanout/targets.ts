import type { RestingMemory } from "../support/resting-memory.ts";
import type { ServerHandlers } from "../support/server.ts";
import { Worker } from "../support/worker.ts";
import type { AudienceOptions } from "./audience.ts";
import type { FloorHandlers } from "./floor.ts";
import type { Pace } from "./pace.ts";
import type { PeerHandlers } from "./peer.ts";
import type { ProducerHandlers } from "./producer.ts";

/** A server whose deliveries are measured. */
export interface Target {
  readonly name: "subject" | "floor" | "peer";
  /** Whether telling events costs the server something even when nobody listens. */
  readonly produces: boolean;
  /** Makes a run that can tell `events`. */
  begin(events: number): Promise<Address>;
  /** Resolves when the server has really subscribed all who say that they follow. */
  followed(subscribers: number): Promise<void>;
  /** @param recorded messages of the subject, to be told again by the others */
  tell(pace: Pace, recorded: readonly string[], timeoutMs: number): Promise<void>;
  end(): Promise<void>;
  cpuUs(): Promise<number>;
  /** @param turns garbage collections at most, each of a quarter of a second */
  restingMemory(turns?: number): Promise<RestingMemory>;
}

export type Address = Pick<
  AudienceOptions,
  "url" | "tokens" | "workflowRunId" | "catchesUp" | "fixedOperation"
>;

export interface TargetsOptions {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly folder: string;
  readonly profile?: string | undefined;
  readonly subscribers: number;
}

export interface Targets extends AsyncDisposable {
  readonly subject: Target;
  readonly floor: Target;
  readonly peer: Target;
}

/** What the server lets one account have at the same time. */
const SOCKETS_PER_ACCOUNT = 20;
/** The whole of a server that is kept busy by thousands of subscribers is slow, and so are its answers. */
const PATIENT_MS = 180_000;

/** Fresh processes for all three. */
export async function openTargets(options: TargetsOptions): Promise<Targets> {
  const workers: AsyncDisposable[] = [];
  const launch = <Handlers extends Record<string, (input: never) => unknown>>(
    module: string,
    nodeOptions: readonly string[] = [],
  ): Worker<Handlers> => {
    const worker = new Worker<Handlers>(new URL(module, import.meta.url), nodeOptions);
    workers.push(worker);
    return worker;
  };
  const stop = async (): Promise<void> => {
    await Promise.all(workers.map(async (worker) => await worker[Symbol.asyncDispose]()));
  };
  const { profile } = options;
  const profiling = profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profile}`];
  try {
    const server = launch<ServerHandlers>("../support/server.ts", ["--expose-gc", ...profiling]);
    const floor = launch<FloorHandlers>("./floor.ts", ["--expose-gc"]);
    const peer = launch<PeerHandlers>("./peer.ts", ["--expose-gc"]);
    const producer = launch<ProducerHandlers>("./producer.ts");
    return {
      subject: await subjectOf(server, producer, options),
      floor: await floorOf(floor),
      peer: await peerOf(peer, producer, options),
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

type Metered = Pick<Target, "cpuUs" | "restingMemory">;

function meters(server: Worker<ServerHandlers> | Worker<FloorHandlers> | Worker<PeerHandlers>): Metered {
  const metered = server as Worker<Pick<FloorHandlers, "cpuUs" | "restingMemory">>;
  return {
    cpuUs: async () => await metered.ask("cpuUs", undefined, PATIENT_MS),
    restingMemory: async (turns) =>
      await metered.ask("restingMemory", turns === undefined ? {} : { turns }, PATIENT_MS),
  };
}

async function subjectOf(
  server: Worker<ServerHandlers>,
  producer: Worker<ProducerHandlers>,
  { databaseUrl, redisUrl, folder, subscribers }: TargetsOptions,
): Promise<Target> {
  const address = await server.ask("start", { databaseUrl, folder, redisUrl });
  await producer.ask("connect", { ...address, redisUrl });
  const count = Math.ceil(subscribers / SOCKETS_PER_ACCOUNT);
  const tokens = await producer.ask("createReaders", { count }, PATIENT_MS);
  const url = `${address.url.replace(/^http/, "ws").replace(/\/$/, "")}/graphql`;
  return {
    name: "subject",
    produces: true,
    begin: async (events) => {
      const workflowRunId = await producer.ask("beginRun", { events }, PATIENT_MS);
      return { url, tokens, workflowRunId, catchesUp: true, fixedOperation: false };
    },
    followed: async () => undefined,
    tell: async (pace, _, timeoutMs) => {
      const repeated = await producer.ask("tell", pace, timeoutMs);
      if (repeated > 0) console.error(`the server was too busy for ${repeated} of the runner's requests`);
    },
    end: async () => await producer.ask("endRun", undefined, PATIENT_MS),
    ...meters(server),
  };
}

async function floorOf(server: Worker<FloorHandlers>): Promise<Target> {
  const url = await server.ask("start", undefined);
  return {
    name: "floor",
    produces: false,
    begin: async () => ({ url, tokens: [], workflowRunId: "", catchesUp: true, fixedOperation: true }),
    followed: async () => undefined,
    tell: async (pace, recorded, timeoutMs) => await server.ask("tell", { pace, recorded }, timeoutMs),
    end: async () => undefined,
    ...meters(server),
  };
}

async function peerOf(
  server: Worker<PeerHandlers>,
  producer: Worker<ProducerHandlers>,
  { redisUrl }: TargetsOptions,
): Promise<Target> {
  const url = await server.ask("start", { redisUrl });
  return {
    name: "peer",
    produces: false,
    begin: async () => ({ url, tokens: [], workflowRunId: "", catchesUp: false, fixedOperation: false }),
    followed: async (count) => await server.ask("subscribed", { count }, PATIENT_MS),
    tell: async (pace, recorded, timeoutMs) => await producer.ask("publish", { pace, recorded }, timeoutMs),
    end: async () => undefined,
    ...meters(server),
  };
}
