import { describe, expect, test } from "vitest";
import type { RunHead } from "../../src/domain/run-state.ts";
import { isTerminal, WORKFLOW_RUN_STATUSES } from "../../src/domain/statuses.ts";
import { DrivenRun, PERSON } from "./driven-run.ts";
import { delay, stage, step } from "./workflow-builder.ts";

const fresh = () => new DrivenRun([stage("one", step("a"), step("b")), stage("two", step("c"))]);
const started = () => fresh().start();

function then(run: DrivenRun, ...deeds: ((run: DrivenRun) => unknown)[]): DrivenRun {
  for (const deed of deeds) deed(run);
  return run;
}

function claimed(): DrivenRun {
  const run = started();
  run.claim("a");
  return run;
}

function paused(): DrivenRun {
  const pause = { kind: "PAUSE_RUN", mode: "DRAIN", message: null, actorId: PERSON } as const;
  return then(started().run("a"), (run) => run.decide(pause));
}

/** A run in every status, brought there by commands and claims alone where commands lead there. */
const STATES = {
  PENDING: fresh,
  QUEUED: started,
  "QUEUED, a step claimed": claimed,
  RUNNING: () => started().begin("a"),
  "RUNNING, nothing on a runner": () => started().run("a"),
  WAITING: () => new DrivenRun([stage("one", delay("a", 500)), stage("two", step("c"))]).start(),
  PAUSED: paused,
  "CANCELING by grace": () => then(started().begin("a"), (run) => run.cancel("GRACEFUL")),
  "CANCELING by force": () => then(started().begin("a"), (run) => run.cancel("FORCE")),
  "CANCELING by expiry": () => then(started().begin("a"), (run) => run.expire()),
  SUCCEEDED: () => started().run("a").run("b").run("c"),
  FAILED: () => started().run("a", "FAILED").run("b"),
  TIMED_OUT: () => then(started(), (run) => run.expire()),
  CANCELED: () => then(started(), (run) => run.cancel()),
  SKIPPED: () => new DrivenRun([stage("one", step("a", { when: "on_failure" }))]).start(),
} as const satisfies Record<string, () => DrivenRun>;
type StateName = keyof typeof STATES;

const COMMANDS = {
  START: (run) => run.decide({ kind: "START_RUN", actorId: PERSON }),
  CANCEL: (run) => run.cancel("GRACEFUL"),
  FORCE: (run) => run.cancel("FORCE"),
  EXPIRE: (run) => run.expire(),
} as const satisfies Record<string, (run: DrivenRun) => { applied: readonly boolean[] }>;
type CommandName = keyof typeof COMMANDS;

type Effect = readonly [RunHead["status"], mode?: "GRACEFUL" | "FORCE"];
const ended = { CANCEL: ["CANCELED"], FORCE: ["CANCELED"], EXPIRE: ["TIMED_OUT"] } as const;
const ending = {
  CANCEL: ["CANCELING", "GRACEFUL"],
  FORCE: ["CANCELING", "FORCE"],
  EXPIRE: ["CANCELING", "GRACEFUL"],
} as const;

/** What is not named here does nothing. */
const EFFECTS: Partial<Record<StateName, Partial<Record<CommandName, Effect>>>> = {
  PENDING: { START: ["QUEUED"], ...ended },
  QUEUED: ended,
  "QUEUED, a step claimed": ending,
  RUNNING: ending,
  "RUNNING, nothing on a runner": ended,
  WAITING: ended,
  PAUSED: ended,
  "CANCELING by grace": { FORCE: ["CANCELING", "FORCE"] },
  // A cancel outranks the expiry: it decides how the run ends.
  "CANCELING by expiry": { CANCEL: ["CANCELING", "GRACEFUL"], FORCE: ["CANCELING", "FORCE"] },
};

const stateNames = Object.keys(STATES) as StateName[];
const commandNames = Object.keys(COMMANDS) as CommandName[];
const pairs = stateNames.flatMap((state) => commandNames.map((command) => [state, command] as const));

