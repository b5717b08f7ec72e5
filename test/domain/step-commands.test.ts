import { describe, expect, test } from "vitest";
import type { RunCommand, TaskOutcome } from "../../src/domain/commands.ts";
import type { RetryPolicy } from "../../src/domain/graph.ts";
import type { StepState } from "../../src/domain/run-state.ts";
import { STEP_RUN_STATUSES } from "../../src/domain/statuses.ts";
import { DrivenRun, endReport, RUNNER } from "./driven-run.ts";
import { delay, ONE_TRY, stage, step } from "./workflow-builder.ts";

const fresh = (retry = ONE_TRY) =>
  new DrivenRun([stage("one", step("x", { retry }), step("other"), delay("pause", 1_000))]).start();
const TWO_TRIES: RetryPolicy = { attempts: 2, backoffMs: 1_000, factor: 1, maxBackoffMs: 1_000 };

function claimed(): DrivenRun {
  const run = fresh();
  run.claim("x");
  return run;
}

function then(run: DrivenRun, ...deeds: ((run: DrivenRun) => unknown)[]): DrivenRun {
  for (const deed of deeds) deed(run);
  return run;
}

const behind = (needs: string[]) =>
  new DrivenRun([stage("one", step("first"), step("x", { needs }))]).start();
const delayed = () => new DrivenRun([stage("one", delay("x", 500), step("other"))]).start();
const backingOff = () => fresh(TWO_TRIES).run("x", "FAILED");

/** Step "x" in every status, brought there by commands and claims alone. */
const STATES = {
  "PENDING before the start": () => new DrivenRun([stage("one", step("x"))]),
  "PENDING behind a need": () => behind(["first"]),
  "PENDING behind a stage": () => new DrivenRun([stage("one", step("a")), stage("two", step("x"))]).start(),
  "QUEUED, never claimed": () => fresh(),
  "QUEUED, claimed": claimed,
  "QUEUED, given back": () => then(claimed(), (run) => run.release("x")),
  "QUEUED, lease lost": () => then(claimed(), (run) => run.loseLease("x")),
  "QUEUED for its second try": () => fresh({ ...TWO_TRIES, backoffMs: 0 }).run("x", "FAILED"),
  "WAITING for a delay": delayed,
  "WAITING, delay over": () => then(delayed(), (run) => run.advance(500)),
  "WAITING for a backoff": backingOff,
  "WAITING, backoff over": () => then(backingOff(), (run) => run.advance(1_000)),
  RUNNING: () => fresh().begin("x"),
  "CANCELING, never started": () => then(claimed(), (run) => run.cancel()),
  "CANCELING, started": () => then(fresh().begin("x"), (run) => run.cancel()),
  SUCCEEDED: () => fresh().run("x"),
  "SUCCEEDED after a delay": () =>
    then(
      delayed(),
      (run) => run.advance(500),
      (run) => run.wake("x"),
    ),
  FAILED: () => fresh().run("x", "FAILED"),
  TIMED_OUT: () => fresh().run("x", "TIMED_OUT"),
  "CANCELED at once": () => then(fresh().begin("other"), (run) => run.cancel()),
  "CANCELED, confirmed": () =>
    then(
      fresh().begin("x", "other"),
      (run) => run.cancel(),
      (run) => run.reportEnd("x", "ABORTED"),
    ),
  SKIPPED: () => behind(["first"]).run("first", "FAILED"),
} as const satisfies Record<string, () => DrivenRun>;
type StateName = keyof typeof STATES;

type Order = (step: number, fence: number) => RunCommand;
const end =
  (outcome: TaskOutcome): Order =>
  (at, fence) =>
    endReport(at, fence, outcome);
const COMMANDS = {
  START: (at, fence) => ({ kind: "START_STEP", step: at, fence, actorId: RUNNER }),
  SUCCEEDED: end("SUCCEEDED"),
  FAILED: end("FAILED"),
  TIMED_OUT: end("TIMED_OUT"),
  ABORTED: end("ABORTED"),
  RELEASE: (at, fence) => ({ kind: "RELEASE_STEP", step: at, fence }),
  LOSE_LEASE: (at, fence) => ({ kind: "LOSE_LEASE", step: at, fence }),
  WAKE: (at) => ({ kind: "WAKE_STEP", step: at }),
} as const satisfies Record<string, Order>;
type CommandName = keyof typeof COMMANDS;

