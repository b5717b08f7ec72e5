import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeId } from "../../src/domain/ids.ts";
import { WORKFLOW_RUN_STATUSES } from "../../src/domain/statuses.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { deploy, trigger } from "../support/workflows.ts";

const FLOW = (name: string) => `name: ${name}\nstages: [{ name: a, steps: [{ ref: x, run: "true" }] }]\n`;

interface Row {
  readonly status: string;
  readonly created: string;
  /** Seconds. */
  readonly took?: number;
  readonly queued?: number;
  readonly labels?: Record<string, string>;
  readonly branch?: string;
  readonly flow?: "two";
  readonly deleted?: true;
}
/** Around the change to winter time in Berlin: on the 25th at 3:00 it is 2:00 again. */
const ROWS: readonly Row[] = [
  { status: "SUCCEEDED", created: "2026-10-24T21:59:59Z", took: 1, queued: 2, branch: "main" },
  { status: "SUCCEEDED", created: "2026-10-24T22:00:00Z", took: 3, queued: 4, labels: { env: "prod" } },
  { status: "FAILED", created: "2026-10-25T22:59:59Z", took: 5, labels: { env: "prod", team: "a" } },
  { status: "TIMED_OUT", created: "2026-10-25T23:00:00Z", took: 7, labels: { env: "test" }, branch: "main" },
  { status: "CANCELED", created: "2026-10-28T12:00:00Z", branch: "topic", flow: "two" },
  { status: "RUNNING", created: "2026-10-28T12:30:00Z", labels: { env: "prod" }, flow: "two" },
  {
    status: "FAILED",
    created: "2026-10-26T12:30:00Z",
    labels: { env: "gone" },
    branch: "gone",
    deleted: true,
  },
];

let server: TestServer;
let flows: { one: string; two: string; idle: string };
beforeAll(async () => {
  server = await startTestServer({ clock: new ManualClock(), runDuties: false });
  await server.tokenWith("far", "PROJECT_USER");
  flows = {
    one: await deploy(server.admin, FLOW("one")),
    two: await deploy(server.admin, FLOW("two")),
    idle: await deploy(server.admin, FLOW("idle")),
  };
  await trigger(server.admin, await deploy(server.admin, FLOW("far"), "far"));
  for (const row of ROWS) {
    const { labels = {}, branch, took, queued = 0 } = row;
    const { id } = await trigger(server.admin, flows[row.flow ?? "one"], {
      labels,
      ...(branch && { branch }),
    });
    const begun = new Date(Date.parse(row.created) + queued * 1_000);
    const ended = took === undefined ? null : new Date(begun.getTime() + took * 1_000);
    await server.database.query(
      `update workflow_run set status = $2, created_at = $3, queued_at = $3, started_at = $4, finished_at = $5,
        deleted_at = $6 where id = $1`,
      [
        decodeId(id)!.uuid,
        row.status,
        row.created,
        took === undefined ? null : begun,
        ended,
        row.deleted ? begun : null,
      ],
    );
  }
});
afterAll(async () => await server[Symbol.asyncDispose]());

async function ask(field: string, args: string, selection: string, token = server.adminToken) {
  const { body } = await server.post({ query: `{ answer: ${field}(${args}) ${selection} }` }, { token });
  expect(body.errors ?? []).toEqual([]);
  return body.data.answer;
}

async function refusal(field: string, args: string, selection: string): Promise<string> {
  const { body } = await server.post({ query: `{ answer: ${field}(${args}) ${selection} }` });
  return body.errors?.[0].extensions.code;
}

const COUNTS = "{ total groups { key label count } }";
const counts = async (args: string) => {
  const { total, groups } = await ask("workflowRunCounts", `projectId: "default", ${args}`, COUNTS);
  const pairs = groups.map(({ key, count }: { key: string; count: number }) => [key, count]);
  return { total, groups: Object.fromEntries(pairs) as Record<string, number>, labels: groups };
};

