import { readFile } from "node:fs/promises";
import { ownCpuUs, serveParent } from "../support/worker.ts";
import { Audience, type AudienceOptions } from "./audience.ts";

/** The subscribers, in a process of their own. */

export interface Heard {
  readonly latencies: readonly number[];
  readonly messageBytes: number;
}

let audience: Audience | undefined;

const handlers = {
  /** Resolves when all of them follow. */
  async connect(options: AudienceOptions) {
    await checkFileLimit(options.subscribers);
    audience = await Audience.open(options);
  },
  /** Resolves when the first of them, or all, have all events. */
  async haveAll({ subscribers }: { subscribers?: number }) {
    await present().haveAll(subscribers ?? present().subscribers.length);
  },
  heard(): Heard {
    const everyone = present().subscribers;
    const sum = (of: (each: (typeof everyone)[number]) => number): number =>
      everyone.reduce((total, each) => total + of(each), 0);
    return {
      latencies: everyone.flatMap(({ latencies }) => latencies),
      messageBytes: sum(({ receivedBytes }) => receivedBytes) / sum(({ received }) => received),
    };
  },
  /** The messages of one subscriber as they came. */
  recorded(): readonly string[] {
    return present().subscribers[0]!.texts;
  },
  /** All but the first `reading` stop to read. */
  pause({ reading }: { reading: number }) {
    present().closable = true;
    for (const each of present().subscribers.slice(reading)) each.pause();
  },
  /** @returns how many have all events, and how the server closed the others */
  async resume(): Promise<{ complete: number; closures: Readonly<Record<string, number>> }> {
    for (const each of present().subscribers) each.resume();
    await present().haveAllOrClosed();
    present().check();
    const complete = present().subscribers.filter(({ stage }) => stage === "following").length;
    return { complete, closures: present().closures };
  },
  /** That nothing was lost or doubled until now; then all of them leave. */
  leave() {
    present().check();
    present().leave();
    audience = undefined;
  },
  cpuUs: ownCpuUs,
};
export type SubscribersHandlers = typeof handlers;

serveParent(handlers, async () => audience?.leave());

function present(): Audience {
  if (audience === undefined) throw new Error("connect comes first");
  return audience;
}

/** What else a process has open. */
const OTHER_FILES = 200;

async function checkFileLimit(subscribers: number): Promise<void> {
  const limits = await readFile("/proc/self/limits", "utf8").catch(() => "");
  const limit = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY);
  if (subscribers + OTHER_FILES <= limit) return;
  throw new Error(`${subscribers} subscribers need more open files than ${limit}: see ulimit -n`);
}
