import pg from "pg";

/** The least a queue in PostgreSQL can do: one table, one worker, claim a batch, delete it when done. */

const BATCH = 100;

const SETUP = `
create table if not exists floor_task (
  id bigint primary key generated always as identity,
  claimed boolean not null default false,
  payload jsonb not null
);
create index if not exists floor_task_ready on floor_task (id) where not claimed;
truncate floor_task`;
const SEED = `insert into floor_task (payload) select '{"run": ":"}' from generate_series(1, $1)`;
const CLAIM = {
  name: "floor-claim",
  text: `update floor_task t set claimed = true
    from (select id from floor_task where not claimed order by id limit ${BATCH} for update skip locked) next
    where t.id = next.id returning t.id, t.payload`,
};
const ACKNOWLEDGE = { name: "floor-acknowledge", text: "delete from floor_task where id = any ($1)" };

export class Floor {
  readonly #client: pg.Client;

  private constructor(client: pg.Client) {
    this.#client = client;
  }

  static async open(databaseUrl: string): Promise<Floor> {
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    return new Floor(client);
  }

  /** Puts tasks into an empty queue; not measured. */
  async seed(tasks: number): Promise<void> {
    await this.#client.query(SETUP);
    await this.#client.query(SEED, [tasks]);
    await this.#client.query("vacuum analyze floor_task");
  }

  async drain(): Promise<void> {
    for (;;) {
      const { rows } = await this.#client.query<{ id: string }>(CLAIM);
      if (rows.length === 0) return;
      await this.#client.query({ ...ACKNOWLEDGE, values: [rows.map(({ id }) => id)] });
    }
  }

  async close(): Promise<void> {
    await this.#client.end();
  }
}