describe("commands for a run", () => {
  test("the states below are what they are called, and none is missing", () => {
    const reached = stateNames.map((name) => STATES[name]().state.status);
    expect(reached).toEqual(stateNames.map((name) => /^[A-Z_]+/.exec(name)?.[0]));
    expect(new Set(reached)).toEqual(new Set(WORKFLOW_RUN_STATUSES));
  });

  test.each(pairs)("%s: %s", (state, command) => {
    const run = STATES[state]();
    const before = run.state;
    const { applied } = COMMANDS[command](run);
    const effect = EFFECTS[state]?.[command];
    expect(applied).toEqual([effect !== undefined]);
    expect(run.state.status).toBe(effect?.[0] ?? before.status);
    if (effect?.[1] !== undefined) expect(run.state.ending?.mode).toBe(effect[1]);
    if (effect === undefined) expect(run.state).toEqual(before);
  });

  test.each(pairs)("%s: %s twice does no more than once", (state, command) => {
    const run = STATES[state]();
    COMMANDS[command](run);
    const once = run.state;
    run.advance(1_000);
    expect(COMMANDS[command](run).applied).toEqual([false]);
    expect(run.state).toEqual(once);
  });
});

describe("an accepted start", () => {
  test("queues the first stage and sets the time", () => {
    const run = started();
    expect(run.state).toMatchObject({ status: "QUEUED", queuedAt: run.now, startedAt: null, progress: 0 });
    expect(run.statuses()).toEqual({ a: "QUEUED", b: "QUEUED", c: "PENDING" });
  });

  test("the run starts with the first START or the first WAITING step", () => {
    const run = started();
    run.advance(5_000);
    run.claim("a");
    expect(run.state.startedAt).toBeNull();
    run.reportStart("a");
    expect(run.state.startedAt).toEqual(run.now);
    const waiting = new DrivenRun([stage("one", delay("a", 500))]).start();
    expect(waiting.state.startedAt).toEqual(waiting.now);
  });
});

describe("an accepted end", () => {
  const open = () => started().run("a").begin("b");

  test("ends at once what no runner holds, and signals what one holds", () => {
    const run = then(open(), (r) => r.cancel());
    expect(run.statuses()).toEqual({ a: "SUCCEEDED", b: "CANCELING", c: "CANCELED" });
    expect(run.step("c")).toMatchObject({ reason: { code: "RUN_CANCELED" }, cancelProof: null });
    expect(run.state).toMatchObject({ status: "CANCELING", reason: { code: "REQUESTED", actorId: PERSON } });
    expect(run.state.finishedAt).toBeNull();
  });

  test("is complete when the last leased step is dead", () => {
    const run = then(
      open(),
      (r) => r.cancel(),
      (r) => r.advance(700),
      (r) => r.reportEnd("b", "ABORTED"),
    );
    expect(run.state).toMatchObject({ status: "CANCELED", finishedAt: run.now });
    expect([run.stage("one").status, run.stage("two").status]).toEqual(["CANCELED", "CANCELED"]);
  });

  test("an expired run ends TIMED_OUT, its stages CANCELED, its steps CANCELED(EXPIRED)", () => {
    const run = then(
      open(),
      (r) => r.expire(),
      (r) => r.loseLease("b"),
    );
    expect(run.state).toMatchObject({ status: "TIMED_OUT", reason: { code: "EXPIRED" } });
    expect(run.statuses()).toEqual({ a: "SUCCEEDED", b: "CANCELED", c: "CANCELED" });
    expect(run.step("b")).toMatchObject({ reason: { code: "EXPIRED" }, cancelProof: "LEASE_EXPIRED" });
    expect(run.stage("two").status).toBe("CANCELED");
  });

  test("leaves alone what had ended before: steps and stages", () => {
    const run = then(started().run("a").run("b").begin("c"), (r) => r.cancel());
    run.reportEnd("c", "SUCCEEDED");
    expect(run.stage("one").status).toBe("SUCCEEDED");
    expect(run.statuses()).toEqual({ a: "SUCCEEDED", b: "SUCCEEDED", c: "CANCELED" });
    expect(run.state.status).toBe("CANCELED");
  });

  test("an expiry after a cancel does not change how the run ends", () => {
    const run = then(
      open(),
      (r) => r.cancel(),
      (r) => r.expire(),
      (r) => r.reportEnd("b", "ABORTED"),
    );
    expect(run.state.status).toBe("CANCELED");
  });

  test("every end of a run tells its reason", () => {
    for (const name of stateNames) {
      const { state } = STATES[name]();
      if (!isTerminal(state.status)) continue;
      expect(state.reason === null).toBe(state.status === "SUCCEEDED");
    }
  });
});
