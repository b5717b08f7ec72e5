import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { interrupted } from "./interrupt.ts";

/** What a worker can be asked, by name. */
type Handlers = Readonly<Record<string, (input: never) => unknown>>;

type Answer = { readonly result: unknown } | { readonly error: string };

const END_MS = 10_000;

/** A process of the benchmark's own: it answers one request after the other and ends with its parent. */
export class Worker<Served extends Handlers> implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;

  /** @param module calls `serveParent` */
  constructor(module: URL, nodeOptions: readonly string[] = []) {
    // The parent's own options make TypeScript run there too.
    this.#child = fork(module, { execArgv: [...process.execArgv, ...nodeOptions] });
    this.#exited = once(this.#child, "exit");
  }

  /** Rejects when the worker fails, ends, or takes longer than `timeoutMs`. */
  async ask<Name extends keyof Served & string>(
    name: Name,
    input: Parameters<Served[Name]>[0],
    timeoutMs = 60_000,
  ): Promise<Awaited<ReturnType<Served[Name]>>> {
    const settled = new AbortController();
    const signal = AbortSignal.any([settled.signal, interrupted, AbortSignal.timeout(timeoutMs)]);
    try {
      const answered = once(this.#child, "message", { signal });
      this.#child.send({ name, input });
      const [answer] = (await Promise.race([answered, this.#ended(name)])) as [Answer];
      if ("error" in answer) throw new Error(`${name} failed: ${answer.error}`);
      return answer.result as Awaited<ReturnType<Served[Name]>>;
    } catch (error) {
      if (interrupted.aborted || !signal.aborted) throw error;
      throw new Error(`the process that was asked to ${name} gave no answer within ${timeoutMs} ms`);
    } finally {
      settled.abort();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), END_MS);
    await this.#exited;
    clearTimeout(timer);
  }

  async #ended(name: string): Promise<never> {
    await this.#exited;
    throw new Error(`the process that was asked to ${name} has ended`);
  }
}

/**
 * The worker's side.
 * @param close called once when the parent is done or gone; then the process ends
 */
export function serveParent(handlers: Handlers, close: () => Promise<void>): void {
  // A terminal sends Ctrl-C to the parent too, and the parent ends its workers in order.
  process.on("SIGINT", () => undefined);
  process.on("message", async ({ name, input }: { name: string; input: never }) => {
    try {
      answer({ result: await handlers[name]!(input) });
    } catch (error) {
      answer({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  });
  process.on("disconnect", async () => {
    setTimeout(() => process.exit(1), END_MS / 2).unref();
    await close();
    process.exit();
  });
}

/** A parent that is gone meanwhile wants no answer. */
function answer(answer: Answer): void {
  if (process.connected) process.send!(answer, undefined, undefined, () => undefined);
}

/** CPU time of this process so far, all its threads together. */
export function ownCpuUs(): number {
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  return userCPUTime + systemCPUTime;
}
