import type { MigrationInterface, QueryRunner } from "typeorm";

/**
 * What files need: a key that links are signed with, the same for all replicas. From here on every partitioned
 * table gets its monthly partitions, whatever its name.
 */
export class Storage1797000000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    for (const statement of [SIGNING_KEY, PARTITIONS]) await queryRunner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error("links that were signed would not be valid any more: restore a backup");
  }
}

/** `gen_random_uuid` takes 122 bits each from PostgreSQL's strong random source. */
const SIGNING_KEY = `
alter table installation add signing_key bytea;
update installation set
  signing_key = sha256((gen_random_uuid()::text || gen_random_uuid()::text || gen_random_uuid()::text)::bytea);
alter table installation alter signing_key set not null;
`;

const PARTITIONS = `
create or replace function ensure_run_partitions(p_from timestamptz, p_months integer) returns integer
language plpgsql as $$
declare
  v_created integer := 0;
  v_start timestamptz;
  v_parent text;
  v_name text;
begin
  for v_start in
    select month at time zone 'UTC'
    from generate_series(date_trunc('month', p_from at time zone 'UTC'),
                         date_trunc('month', p_from at time zone 'UTC') + make_interval(months => p_months),
                         interval '1 month') as month
  loop
    for v_parent in
      select c.relname from pg_partitioned_table p join pg_class c on c.oid = p.partrelid
      where c.relnamespace = current_schema()::regnamespace order by c.relname
    loop
      v_name := v_parent || to_char(v_start at time zone 'UTC', '_YYYY_MM');
      continue when to_regclass(v_name) is not null;
      execute format('create table %I partition of %I for values from (%L) to (%L)', v_name, v_parent,
        run_id_at(v_start), run_id_at((v_start at time zone 'UTC' + interval '1 month') at time zone 'UTC'));
      v_created := v_created + 1;
    end loop;
  end loop;
  return v_created;
end $$;
`;