describe("counts of runs", () => {
  it("by status have every status", async () => {
    const { total, groups } = await counts("filter: {}");
    expect(total).toBe(6);
    expect(Object.keys(groups)).toEqual([...WORKFLOW_RUN_STATUSES]);
    expect(groups).toMatchObject({
      SUCCEEDED: 2,
      FAILED: 1,
      TIMED_OUT: 1,
      CANCELED: 1,
      RUNNING: 1,
      PAUSED: 0,
    });
  });

  it("by result have every result", async () => {
    const { total, groups } = await counts("groupBy: { by: RESULT }");
    expect({ total, groups }).toEqual({ total: 6, groups: { PASSED: 2, FAILED: 2, ABORTED: 1, UNKNOWN: 1 } });
  });

  it("by workflow have every workflow, or those that the filter names", async () => {
    const { groups, labels } = await counts("groupBy: { by: WORKFLOW }");
    expect(groups).toEqual({ [flows.one]: 4, [flows.two]: 2, [flows.idle]: 0 });
    expect(labels.map(({ label }: { label: string }) => label)).toEqual(["one", "two", "idle"]);
    const some = await counts(`filter: { workflowIds: ["${flows.idle}"] }, groupBy: { by: WORKFLOW }`);
    expect(some).toMatchObject({ total: 0, groups: { [flows.idle]: 0 } });
  });

  it("by a label count those that have it", async () => {
    const { total, groups } = await counts(`groupBy: { by: LABEL, labelKey: "env" }`);
    expect({ total, groups }).toEqual({ total: 6, groups: { prod: 3, test: 1 } });
  });

  it("by day follow the time zone, over the change of the clocks, with no day left out", async () => {
    const { groups } = await counts(`groupBy: { by: DAY, timeZone: "Europe/Berlin" }`);
    expect(groups).toEqual({
      "2026-10-24": 1,
      "2026-10-25": 2,
      "2026-10-26": 1,
      "2026-10-27": 0,
      "2026-10-28": 2,
    });
    const bounds = `created: { gte: "2026-10-23T00:00:00Z", lt: "2026-10-26T00:00:00Z" }`;
    const bounded = await counts(`filter: { ${bounds} }, groupBy: { by: DAY }`);
    expect(bounded.groups).toEqual({ "2026-10-23": 0, "2026-10-24": 2, "2026-10-25": 2 });
    const none = await counts(`filter: { ids: [], ${bounds} }, groupBy: { by: DAY }`);
    expect(none).toMatchObject({ total: 0, groups: { "2026-10-23": 0, "2026-10-24": 0, "2026-10-25": 0 } });
    expect(await counts("filter: { ids: [] }, groupBy: { by: DAY }")).toMatchObject({ total: 0, groups: {} });
  });

  it("by day may have 366 days", async () => {
    const year = (lt: string) =>
      `projectId: "default", filter: { created: { gte: "2026-01-01T00:00:00Z", lt: "${lt}" } }, groupBy: { by: DAY }`;
    expect((await ask("workflowRunCounts", year("2027-01-02T00:00:00Z"), COUNTS)).groups).toHaveLength(366);
    for (const lt of ["2027-01-03T00:00:00Z", "9999-12-31T00:00:00Z"])
      expect(await refusal("workflowRunCounts", year(lt), COUNTS)).toBe("BAD_USER_INPUT");
  });

  it.each([
    'by: DAY, timeZone: "Mars/Olympus"',
    'by: DAY, timeZone: "+02:00"',
    'by: DAY, timeZone: ""',
    "by: LABEL",
    'by: STATUS, labelKey: "env"',
  ])("by { %s } are refused", async (groupBy) => {
    expect(await refusal("workflowRunCounts", `groupBy: { ${groupBy} }`, COUNTS)).toBe("BAD_USER_INPUT");
  });

  it("are of what the viewer may read", async () => {
    const token = await server.tokenWith("far", "PROJECT_USER");
    expect((await ask("workflowRunCounts", "filter: {}", COUNTS, token)).total).toBe(1);
    expect((await ask("workflowRunCounts", "filter: {}", COUNTS)).total).toBe(7);
  });
});

const FIGURES = "count p50DurationMs p95DurationMs avgQueuedMs";
const STATS = `{ successRate ${FIGURES} buckets { from succeeded failed canceled ${FIGURES} } }`;

