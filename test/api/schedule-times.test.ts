import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fireSchedules } from "../../src/duties/fire-schedules.ts";
import { startTestServer } from "../support/server.ts";
import { deploy } from "../support/workflows.ts";
import { flow, HOUR, iso, MINUTE, Scheduling, UPDATE } from "./scheduling.ts";

let scheduling: Scheduling;
beforeAll(async () => {
  scheduling = await Scheduling.start();
});
afterAll(async () => await scheduling[Symbol.asyncDispose]());

describe("a schedule that is due", () => {
  it("makes a run with all that it was given, at its time and not before", async () => {
    const now = await scheduling.nextHour();
    const workflow = await scheduling.newWorkflow("{ target: { type: string, default: all } }");
    const given = {
      inputs: { target: "web" },
      payload: { from: ["the", "schedule"] },
      envVars: [{ key: "CHANNEL", value: "beta" }],
      labels: { kind: "nightly" },
      branch: "main",
      message: "the nightly run",
    };
    const { id } = await scheduling.create(workflow, given);
    scheduling.clock.advance(HOUR - 1);
    expect(await scheduling.fire()).toBe(1);
    expect((await scheduling.runsOf(workflow)).nodes).toEqual([]);
    scheduling.clock.advance(1);
    await scheduling.fire();
    const { nodes } = await scheduling.runsOf(workflow);
    expect(nodes).toMatchObject([
      { ...given, trigger: { type: "SCHEDULE", ref: id }, createdAt: iso(now + HOUR) },
    ]);
    expect(nodes[0].annotations).toEqual({ "runcast/scheduled-for": iso(now + HOUR) });
    expect(await scheduling.look(id)).toMatchObject({
      nextAt: iso(now + 2 * HOUR),
      lastFiredAt: iso(now + HOUR),
      lastRun: { id: nodes[0].id },
      lastError: null,
      revision: 1,
    });
    await scheduling.fire();
    expect((await scheduling.runsOf(workflow)).nodes).toHaveLength(1);
  });

  it("makes one run for each of its times, however many replicas look", async () => {
    const now = await scheduling.nextHour();
    const replica = await startTestServer({
      clock: scheduling.clock,
      runDuties: false,
      database: scheduling.server.database,
    });
    const workflows: string[] = [];
    for (let i = 0; i < 4; i++) {
      workflows.push(await scheduling.newWorkflow());
      await scheduling.create(workflows[i]!, { cron: "* * * * *", missedRuns: "RUN_ALL" });
    }
    scheduling.clock.advance(10 * MINUTE);
    await Promise.all([
      scheduling.fire(),
      scheduling.fire(replica),
      scheduling.fire(),
      scheduling.fire(replica),
    ]);
    await scheduling.fire();
    for (const workflow of workflows) {
      const { nodes } = await scheduling.runsOf(workflow);
      const times = nodes.map(({ annotations }) => annotations["runcast/scheduled-for"]).sort();
      expect(times).toEqual(Array.from({ length: 10 }, (_, i) => iso(now + (i + 1) * MINUTE)));
    }
    await replica[Symbol.asyncDispose]();
  });

  it("understands seconds", async () => {
    await scheduling.nextHour();
    const workflow = await scheduling.newWorkflow();
    await scheduling.create(workflow, { cron: "*/15 * * * * *" });
    scheduling.clock.advance(45_000);
    await scheduling.fire();
    expect((await scheduling.runsOf(workflow)).nodes).toHaveLength(3);
  });
});

describe("times that were missed", () => {
  /** Two and a half hours without a server, for a schedule that runs every hour. */
  async function outage(missedRuns: string, more = 30 * MINUTE) {
    const now = await scheduling.nextHour();
    const workflow = await scheduling.newWorkflow();
    const { id } = await scheduling.create(workflow, { missedRuns });
    scheduling.clock.advance(2 * HOUR + more);
    await scheduling.fire();
    const { nodes } = await scheduling.runsOf(workflow);
    const times = nodes.map(({ annotations }) => Date.parse(annotations["runcast/scheduled-for"]) - now);
    return {
      times: times.sort((a, b) => a - b).map((time) => time / HOUR),
      schedule: await scheduling.look(id),
      now,
    };
  }

  it("make no run with SKIP", async () => {
    const { times, schedule, now } = await outage("SKIP");
    expect(times).toEqual([]);
    expect(schedule).toMatchObject({ nextAt: iso(now + 3 * HOUR), lastFiredAt: null });
  });

  it("make one run with RUN_ONCE, for the last of them", async () => {
    const { times, schedule, now } = await outage("RUN_ONCE");
    expect(times).toEqual([2]);
    expect(schedule).toMatchObject({ nextAt: iso(now + 3 * HOUR) });
  });

  it("make one run each with RUN_ALL", async () => {
    expect((await outage("RUN_ALL")).times).toEqual([1, 2]);
  });

  it("are only those that are past for more than a minute: one that has just come makes its run", async () => {
    expect((await outage("SKIP", MINUTE)).times).toEqual([2]);
    expect((await outage("SKIP", MINUTE + 1_000)).times).toEqual([]);
    // It stands for the ones before it as well.
    expect((await outage("RUN_ONCE", MINUTE)).times).toEqual([2]);
  });

  it("make at most 100 runs, those for the newest of them, and the rest is logged", async () => {
    const now = await scheduling.nextHour();
    const workflow = await scheduling.newWorkflow();
    await scheduling.create(workflow, { cron: "* * * * *", missedRuns: "RUN_ALL" });
    scheduling.clock.advance(250 * MINUTE);
    const lines: string[] = [];
    const logger = pino({ level: "warn" }, { write: (line) => void lines.push(line) });
    await fireSchedules.run(scheduling.server.app.engine, undefined, logger);
    const { nodes, totalCount } = await scheduling.runsOf(workflow);
    expect(totalCount.value).toBe(100);
    const times = nodes.map(({ annotations }) => annotations["runcast/scheduled-for"]).sort();
    expect([times[0], times[99]]).toEqual([iso(now + 151 * MINUTE), iso(now + 250 * MINUTE)]);
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { from: iso(now + MINUTE), before: iso(now + 151 * MINUTE) },
    ]);
  });
});

