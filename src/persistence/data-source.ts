import "reflect-metadata";
import { DataSource } from "typeorm";
import type { PostgresDriver } from "typeorm/driver/postgres/PostgresDriver.js";
import * as migrations from "../../migrations/index.ts";
import { XID8 } from "./entities/columns.ts";
import { ENTITIES } from "./entities/index.ts";

export interface DataSourceOptions {
  readonly url: string;
  readonly poolSize: number;
  /** Shown in pg_stat_activity, so that an operator sees whose connection it is. */
  readonly applicationName?: string;
  /** False for work that may take long: migrations. */
  readonly timeouts?: boolean;
}

/** Statements wait this long for a lock before the caller is told to try again. */
export const LOCK_TIMEOUT_MS = 2_000;
const STATEMENT_TIMEOUT_MS = 8_000;
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 10_000;
/** Longer than the server's own timeout: it ends only what the server no longer answers. */
const QUERY_TIMEOUT_MS = 12_000;
const CONNECT_TIMEOUT_MS = 5_000;
const TIMEOUTS = [
  `-c lock_timeout=${LOCK_TIMEOUT_MS}`,
  `-c statement_timeout=${STATEMENT_TIMEOUT_MS}`,
  `-c idle_in_transaction_session_timeout=${IDLE_IN_TRANSACTION_TIMEOUT_MS}`,
];

/**
 * Every statement finds its rows by an index. PostgreSQL keeps a plan for as long as its connection lives, and one
 * that was made while a table was small would read all of a grown one: at 100,000 steps, each sweep 200,000 rows.
 * JIT is off because the cost that the setting adds to a scan that cannot be avoided would set it off.
 */
const PLANS = ["-c enable_seqscan=off", "-c jit=off"];

export function createDataSource(options: DataSourceOptions): DataSource {
  const { url, poolSize, applicationName = "runcast", timeouts = true } = options;
  const dataSource = new DataSource({
    type: "postgres",
    url,
    poolSize,
    applicationName,
    entities: ENTITIES,
    migrations: Object.values(migrations),
    migrationsTableName: "migration",
    migrationsTransactionMode: "each",
    synchronize: false,
    // Ids are made by the application: no extension has to be installed.
    installExtensions: false,
    extra: {
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      keepAlive: true,
      ...(timeouts && { query_timeout: QUERY_TIMEOUT_MS }),
      options: ["-c timezone=UTC", ...PLANS, ...(timeouts ? TIMEOUTS : [])].join(" "),
    },
  });
  (dataSource.driver as PostgresDriver).supportedDataTypes.push(XID8);
  return dataSource;
}