describe("statistics of runs", () => {
  it("sum up each span of time, and all of it", async () => {
    const stats = await ask("workflowRunStats", `projectId: "default", timeZone: "Europe/Berlin"`, STATS);
    expect(stats).toMatchObject({
      count: 6,
      successRate: 0.5,
      p50DurationMs: 4_000,
      p95DurationMs: 6_700,
      avgQueuedMs: 1_500,
    });
    const pick = ({ from, count, succeeded, failed, canceled, p50DurationMs }: Record<string, unknown>) => [
      from,
      count,
      succeeded,
      failed,
      canceled,
      p50DurationMs,
    ];
    expect(stats.buckets.map(pick)).toEqual([
      ["2026-10-23T22:00:00.000Z", 1, 1, 0, 0, 1_000],
      ["2026-10-24T22:00:00.000Z", 2, 1, 1, 0, 4_000],
      ["2026-10-25T23:00:00.000Z", 1, 0, 1, 0, 7_000],
      ["2026-10-27T23:00:00.000Z", 2, 0, 0, 1, null],
    ]);
  });

  it("come by the hour and by the week", async () => {
    const spans = async (bucket: string) =>
      (await ask("workflowRunStats", `projectId: "default", bucket: ${bucket}`, STATS)).buckets.map(
        ({ from, count }: { from: string; count: number }) => [from, count],
      );
    expect(await spans("HOUR")).toHaveLength(5);
    expect((await spans("HOUR")).at(-1)).toEqual(["2026-10-28T12:00:00.000Z", 2]);
    expect(await spans("WEEK")).toEqual([
      ["2026-10-19T00:00:00.000Z", 4],
      ["2026-10-26T00:00:00.000Z", 2],
    ]);
  });

  it("of nothing are empty", async () => {
    const stats = await ask("workflowRunStats", `projectId: "default", filter: { ids: [] }`, STATS);
    expect(stats).toEqual({
      count: 0,
      successRate: null,
      p50DurationMs: null,
      p95DurationMs: null,
      avgQueuedMs: null,
      buckets: [],
    });
  });

  it("need a time zone that exists", async () => {
    expect(await refusal("workflowRunStats", `timeZone: "Nowhere"`, STATS)).toBe("BAD_USER_INPUT");
  });
});

describe("facets of runs", () => {
  const FACETS = `{ branches { value count } authors { actor { type } count }
    labels { key count values { value count } } }`;

  it("are what the runs differ in, the most frequent first", async () => {
    expect(await ask("workflowRunFacets", `projectId: "default"`, FACETS)).toEqual({
      branches: [
        { value: "main", count: 2 },
        { value: "topic", count: 1 },
      ],
      authors: [{ actor: { type: "USER" }, count: 6 }],
      labels: [
        {
          key: "env",
          count: 4,
          values: [
            { value: "prod", count: 3 },
            { value: "test", count: 1 },
          ],
        },
        { key: "team", count: 1, values: [{ value: "a", count: 1 }] },
      ],
    });
  });

  it("are of the matching runs only", async () => {
    const facets = await ask(
      "workflowRunFacets",
      `projectId: "default", filter: { branch: "topic" }`,
      FACETS,
    );
    expect(facets).toMatchObject({ branches: [{ value: "topic", count: 1 }], labels: [] });
  });

  it("are at most 50 of each", async () => {
    await server.database.query(
      `insert into workflow_run select (jsonb_populate_record(r, jsonb_build_object('id', gen_random_uuid(),
          'number', 100 + i, 'branch', 'b' || i, 'labels', jsonb_build_object('many', 'v' || i, 'k' || i, '1')))).*
        from workflow_run r join project p on p.id = r.project_id, generate_series(1, 60) i where p.slug = 'far'`,
    );
    const { branches, labels } = await ask("workflowRunFacets", `projectId: "far"`, FACETS);
    expect(branches).toHaveLength(50);
    expect(labels).toHaveLength(50);
    expect(labels[0]).toMatchObject({ key: "many", count: 60 });
    expect(labels[0].values).toHaveLength(50);
  });
});
