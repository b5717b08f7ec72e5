import { readdir, readFile } from "node:fs/promises";
import pg from "pg";

export interface PostgresUsage {
  /** CPU time of all processes of the server; null where they cannot be seen: another host, no /proc. */
  readonly cpuUs: number | null;
  /** Transactions that wrote. Their ids are exact at once; pg_stat_database lags by up to ten seconds. */
  readonly transactions: number;
  readonly walBytes: number;
}

const READ = `select pg_snapshot_xmax(pg_current_snapshot())::text::float8 as transactions,
  pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 as "walBytes"`;

/** Linux counts the CPU time of processes in these units, whatever the machine. */
const TICK_US = 10_000;

/** Reads what a PostgreSQL server has used so far; two readings make a measurement. */
export class PostgresMeter implements AsyncDisposable {
  readonly #client: pg.Client;
  readonly #postmaster: number | null;

  private constructor(client: pg.Client, postmaster: number | null) {
    this.#client = client;
    this.#postmaster = postmaster;
  }

  static async open(url: string): Promise<PostgresMeter> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
    const backend = await readProcess(String(rows[0]!.pid));
    // The server may run elsewhere, and then the number belongs to anybody here.
    return new PostgresMeter(client, backend?.name.startsWith("postgres") ? backend.parent : null);
  }

  async read(): Promise<PostgresUsage> {
    const cpuUs = this.#postmaster === null ? null : await cpuOfFamily(this.#postmaster);
    const { rows } = await this.#client.query<Omit<PostgresUsage, "cpuUs">>(READ);
    return { ...rows[0]!, cpuUs };
  }

  /**
   * What autovacuum does sooner or later, and then between two measurements: the planner knows the tables, and
   * knows them at rest, with empty queues.
   */
  async analyzeAtRest(): Promise<void> {
    await this.#client.query("vacuum analyze");
  }

  async version(): Promise<string> {
    const { rows } = await this.#client.query<{ server_version: string }>("show server_version");
    return rows[0]!.server_version;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.end();
  }
}

/** The parent and its living children; those that ended are counted with the parent. */
async function cpuOfFamily(parent: number): Promise<number> {
  const entries = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(entries.map(readProcess));
  const ticks = found.map((each) => {
    if (each?.pid === parent) return each.ownTicks + each.endedTicks;
    return each?.parent === parent ? each.ownTicks : 0;
  });
  return ticks.reduce((sum, each) => sum + each, 0) * TICK_US;
}

interface ProcessTimes {
  readonly pid: number;
  readonly name: string;
  readonly parent: number;
  readonly ownTicks: number;
  /** Of children that have ended. */
  readonly endedTicks: number;
}

async function readProcess(pid: string): Promise<ProcessTimes | null> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => null);
  if (stat === null) return null;
  // The name is in parentheses and may hold any character; the fields behind it are numbers.
  const end = stat.lastIndexOf(")");
  const fields = stat.slice(end + 2).split(" ");
  const [parent, user, system, endedUser, endedSystem] = [1, 11, 12, 13, 14].map((i) => Number(fields[i]));
  return {
    pid: Number(pid),
    name: stat.slice(stat.indexOf("(") + 1, end),
    parent: parent!,
    ownTicks: user! + system!,
    endedTicks: endedUser! + endedSystem!,
  };
}
