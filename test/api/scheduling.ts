import { expect } from "vitest";
import { fireSchedules } from "../../src/duties/fire-schedules.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { deploy } from "../support/workflows.ts";

const SCHEDULE = `id name cron timeZone missedRuns enabled inputs payload envVars { key value } labels branch message
  nextAt lastFiredAt lastError revision createdAt updatedAt upcoming lastRun { id } workflow { id }
  createdBy { type } can { action allowed }`;
const ERRORS =
  "userErrors { __typename code path message ... on ValidationFailed { faults { path message } } }";
export const CREATE = `mutation ($input: CreateScheduleInput!) { createSchedule(input: $input) { schedule { ${SCHEDULE} } ${ERRORS} } }`;
export const UPDATE = `mutation ($input: UpdateScheduleInput!) { updateSchedule(input: $input) { schedule { ${SCHEDULE} } ${ERRORS} } }`;
export const DELETE = `mutation ($input: DeleteScheduleInput!) { deleteSchedule(input: $input) { scheduleId ${ERRORS} } }`;
const RUNS = `query ($workflow: [ID!]) { workflowRuns(filter: { workflowIds: $workflow, trigger: [SCHEDULE] }, first: 100) {
  totalCount { value } nodes { id trigger { type ref } inputs payload envVars { key value } labels branch message annotations
    createdAt createdBy { username } } } }`;

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;

// biome-ignore lint/suspicious/noExplicitAny: answers of every shape
export type Answer = any;

export const iso = (time: number) => new Date(time).toISOString();
export const flow = (name: string, inputs: string) =>
  `name: ${name}\ninputs: ${inputs}\nstages: [{ name: a, steps: [{ ref: x, run: "true" }] }]\n`;

/** A server whose clock and schedules are moved by hand, and what every test of schedules does with it. */
export class Scheduling implements AsyncDisposable {
  readonly clock: ManualClock;
  readonly server: TestServer;
  #made = 0;

  private constructor(clock: ManualClock, server: TestServer) {
    this.clock = clock;
    this.server = server;
  }

  static async start(): Promise<Scheduling> {
    const clock = new ManualClock();
    return new Scheduling(clock, await startTestServer({ clock, runDuties: false }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
  }

  async ask(query: string, variables: object = {}): Promise<Answer> {
    const { body } = await this.server.post({ query, variables });
    expect(body.errors ?? []).toEqual([]);
    return Object.values(body.data)[0];
  }

  async newWorkflow(inputs = "{}"): Promise<string> {
    return await deploy(this.server.admin, flow(`scheduled-${++this.#made}`, inputs));
  }

  async create(workflowId: string, more: object = {}): Promise<Answer> {
    const input = { workflowId, name: "nightly", cron: "0 * * * *", ...more };
    const { schedule, userErrors } = await this.ask(CREATE, { input });
    expect(userErrors).toEqual([]);
    return schedule;
  }

  async look(id: string): Promise<Answer> {
    return await this.ask(`query ($id: ID!) { node(id: $id) { ... on Schedule { ${SCHEDULE} } } }`, { id });
  }

  async runsOf(workflow: string): Promise<{ totalCount: { value: number }; nodes: Answer[] }> {
    return await this.ask(RUNS, { workflow: [workflow] });
  }

  async fire(on = this.server): Promise<number | undefined> {
    return await fireSchedules.run(on.app.engine);
  }

  /** Moves the clock on to the next full hour, so that a test knows where in the hour it is. */
  async nextHour(): Promise<number> {
    const now = this.clock.now().getTime();
    this.clock.advance(HOUR - (now % HOUR));
    // Whatever earlier tests left is done, so that it does not mix with what this one counts.
    await this.server.database.query("delete from schedule");
    return now - (now % HOUR) + HOUR;
  }
}