/** The statuses that the command leads through, in order, and more of the step after it. */
interface Effect extends Partial<StepState> {
  readonly path: readonly StepState["status"][];
}
const idle = { leased: false, startedAt: null } as const;
const proved = { path: ["CANCELED"], leased: false, cancelProof: "CONFIRMED" } as const;

/** What is not named here does nothing. */
const EFFECTS: Partial<Record<StateName, Partial<Record<CommandName, Effect>>>> = {
  "QUEUED, claimed": {
    START: { path: ["RUNNING"], attempt: 1, leased: true, fence: 1 },
    SUCCEEDED: { path: ["RUNNING", "SUCCEEDED"], attempt: 1, leased: false, exitCode: 0 },
    FAILED: { path: ["RUNNING", "FAILED"], attempt: 1, leased: false, exitCode: 7 },
    TIMED_OUT: { path: ["RUNNING", "TIMED_OUT"], attempt: 1, leased: false },
    ABORTED: { path: ["RUNNING", "QUEUED"], attempt: 1, lost: 1, ...idle },
    RELEASE: { path: [], status: "QUEUED", attempt: 0, lost: 0, fence: 1, ...idle },
    LOSE_LEASE: { path: [], status: "QUEUED", attempt: 0, lost: 0, fence: 2, ...idle },
  },
  "WAITING, delay over": { WAKE: { path: ["SUCCEEDED"], dueAt: null, attempt: 0 } },
  "WAITING, backoff over": { WAKE: { path: ["QUEUED"], dueAt: null, attempt: 1, ...idle } },
  RUNNING: {
    START: { path: [], status: "RUNNING", attempt: 1, leased: true },
    SUCCEEDED: { path: ["SUCCEEDED"], attempt: 1, leased: false, exitCode: 0, fence: 1 },
    FAILED: { path: ["FAILED"], attempt: 1, leased: false, exitCode: 7, fence: 1 },
    TIMED_OUT: { path: ["TIMED_OUT"], attempt: 1, leased: false, fence: 1 },
    ABORTED: { path: ["QUEUED"], attempt: 1, lost: 1, ...idle },
    LOSE_LEASE: { path: ["QUEUED"], attempt: 1, lost: 1, fence: 2, ...idle },
  },
  "CANCELING, never started": {
    START: { path: [], status: "CANCELING", attempt: 1, leased: true },
    SUCCEEDED: { ...proved, attempt: 1, exitCode: 0 },
    FAILED: { ...proved, attempt: 1, exitCode: 7 },
    TIMED_OUT: { ...proved, attempt: 1 },
    ABORTED: { ...proved, attempt: 1 },
    RELEASE: { ...proved, attempt: 0 },
    LOSE_LEASE: { ...proved, attempt: 0, cancelProof: "LEASE_EXPIRED" },
  },
  "CANCELING, started": {
    START: { path: [], status: "CANCELING", attempt: 1, leased: true },
    SUCCEEDED: { ...proved, attempt: 1, exitCode: 0 },
    FAILED: { ...proved, attempt: 1, exitCode: 7 },
    TIMED_OUT: { ...proved, attempt: 1 },
    ABORTED: { ...proved, attempt: 1, exitCode: null },
    LOSE_LEASE: { ...proved, attempt: 1, cancelProof: "LEASE_EXPIRED" },
  },
};

const commandNames = Object.keys(COMMANDS) as CommandName[];
const stateNames = Object.keys(STATES) as StateName[];
const pairs = stateNames.flatMap((state) => commandNames.map((command) => [state, command] as const));

function give(run: DrivenRun, command: CommandName, fence: number) {
  const before = run.step("x");
  const delta = run.decide(COMMANDS[command](before.index, fence));
  const path = delta.events.flatMap((event) =>
    event.type === "StepStatusChanged" && event.payload.step === before.index ? [event.payload.status] : [],
  );
  return { before, after: run.step("x"), applied: delta.applied[0], path, attempts: delta.attempts };
}

