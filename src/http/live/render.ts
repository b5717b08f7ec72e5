import { setTimeout as pause } from "node:timers/promises";
import { type ExecutionArgs, type ExecutionResult, execute, type GraphQLError } from "graphql";
import type { RequestContext } from "../../graphql/context.ts";

/** As a client gets it, with its errors made public. */
export type PublicResult = Omit<ExecutionResult, "errors"> & { readonly errors?: readonly unknown[] };
export type ToPublic = (errors: readonly GraphQLError[], context: RequestContext) => readonly unknown[];

/** While the database is away, a message is made again after a pause, and in the end given up with its error. */
const AWAY_MS = 500;
const PATIENCE_MS = 30_000;
/** Objects of so many messages are read together. */
const TOGETHER = 100;

/** Executes a subscription's operation for each of its items. */
export class Renderer {
  readonly #args: ExecutionArgs;
  readonly #toPublic: ToPublic;

  constructor(args: ExecutionArgs, toPublic: ToPublic) {
    this.#args = args;
    this.#toPublic = toPublic;
  }

  /** What the items link to is read once for all of them, and shown as it is now. */
  async results(items: readonly unknown[]): Promise<PublicResult[]> {
    const results: PublicResult[] = [];
    for (let at = 0; at < items.length; at += TOGETHER) {
      const context = (this.#args.contextValue as RequestContext).later();
      const some = items.slice(at, at + TOGETHER);
      results.push(...(await Promise.all(some.map(async (item) => await this.#result(item, context)))));
    }
    return results;
  }

  async #result(item: unknown, context: RequestContext): Promise<PublicResult> {
    const deadline = performance.now() + PATIENCE_MS;
    for (let contextValue = context; ; contextValue = context.later()) {
      const result = await execute({ ...this.#args, rootValue: item, contextValue });
      if (result.errors === undefined) return result;
      const errors = this.#toPublic(result.errors, context);
      if (!errors.some(isBusy) || performance.now() > deadline) return { ...result, errors };
      await pause(AWAY_MS);
    }
  }
}

function isBusy(error: unknown): boolean {
  return (error as { extensions?: { code?: unknown } }).extensions?.code === "BUSY";
}
