import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Answer, CREATE, DELETE, HOUR, iso, MINUTE, Scheduling, UPDATE } from "./scheduling.ts";
import { expectNothingWritten } from "./tables.ts";

let scheduling: Scheduling;
beforeAll(async () => {
  scheduling = await Scheduling.start();
});
afterAll(async () => await scheduling[Symbol.asyncDispose]());

describe("a new schedule", () => {
  it("runs in UTC, makes up for missed times with one run, and says when it runs next", async () => {
    const now = await scheduling.nextHour();
    const workflow = await scheduling.newWorkflow();
    const schedule = await scheduling.create(workflow);
    expect(schedule).toMatchObject({
      name: "nightly",
      timeZone: "UTC",
      missedRuns: "RUN_ONCE",
      enabled: true,
      inputs: {},
      payload: null,
      nextAt: iso(now + HOUR),
      upcoming: [1, 2, 3, 4, 5].map((hours) => iso(now + hours * HOUR)),
      lastFiredAt: null,
      lastError: null,
      lastRun: null,
      revision: 1,
      createdAt: iso(now),
      workflow: { id: workflow },
      createdBy: { type: "USER" },
      can: [
        { action: "updateSchedule", allowed: true },
        { action: "deleteSchedule", allowed: true },
      ],
    });
    expect(schedule.id).toMatch(/^sched_/);
    const audit = await scheduling.server.database.query(
      "select action from audit_entry where target = $1 and details ->> 'name' = 'nightly'",
      [schedule.id],
    );
    expect(audit).toEqual([{ action: "createSchedule" }]);
  });

  it("that was switched off has nothing ahead of it", async () => {
    await scheduling.nextHour();
    const { id } = await scheduling.create(await scheduling.newWorkflow(), { enabled: false });
    expect(await scheduling.look(id)).toMatchObject({ nextAt: null, upcoming: [] });
  });

  it.each([
    ["fields are missing", { cron: "* * * *" }, "input.cron", /5 fields/],
    ["there are too many", { cron: "0 0 0 1 1 * 2030" }, "input.cron", /5 fields/],
    ["it is a date", { cron: "2030-01-01T00:00:00" }, "input.cron", /5 fields/],
    ["it is a nickname", { cron: "@daily" }, "input.cron", /5 fields/],
    ["a minute is none", { cron: "61 * * * *" }, "input.cron", /minute/],
    ["a word is none", { cron: "* * * * tomorrow" }, "input.cron", /cron expression/],
    ["its time never comes", { cron: "0 0 30 2 *" }, "input.cron", /never|no time/],
    ["the zone is unknown", { timeZone: "Mars/Olympus" }, "input.timeZone", /IANA/],
    ["the zone is an offset", { timeZone: "+01:00" }, "input.timeZone", /IANA/],
    ["an input is unknown", { inputs: { targt: "x" } }, "input.inputs.targt", /did you mean/],
    ["an input does not fit", { inputs: { target: 5 } }, "input.inputs.target", /text|string/],
    ["a label is none", { labels: { "": "x" } }, "input.labels.", /key/],
    ["the name is blank", { name: "  " }, "input.name", /blank/],
    ["the branch is none", { branch: "-x" }, "input.branch", /branch/],
  ])("is refused when %s", async (_what, input, path, message) => {
    const workflow = await scheduling.newWorkflow("{ target: { type: string, default: all } }");
    const all = { workflowId: workflow, name: "faulty", cron: "* * * * *", ...input };
    const { schedule, userErrors } = await expectNothingWritten(
      scheduling.server.database,
      async () => await scheduling.ask(CREATE, { input: all }),
    );
    expect(schedule).toBeNull();
    expect(userErrors).toMatchObject([{ __typename: "ValidationFailed" }]);
    expect(userErrors[0].faults).toEqual([{ path, message: expect.stringMatching(message) }]);
  });

  it("is told all that is wrong with it at once", async () => {
    const input = {
      workflowId: await scheduling.newWorkflow(),
      name: "",
      cron: "x",
      timeZone: "x",
      inputs: { a: 1 },
    };
    const { userErrors } = await scheduling.ask(CREATE, {
      input: { ...input, envVars: [{ key: "1", value: "" }] },
    });
    expect(userErrors[0].faults.map(({ path }: { path: string }) => path)).toEqual([
      "input.name",
      "input.cron",
      "input.timeZone",
      "input.inputs.a",
      "input.envVars[0].key",
    ]);
  });

  it("needs a name that no other schedule of the workflow has", async () => {
    const workflow = await scheduling.newWorkflow();
    await scheduling.create(workflow);
    const again = { workflowId: workflow, name: "nightly", cron: "* * * * *" };
    expect((await scheduling.ask(CREATE, { input: again })).userErrors).toMatchObject([
      { __typename: "ValidationFailed", path: "input.name" },
    ]);
    const other = await scheduling.create(workflow, { name: "other" });
    expect(
      (await scheduling.ask(UPDATE, { input: { scheduleId: other.id, name: "nightly" } })).userErrors,
    ).toMatchObject([{ __typename: "ValidationFailed", path: "input.name" }]);
  });

  it("is made once under one idempotency key, and not at all by a dry run", async () => {
    const workflowId = await scheduling.newWorkflow();
    const input = { workflowId, name: "once", cron: "* * * * *", idempotencyKey: `once-${workflowId}` };
    const dry = await expectNothingWritten(
      scheduling.server.database,
      async () => await scheduling.ask(CREATE, { input: { ...input, dryRun: true } }),
    );
    expect(dry).toMatchObject({ schedule: null, userErrors: [] });
    const [first, second] = [
      await scheduling.ask(CREATE, { input }),
      await scheduling.ask(CREATE, { input }),
    ];
    expect(second).toEqual(first);
    expect(first.schedule.name).toBe("once");
  });
});

