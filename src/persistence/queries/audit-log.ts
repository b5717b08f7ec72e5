import type { Queryable, Statement } from "./queryable.ts";
import { type AccountCondition, accountCondition } from "./run-filter.ts";
import { allOf, type Span, Values, when, within } from "./values.ts";

export interface AuditEntryRecord {
  readonly id: string;
  readonly projectId: string;
  readonly actorId: string | null;
  readonly action: string;
  readonly target: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly at: Date;
}

export interface AuditFilter {
  readonly actor: AccountCondition | null;
  readonly action: readonly string[] | null;
  readonly target: string | null;
  readonly at: Span | null;
}

export interface AuditPage {
  readonly projectId: string;
  readonly filter: AuditFilter;
  readonly backward: boolean;
  /** Key of the neighbour. */
  readonly from: string | null;
  readonly limit: number;
  readonly offset: number;
}

const COLUMNS = `e.id, e.project_id as "projectId", e.actor_id as "actorId", e.action, e.target, e.details, e.at`;
const FIND: Statement = {
  name: "find-audit-entries",
  text: `select ${COLUMNS} from audit_entry e where e.id = any ($1) and e.project_id is not null`,
};

export async function findAuditEntries(
  source: Queryable,
  ids: readonly string[],
): Promise<AuditEntryRecord[]> {
  return await source.query<AuditEntryRecord>(FIND, [ids]);
}

function conditionsOf(projectId: string, filter: AuditFilter, values: Values): string {
  return allOf([
    `e.project_id = ${values.add(projectId)}::uuid`,
    when(filter.actor, (account) => accountCondition("e.actor_id", account, values)),
    when(filter.action, (names) => `e.action = any (${values.add(names)}::text[])`),
    when(filter.target, (id) => `e.target = ${values.add(id)}::text`),
    within("e.at", filter.at, values),
  ]);
}

/** What people did in a project, the newest first: keys of entries sort by time. */
export async function listAuditEntries(source: Queryable, page: AuditPage): Promise<AuditEntryRecord[]> {
  const values = new Values();
  const [sign, reading] = page.backward ? [">", "asc"] : ["<", "desc"];
  const beyond = when(page.from, (id) => `e.id ${sign} ${values.add(id)}::uuid`);
  const text = `select ${COLUMNS} from audit_entry e
    where ${allOf([conditionsOf(page.projectId, page.filter, values), beyond])}
    order by e.id ${reading} limit ${values.add(page.limit)} offset ${values.add(page.offset)}`;
  return await source.query<AuditEntryRecord>({ text }, values.list);
}

/** How many there are, counted up to `cap` and no further. */
export async function countAuditEntries(
  source: Queryable,
  projectId: string,
  filter: AuditFilter,
  cap: number,
): Promise<number> {
  const values = new Values();
  const text = `select count(*)::integer as count from (
    select from audit_entry e where ${conditionsOf(projectId, filter, values)} limit ${values.add(cap)}) matching`;
  const [row] = await source.query<{ count: number }>({ text }, values.list);
  return row!.count;
}