describe("a schedule whose run is refused", () => {
  it("says why and goes on, and forgets it with the next run that succeeds", async () => {
    const now = await scheduling.nextHour();
    const name = "changing";
    const workflow = await deploy(scheduling.server.admin, flow(name, "{}"));
    const { id } = await scheduling.create(workflow);
    await deploy(scheduling.server.admin, flow(name, "{ target: { type: string, required: true } }"));
    scheduling.clock.advance(HOUR);
    await scheduling.fire();
    expect((await scheduling.runsOf(workflow)).nodes).toEqual([]);
    expect(await scheduling.look(id)).toMatchObject({
      lastError: 'the input "target" is required',
      nextAt: iso(now + 2 * HOUR),
      lastFiredAt: null,
    });
    const { schedule } = await scheduling.ask(UPDATE, {
      input: { scheduleId: id, inputs: { target: "web" } },
    });
    expect(schedule).toMatchObject({ revision: 2, nextAt: iso(now + 2 * HOUR) });
    scheduling.clock.advance(HOUR);
    await scheduling.fire();
    expect(await scheduling.look(id)).toMatchObject({ lastError: null, lastFiredAt: iso(now + 2 * HOUR) });
  });

  it("does not hold up the others; an archived workflow makes no runs", async () => {
    const now = await scheduling.nextHour();
    const [archived, other] = [await scheduling.newWorkflow(), await scheduling.newWorkflow()];
    const { id } = await scheduling.create(archived, { cron: "59 * * * *" });
    await scheduling.create(other);
    const answer = await scheduling.ask(
      "mutation ($id: ID!) { archiveWorkflow(input: { workflowId: $id }) { userErrors { message } } }",
      { id: archived },
    );
    expect(answer.userErrors).toEqual([]);
    scheduling.clock.advance(HOUR);
    await scheduling.fire();
    expect((await scheduling.runsOf(archived)).nodes).toEqual([]);
    expect((await scheduling.runsOf(other)).nodes).toHaveLength(1);
    expect(await scheduling.look(id)).toMatchObject({
      lastError: expect.stringContaining("archived"),
      nextAt: iso(now + HOUR + 59 * MINUTE),
    });
  });
});

describe("when clocks change", () => {
  /** 01:00 UTC of the last Sunday of a month, when clocks change in Berlin. */
  function changeOfClocks(month: number): number {
    const now = scheduling.clock.now();
    for (let year = now.getUTCFullYear(); ; year++) {
      const lastDay = new Date(Date.UTC(year, month, 0));
      const change = lastDay.getTime() - lastDay.getUTCDay() * 24 * HOUR + HOUR;
      if (change - 24 * HOUR > now.getTime()) return change;
    }
  }

  /** At which minutes, counted from the change of clocks, a schedule runs in the day around it. */
  async function runsAround(month: number, cron: string): Promise<number[]> {
    await scheduling.server.database.query("delete from schedule");
    const change = changeOfClocks(month);
    scheduling.clock.advance(change - 12 * HOUR - scheduling.clock.now().getTime());
    const workflow = await scheduling.newWorkflow();
    await scheduling.create(workflow, { cron, timeZone: "Europe/Berlin" });
    for (let quarters = 0; quarters < 4 * 15; quarters++) {
      scheduling.clock.advance(15 * MINUTE);
      await scheduling.fire();
    }
    const times = (await scheduling.runsOf(workflow)).nodes.map(
      ({ createdAt }) => Date.parse(createdAt) - change,
    );
    return times.sort((a, b) => a - b).map((time) => time / MINUTE);
  }
  const [MARCH, OCTOBER] = [3, 10];

  it("a time of day that does not exist is made up for when the gap ends", async () => {
    expect(await runsAround(MARCH, "30 2 * * *")).toEqual([0]);
  });

  it("a time of day that comes twice makes one run, the first time", async () => {
    expect(await runsAround(OCTOBER, "30 2 * * *")).toEqual([-30]);
  });

  it("what runs every so often goes on: nothing in the gap, both times when the hour comes twice", async () => {
    expect(await runsAround(MARCH, "30 1-4 * * *")).toEqual([-30, 30, 90]);
    expect(await runsAround(OCTOBER, "30 1-4 * * *")).toEqual([-90, -30, 30, 90, 150]);
  });
});