describe("a change", () => {
  it("touches what it names and nothing else", async () => {
    const now = await scheduling.nextHour();
    const before = await scheduling.create(await scheduling.newWorkflow(), {
      branch: "main",
      labels: { a: "1" },
      payload: [1],
    });
    scheduling.clock.advance(MINUTE);
    const input = { scheduleId: before.id, cron: "30 * * * *", timeZone: "Asia/Kolkata", branch: null };
    const { schedule } = await scheduling.ask(UPDATE, { input });
    // Kolkata is half an hour off.
    expect(schedule).toEqual({
      ...before,
      cron: "30 * * * *",
      timeZone: "Asia/Kolkata",
      branch: null,
      revision: 2,
      nextAt: iso(now + HOUR),
      updatedAt: iso(now + MINUTE),
    });
  });

  it("of a schedule that somebody else has changed is refused", async () => {
    const { id } = await scheduling.create(await scheduling.newWorkflow());
    const input = { scheduleId: id, enabled: false, expectedRevision: 1 };
    expect((await scheduling.ask(UPDATE, { input })).schedule).toMatchObject({ revision: 2, enabled: false });
    const again = await expectNothingWritten(
      scheduling.server.database,
      async () => await scheduling.ask(UPDATE, { input }),
    );
    expect(again.userErrors).toMatchObject([{ __typename: "RevisionConflict", path: "input.scheduleId" }]);
  });

  it("that switches it off and on again makes up for nothing in between", async () => {
    const now = await scheduling.nextHour();
    const workflow = await scheduling.newWorkflow();
    const { id } = await scheduling.create(workflow, { missedRuns: "RUN_ALL" });
    await scheduling.ask(UPDATE, { input: { scheduleId: id, enabled: false } });
    scheduling.clock.advance(5 * HOUR);
    await scheduling.fire();
    const { schedule } = await scheduling.ask(UPDATE, { input: { scheduleId: id, enabled: true } });
    expect(schedule.nextAt).toBe(iso(now + 6 * HOUR));
    await scheduling.fire();
    expect((await scheduling.runsOf(workflow)).nodes).toEqual([]);
  });

  it("may remove it; its runs stay", async () => {
    await scheduling.nextHour();
    const workflow = await scheduling.newWorkflow();
    const { id } = await scheduling.create(workflow);
    scheduling.clock.advance(HOUR);
    await scheduling.fire();
    expect(await scheduling.ask(DELETE, { input: { scheduleId: id } })).toEqual({
      scheduleId: id,
      userErrors: [],
    });
    scheduling.clock.advance(HOUR);
    await scheduling.fire();
    expect(await scheduling.look(id)).toBeNull();
    expect((await scheduling.runsOf(workflow)).nodes).toMatchObject([{ trigger: { ref: id } }]);
    expect((await scheduling.ask(DELETE, { input: { scheduleId: id } })).userErrors).toMatchObject([
      { code: "NOT_FOUND" },
    ]);
  });
});

describe("lists", () => {
  let workflows: string[];
  beforeEach(async () => {
    await scheduling.nextHour();
    workflows = [await scheduling.newWorkflow(), await scheduling.newWorkflow()];
    for (const name of ["c", "a", "b"]) await scheduling.create(workflows[0]!, { name });
    await scheduling.create(workflows[1]!, { name: "d" });
  });
  const names = (page: Answer) => page.nodes.map(({ name }: { name: string }) => name);

  it("are by name, of a workflow or a project, and paged", async () => {
    const list = `query ($project: ID, $workflow: ID, $first: Int, $after: String) {
      schedules(projectId: $project, workflowId: $workflow, first: $first, after: $after) {
        nodes { name } totalCount { value } pageInfo { hasNextPage endCursor } } }`;
    const workflow = workflows[0];
    expect(names(await scheduling.ask(list, { project: "default" }))).toEqual(["a", "b", "c", "d"]);
    expect(names(await scheduling.ask(list))).toEqual(["a", "b", "c", "d"]);
    const first = await scheduling.ask(list, { workflow, first: 2 });
    expect(first).toMatchObject({ totalCount: { value: 3 }, pageInfo: { hasNextPage: true } });
    const rest = await scheduling.ask(list, { workflow, first: 2, after: first.pageInfo.endCursor });
    expect([...names(first), ...names(rest)]).toEqual(["a", "b", "c"]);
    for (const unknown of ["wf_00000000000000000000000000", "junk", ""])
      expect(names(await scheduling.ask(list, { workflow: unknown }))).toEqual([]);
    const own = await scheduling.ask(
      `query ($id: ID!) { workflow(id: $id) { schedules { nodes { name } } } }`,
      {
        id: workflow,
      },
    );
    expect(names(own.schedules)).toEqual(["a", "b", "c"]);
  });

  it("tell as many times ahead as they are asked for, up to 20", async () => {
    const upcoming = async (count: number) =>
      (
        await scheduling.server.post({
          query: `{ schedules(first: 1) { nodes { upcoming(count: ${count}) } } }`,
        })
      ).body;
    expect((await upcoming(20)).data.schedules.nodes[0].upcoming).toHaveLength(20);
    expect((await upcoming(0)).data.schedules.nodes[0].upcoming).toEqual([]);
    for (const count of [21, -1])
      expect((await upcoming(count)).errors).toMatchObject([{ extensions: { code: "BAD_USER_INPUT" } }]);
  });

  it("show nothing of a project that one cannot see", async () => {
    const stranger = await scheduling.server.clientWith("elsewhere", "PROJECT_ADMIN");
    const { schedules } = (await stranger.request("{ schedules { nodes { name } } }")) as Answer;
    expect(schedules.nodes).toEqual([]);
  });
});
