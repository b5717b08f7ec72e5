import {
  TEST_FAILURES,
  TEST_RUN_STATUSES,
  type TestRegression,
  type TestReviewStatus,
  type TestRunStatus,
} from "../../domain/tests.ts";
import type { Queryable } from "./queryable.ts";
import { TEST_COLUMNS, TEST_TABLES, type TestPlace, type TestRecord } from "./tests.ts";
import { allOf, likeText, oneOf, Values, when } from "./values.ts";

/** Which tests. Null = no condition, an empty list = none match. */
export interface TestFilter {
  readonly status: readonly TestRunStatus[] | null;
  readonly review: readonly TestReviewStatus[] | null;
  readonly regression: readonly TestRegression[] | null;
  /** Part of the key or the name, in any case. */
  readonly search: string | null;
  readonly suite: string | null;
  readonly onlyFailing: boolean;
}

export const TEST_ORDERS = ["ORDER", "DURATION", "STATUS"] as const;
export type TestOrder = (typeof TEST_ORDERS)[number];

export interface TestPosition {
  readonly index: number;
  /** The duration, or the place of the status among all; 0 in the order of discovery. */
  readonly rank: number;
}

/** Those without a duration come last; the number makes a keyset of it. */
const RANKS: Readonly<Record<TestOrder, { readonly sql: string; readonly falls: boolean } | null>> = {
  ORDER: null,
  DURATION: { sql: "coalesce(t.duration_ms, -1)", falls: true },
  STATUS: {
    sql: `array_position(array[${TEST_RUN_STATUSES.map((status) => `'${status}'`).join(", ")}]::test_run_status[], t.status)::float8`,
    falls: false,
  },
};

export interface StepTestPage {
  readonly runId: string;
  readonly step: number;
  readonly filter: TestFilter;
  readonly order: TestOrder;
  readonly from: TestPosition | null;
  readonly backward: boolean;
  readonly limit: number;
  readonly offset: number;
}

export function rankOf({ durationMs, status }: TestRecord, order: TestOrder): number {
  if (order === "ORDER") return 0;
  return order === "DURATION" ? (durationMs ?? -1) : TEST_RUN_STATUSES.indexOf(status) + 1;
}

function conditionsOf(filter: TestFilter, values: Values): string {
  return allOf([
    when(filter.status, (list) => oneOf("t.status", "test_run_status", list, values)),
    when(filter.review, (list) => oneOf("t.review_status", "test_review_status", list, values)),
    when(filter.regression, (list) => oneOf("t.regression", "test_regression", list, values)),
    when(filter.search, (text) => {
      const pattern = values.add(`%${likeText(text)}%`);
      return `(t.key ilike ${pattern} or t.name ilike ${pattern})`;
    }),
    when(filter.suite, (suite) => `t.suite = ${values.add(suite)}::text`),
    filter.onlyFailing ? `t.status in (${TEST_FAILURES.map((status) => `'${status}'`).join(", ")})` : null,
  ]);
}

function ofStep({ runId, step }: Pick<StepTestPage, "runId" | "step">, values: Values): string {
  return `t.run_id = ${values.add(runId)}::uuid and t.step_idx = ${values.add(step)}::integer`;
}

/** Tests of one step by keyset. */
export async function listStepTests(source: Queryable, page: StepTestPage): Promise<TestRecord[]> {
  const values = new Values();
  const rank = RANKS[page.order];
  const own = allOf([ofStep(page, values), conditionsOf(page.filter, values)]);
  const reading = page.backward ? "desc" : "asc";
  const rankReading = rank !== null && rank.falls !== page.backward ? "desc" : "asc";
  const beyond = when(page.from, ({ index, rank: at }) => {
    const sign = page.backward ? "<" : ">";
    const behind = `t.idx ${sign} ${values.add(index)}::integer`;
    if (rank === null) return behind;
    const rankSign = rankReading === "desc" ? "<" : ">";
    const value = `${values.add(at)}::float8`;
    return `(${rank.sql} ${rankSign} ${value} or (${rank.sql} = ${value} and ${behind}))`;
  });
  const order = rank === null ? `t.idx ${reading}` : `${rank.sql} ${rankReading}, t.idx ${reading}`;
  const text = `select ${TEST_COLUMNS} from ${TEST_TABLES} where ${allOf([own, beyond])}
    order by ${order} limit ${values.add(page.limit)} offset ${values.add(page.offset)}`;
  return await source.query<TestRecord>({ text }, values.list);
}

export async function countStepTests(
  source: Queryable,
  place: Pick<StepTestPage, "runId" | "step">,
  filter: TestFilter,
  cap: number,
): Promise<number> {
  const values = new Values();
  const own = allOf([ofStep(place, values), conditionsOf(filter, values)]);
  const text = `select count(*)::integer as count from (select from test_run t where ${own}
    limit ${values.add(cap)}) matching`;
  const [row] = await source.query<{ count: number }>({ text }, values.list);
  return row!.count;
}

export interface TestListPage {
  readonly projectIds: readonly string[];
  /** Of this run only. */
  readonly runId: string | null;
  readonly filter: TestFilter;
  readonly from: TestPlace | null;
  readonly backward: boolean;
  readonly limit: number;
  readonly offset: number;
}

function ofProjects({ projectIds, runId, filter }: Omit<TestListPage, "from">, values: Values): string {
  return allOf([
    "r.deleted_at is null",
    oneOf("r.project_id", "uuid", projectIds, values),
    when(runId, (id) => `t.run_id = ${values.add(id)}::uuid`),
    conditionsOf(filter, values),
  ]);
}

const WITH_RUN = `${TEST_TABLES} join workflow_run r on r.id = t.run_id`;

/** Tests of many runs: those of the newest run first, and of each run its last test first. */
export async function listTests(source: Queryable, page: TestListPage): Promise<TestRecord[]> {
  const values = new Values();
  const [sign, reading] = page.backward ? [">", "asc"] : ["<", "desc"];
  const beyond = when(page.from, ({ runId, step, index }) => {
    const place = `${values.add(runId)}::uuid, ${values.add(step)}::integer, ${values.add(index)}::integer`;
    return `(t.run_id, t.step_idx, t.idx) ${sign} (${place})`;
  });
  const text = `select ${TEST_COLUMNS} from ${WITH_RUN} where ${allOf([ofProjects(page, values), beyond])}
    order by t.run_id ${reading}, t.step_idx ${reading}, t.idx ${reading}
    limit ${values.add(page.limit)} offset ${values.add(page.offset)}`;
  return await source.query<TestRecord>({ text }, values.list);
}

export async function countTests(
  source: Queryable,
  page: Pick<TestListPage, "projectIds" | "runId" | "filter">,
  cap: number,
): Promise<number> {
  const values = new Values();
  const scope = { ...page, backward: false, limit: 0, offset: 0 };
  const text = `select count(*)::integer as count from (
    select from test_run t join workflow_run r on r.id = t.run_id where ${ofProjects(scope, values)}
    limit ${values.add(cap)}) matching`;
  const [row] = await source.query<{ count: number }>({ text }, values.list);
  return row!.count;
}
