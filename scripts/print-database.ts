/**
 * Writes schema/database.sql from a freshly migrated database; with --check it compares instead, for `npm run
 * check`, and asks TypeORM whether entities and tables agree. The database is that of TEST_DATABASE_URL, or an
 * embedded one that leaves nothing behind.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import pg from "pg";
import { withTestDatabase } from "../test/support/postgres.ts";

const file = new URL("../schema/database.sql", import.meta.url);
const checking = process.argv.includes("--check");

/** Each query answers the statements that make one kind of object, in a stable order. */
const OBJECTS = [
  `select format('create type %I as enum (%s);', t.typname,
     string_agg(quote_literal(e.enumlabel), ', ' order by e.enumsortorder))
   from pg_type t join pg_enum e on e.enumtypid = t.oid where t.typnamespace = 'public'::regnamespace
   group by t.typname order by t.typname`,
  `select format(E'create table %I (\\n%s\\n)%s%s;', c.relname,
     (select string_agg(line, E',\\n' order by place, position) from (
        select 1 as place, a.attnum::integer as position, format('  %I %s%s%s%s', a.attname,
          format_type(a.atttypid, a.atttypmod),
          case when a.attidentity = 'a' then ' generated always as identity' else '' end,
          coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), ''),
          case when a.attnotnull then ' not null' else '' end) as line
        from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        union all
        select 2, row_number() over (order by k.conname)::integer,
          format('  constraint %I %s', k.conname, pg_get_constraintdef(k.oid))
        from pg_constraint k where k.conrelid = c.oid and k.contype <> 'n') lines),
     coalesce(' partition by ' || pg_get_partkeydef(c.oid), ''),
     coalesce(' with (' || array_to_string(c.reloptions, ', ') || ')', ''))
   from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
     and not c.relispartition and c.relname <> 'migration' order by c.relname`,
  `select pg_get_indexdef(i.indexrelid) || ';'
   from pg_index i join pg_class c on c.oid = i.indexrelid join pg_class t on t.oid = i.indrelid
   where c.relnamespace = 'public'::regnamespace and not t.relispartition and t.relname <> 'migration'
     and not exists (select from pg_constraint k where k.conindid = i.indexrelid)
   order by c.relname`,
  `select pg_get_functiondef(p.oid) || ';' from pg_proc p
   where p.pronamespace = 'public'::regnamespace order by p.proname`,
  `select pg_get_triggerdef(t.oid) || ';' from pg_trigger t join pg_class c on c.oid = t.tgrelid
   where c.relnamespace = 'public'::regnamespace and not t.tgisinternal order by c.relname, t.tgname`,
];

await withTestDatabase(async (url) => {
  const printed = await print(url);
  if (!checking) {
    writeFileSync(file, printed);
    return;
  }
  if (readFileSync(file, "utf8") !== printed) {
    console.error("schema/database.sql is not what the migrations make; run: npm run database");
    process.exitCode = 1;
  }
  checkEntities(url);
});

async function print(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const parts: string[] = [
      "-- Made by `npm run database` from a migrated database. Monthly partitions are left out.",
    ];
    for (const text of OBJECTS) {
      const { rows } = await client.query<string[]>({ text, rowMode: "array" });
      parts.push(...rows.map(([statement]) => statement!));
    }
    return `${parts.join("\n\n")}\n`;
  } finally {
    await client.end();
  }
}

/** TypeORM would have to generate a migration if an entity were not what its table is. */
function checkEntities(url: string): void {
  const args = ["--import", "tsx", "node_modules/typeorm/cli.js", "-d", "ormconfig.ts", "migration:generate"];
  try {
    execFileSync(process.execPath, [...args, "migrations/drift", "--check"], {
      env: { ...process.env, DATABASE_URL: url },
      stdio: ["ignore", "pipe", "pipe"],
      encoding: "utf8",
    });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    console.error(`entities and tables differ:\n${stdout}${stderr}`);
    process.exitCode = 1;
  }
}
