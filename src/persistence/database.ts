import { setTimeout } from "node:timers/promises";
import pg from "pg";
import { type DataSource, type EntityManager, QueryFailedError } from "typeorm";
import type { PostgresDriver } from "typeorm/driver/postgres/PostgresDriver.js";
import { BusyError, CommitUnknownError, DatabaseAwayError } from "../domain/refusals.ts";
import type { Queryable, Statement } from "./queries/queryable.ts";

/** An open transaction. Handed from function to function as the first parameter, never kept. */
export interface Transaction extends Queryable {
  /** TypeORM inside this same transaction, for plain reading and writing of entities. */
  readonly manager: EntityManager;
}

/** The same transaction is run again on these: serialization, deadlock, the server going away and coming back. */
const RETRYABLE = new Set(["40001", "40P01", "57P01", "57P02", "57P03"]);
const MAX_TRIES = 4;
/** Two transactions that collided must not collide again. */
const RETRY_SPREAD_MS = 50;

/** The connection broke before the transaction was committed. */
class ConnectionLostError extends Error {}

export class Database implements Queryable, AsyncDisposable {
  readonly #dataSource: DataSource;

  constructor(dataSource: DataSource) {
    this.#dataSource = dataSource;
  }

  /** TypeORM outside of any transaction. */
  get manager(): EntityManager {
    return this.#dataSource.manager;
  }

  /** One statement, which is its own transaction. */
  async query<Row extends object>(statement: Statement, values: readonly unknown[]): Promise<Row[]> {
    return await retried(async () => await run<Row>(this.#pool, statement, values));
  }

  /** Runs `work` in a transaction; on a conflict it is rolled back and `work` runs again from the start. */
  async transaction<Result>(work: (transaction: Transaction) => Promise<Result>): Promise<Result> {
    return await retried(async () => {
      const runner = this.#dataSource.createQueryRunner();
      const client = (await runner.connect()) as pg.PoolClient;
      // From the commit on nobody knows whether it happened: the transaction must not simply run again.
      let broken: Error | null = null;
      let committing = false;
      const noteBroken = (error: Error): void => {
        if (!committing) broken ??= error;
      };
      client.on("error", noteBroken);
      try {
        await runner.startTransaction();
        const result = await work({
          manager: runner.manager,
          query: async (statement, values) => await run(client, statement, values),
        });
        committing = true;
        await runner.commitTransaction();
        return result;
      } catch (error) {
        // A broken connection cannot roll back, and need not; ended, it does not come back into the pool.
        if (broken !== null || isDatabaseAway(error)) client.end().catch(() => undefined);
        else if (runner.isTransactionActive) await runner.rollbackTransaction().catch(() => undefined);
        // The first error is the one to report.
        if (broken !== null) throw new ConnectionLostError("the database is gone", { cause: broken });
        if (committing && sqlState(error) === null) {
          throw new CommitUnknownError("the database did not answer whether it committed", { cause: error });
        }
        throw error;
      } finally {
        client.off("error", noteBroken);
        await runner.release();
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dataSource.destroy();
  }

  get #pool(): pg.Pool {
    return (this.#dataSource.driver as PostgresDriver).master as pg.Pool;
  }
}

async function run<Row extends object>(
  client: pg.Pool | pg.PoolClient,
  { name, text }: Statement,
  values: readonly unknown[],
): Promise<Row[]> {
  const { rows } = await client.query<Row>({
    ...(name !== undefined && { name }),
    text,
    values: [...values],
  });
  return rows;
}

async function retried<Result>(work: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      const code = sqlState(error);
      if (code === "55P03" || code === "57014") {
        throw new BusyError("the object is busy, try again", { cause: error });
      }
      const passing = error instanceof ConnectionLostError || (code !== null && RETRYABLE.has(code));
      if (!passing || tries >= MAX_TRIES) throw awayOr(error);
      await setTimeout(Math.random() * RETRY_SPREAD_MS * tries);
    }
  }
}

function awayOr(error: unknown): unknown {
  if (!isDatabaseAway(error)) return error;
  return new DatabaseAwayError("the database is away, try again", { cause: error });
}

/** Shut down or starting (57P), connection exceptions (08), and what the network reports. */
const AWAY_CODES = /^(57P0[123]|08...|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT)$/;
/** pg gives no codes to its own errors: broken connections, timeouts of the pool, of connecting and of reading. */
const AWAY_MESSAGES =
  /connection terminated|terminating connection|timeout exceeded when trying to connect|timeout expired|query read timeout|not queryable/i;

/** Whether the database, not the statement, is what failed: the same may work once it is back. */
export function isDatabaseAway(error: unknown): boolean {
  if (error instanceof ConnectionLostError) return true;
  const cause = error instanceof QueryFailedError ? error.driverError : error;
  if (!(cause instanceof Error)) return false;
  const code = "code" in cause ? String(cause.code) : "";
  return AWAY_CODES.test(code) || AWAY_MESSAGES.test(cause.message);
}

/** PostgreSQL's code for a second row under a key that has to be unique. */
export const UNIQUE_VIOLATION = "23505";

/** PostgreSQL's error code (SQLSTATE), also behind TypeORM's wrapper; null for every other error. */
export function sqlState(error: unknown): string | null {
  const cause = error instanceof QueryFailedError ? error.driverError : error;
  return cause instanceof pg.DatabaseError ? (cause.code ?? null) : null;
}