describe("commands for a step", () => {
  test("the states below are what they are called, and none is missing", () => {
    const reached = stateNames.map((name) => STATES[name]().step("x").status);
    expect(reached).toEqual(stateNames.map((name) => /^[A-Z_]+/.exec(name)?.[0]));
    expect(new Set(reached)).toEqual(new Set(STEP_RUN_STATUSES));
  });

  test.each(pairs)("%s: %s", (state, command) => {
    const run = STATES[state]();
    const { before, after, applied, path } = give(run, command, run.step("x").fence);
    const effect = EFFECTS[state]?.[command];
    expect(applied).toBe(effect !== undefined);
    if (effect === undefined) {
      expect(after).toEqual(before);
      return;
    }
    const { path: expected, ...fields } = effect;
    expect(path).toEqual(expected);
    expect(after).toMatchObject({ status: expected.at(-1) ?? before.status, ...fields });
  });

  test.each(pairs.filter(([, command]) => command !== "WAKE"))(
    "%s: %s with the fence of another lease",
    (state, command) => {
      for (const off of [-1, 1]) {
        const run = STATES[state]();
        const { before, after, applied } = give(run, command, run.step("x").fence + off);
        expect(applied).toBe(false);
        expect(after).toEqual(before);
      }
    },
  );

  test.each(pairs)("%s: %s, twice, ends at most one attempt", (state, command) => {
    const run = STATES[state]();
    const { fence, startedAt } = run.step("x");
    const first = give(run, command, fence);
    const second = give(run, command, fence);
    expect(second.path).toEqual([]);
    expect(second.attempts).toEqual([]);
    expect(second.after).toEqual(first.after);
    expect(first.attempts.length).toBeLessThanOrEqual(1);
    const [attempt] = first.attempts;
    if (attempt === undefined) return;
    expect(attempt).toMatchObject({ number: first.after.attempt, fence, finishedAt: run.now });
    expect(attempt.startedAt).toEqual(startedAt ?? run.now);
  });
});

describe("the end of an attempt keeps what its runner said", () => {
  test("of a success", () => {
    const { attempts } = fresh().run("x");
    expect(attempts).toMatchObject([
      {
        status: "SUCCEEDED",
        reason: null,
        exitCode: 0,
        output: { made: "it" },
        error: null,
        log: { length: 12, crc32: "0a0b0c0d" },
      },
    ]);
  });

  test("of a failure", () => {
    const { attempts } = fresh().run("x", "FAILED");
    expect(attempts).toMatchObject([{ status: "FAILED", exitCode: 7, log: { length: 12 } }]);
    expect(attempts[0]?.reason?.code).toBe("EXIT_CODE");
  });

  test("of a step that ended by itself while it was canceled", () => {
    const run = then(
      fresh().begin("x"),
      (r) => r.cancel(),
      (r) => r.reportEnd("x", "SUCCEEDED"),
    );
    expect(run.attempts).toMatchObject([{ status: "CANCELED", exitCode: 0, log: { length: 12 } }]);
    expect(run.step("x").reason).toMatchObject({ code: "RUN_CANCELED" });
  });

  test("of a lost runner, without what nobody knows", () => {
    const run = then(fresh().begin("x"), (r) => r.loseLease("x"));
    expect(run.attempts).toMatchObject([{ status: "FAILED", exitCode: null, output: null, log: null }]);
    expect(run.attempts[0]?.reason?.code).toBe("LEASE_LOST");
  });

  test("a failure without an exit code is an ERROR with the runner's words", () => {
    const run = fresh().begin("x");
    const said = { outcome: "FAILED", exitCode: null, error: "checkout failed" } as const;
    const { index, fence } = run.step("x");
    const report = endReport(index, fence, "FAILED");
    if (report.kind === "FINISH_STEP") run.decide({ ...report, ...said });
    expect(run.step("x").reason).toMatchObject({ code: "ERROR", message: "checkout failed" });
  });
});
