import { describe, expect, test } from "vitest";
import { DrivenRun } from "./driven-run.ts";
import { approval, child, delay, external, stage, step } from "./workflow-builder.ts";

const fresh = () =>
  new DrivenRun([stage("one", step("a"), step("b"), step("after", { needs: ["a"] }))]).start();

describe("a pause", () => {
  test("lets running steps finish and lets nobody claim what they make ready", () => {
    const run = fresh().begin("a");
    expect(run.pause("DRAIN").applied).toEqual([true]);
    expect(run.state).toMatchObject({ status: "PAUSED", pause: { mode: "DRAIN" } });
    expect(run.statuses()).toEqual({ a: "RUNNING", b: "QUEUED", after: "PENDING" });
    expect(() => run.claim("b")).toThrow("held back");
    run.reportEnd("a", "SUCCEEDED");
    expect(run.statuses()).toEqual({ a: "SUCCEEDED", b: "QUEUED", after: "QUEUED" });
    expect(() => run.claim("after")).toThrow("held back");
    expect(run.state.status).toBe("PAUSED");
    run.resume();
    expect(run.state).toMatchObject({ status: "RUNNING", pause: null });
    run.run("b").run("after");
    expect(run.state.status).toBe("SUCCEEDED");
  });

  test("that interrupts stops what runs and queues it again; that costs no try", () => {
    const run = fresh().begin("a");
    run.pause("INTERRUPT");
    expect(run.step("a")).toMatchObject({ status: "CANCELING", leased: true });
    run.reportEnd("a", "ABORTED");
    expect(run.step("a")).toMatchObject({
      status: "QUEUED",
      leased: false,
      ready: false,
      attempt: 1,
      lost: 0,
    });
    expect(run.attempts).toMatchObject([{ number: 1, status: "CANCELED" }]);
    run.resume();
    run.run("a", "FAILED");
    // One try is all it has, and this was it: the interrupted one did not count.
    expect(run.step("a")).toMatchObject({ status: "FAILED", attempt: 2 });
    const twice = new DrivenRun([
      stage("one", step("a", { retry: { attempts: 2, backoffMs: 0, factor: 1, maxBackoffMs: 0 } })),
    ]).start();
    for (let times = 0; times < 3; times++) {
      twice.begin("a").pause("INTERRUPT");
      twice.reportEnd("a", "ABORTED");
      twice.resume();
    }
    expect(twice.run("a", "FAILED").step("a").status).toBe("QUEUED");
    expect(twice.run("a", "FAILED").step("a").status).toBe("FAILED");
  });

  test("that interrupts is too late for a step that succeeds: the success counts", () => {
    const run = fresh().begin("a");
    run.pause("INTERRUPT");
    run.reportEnd("a", "SUCCEEDED");
    expect(run.step("a")).toMatchObject({ status: "SUCCEEDED", attempt: 1, leased: false });
    expect(run.attempts).toMatchObject([{ status: "SUCCEEDED", output: { made: "it" } }]);
    expect(run.step("after").status).toBe("QUEUED");
  });

  test("that interrupts takes back what was claimed, and a lost lease proves the death as well", () => {
    const run = fresh().begin("a");
    run.claim("b");
    run.pause("INTERRUPT");
    run.release("b");
    run.loseLease("a");
    expect([run.step("a"), run.step("b")]).toMatchObject([
      { status: "QUEUED", leased: false, attempt: 1 },
      { status: "QUEUED", leased: false, attempt: 0 },
    ]);
    // Interrupted steps may be claimed again only once the run goes on.
    expect(run.state.steps.some(({ ready }) => ready)).toBe(false);
    run.resume();
    run.run("a").run("b").run("after");
    expect(run.state.status).toBe("SUCCEEDED");
  });

  test("that is over before an interrupted step is dead still waits for its death", () => {
    const run = fresh().begin("a");
    run.pause("INTERRUPT");
    run.resume();
    expect(run.step("a")).toMatchObject({ status: "CANCELING", leased: true, ready: false });
    run.reportEnd("a", "ABORTED");
    expect(run.step("a")).toMatchObject({ status: "QUEUED", ready: true });
  });

  test("holds no approval, no completion, no timer and no expiry back", () => {
    const stages = [
      stage("one", approval("sign"), external("deploy"), delay("wait", 100)),
      stage("two", step("last")),
    ];
    const run = new DrivenRun(stages).start();
    run.pause();
    run.approve("sign");
    run.complete("deploy", true);
    run.advance(100);
    run.wake("wait");
    expect(run.statuses()).toEqual({
      sign: "SUCCEEDED",
      deploy: "SUCCEEDED",
      wait: "SUCCEEDED",
      last: "QUEUED",
    });
    expect([run.state.status, run.step("last").ready]).toEqual(["PAUSED", false]);
    run.expire();
    expect(run.state).toMatchObject({ status: "TIMED_OUT", pause: null });
  });

  test("makes no child runs; they are made when it is over", () => {
    const run = new DrivenRun([stage("one", step("a"), child("c", { needs: ["a"] }))]).start().begin("a");
    run.pause();
    expect(run.reportEnd("a", "SUCCEEDED").signals).toEqual([]);
    expect(run.step("c")).toMatchObject({ status: "QUEUED", ready: false });
    expect(run.resume().signals).toMatchObject([{ kind: "START_CHILD", step: 1, attempt: 1 }]);
    expect(run.step("c").status).toBe("WAITING");
  });

  test("shows while a step is being stopped, and ends with the run", () => {
    const run = new DrivenRun([stage("one", step("a"))]).start().begin("a");
    run.pause("DRAIN");
    run.reportEnd("a", "SUCCEEDED");
    expect(run.state).toMatchObject({ status: "SUCCEEDED", pause: null });
    expect(run.resume().applied).toEqual([false]);
  });

  test("gives way to a cancel", () => {
    const run = fresh().begin("a");
    run.pause("INTERRUPT");
    run.cancel();
    expect(run.state).toMatchObject({ status: "CANCELING", pause: null });
    run.reportEnd("a", "ABORTED");
    expect(run.statuses()).toEqual({ a: "CANCELED", b: "CANCELED", after: "CANCELED" });
    expect(run.state.status).toBe("CANCELED");
  });
});

describe("maxParallelSteps", () => {
  const refs = ["a", "b", "c", "d", "e"];
  const limited = (most: number) =>
    new DrivenRun([stage("one", ...refs.map((ref) => step(ref)))], { maxParallelSteps: most }).start();
  const readyRefs = (run: DrivenRun) => refs.filter((ref) => run.step(ref).ready);

  test("offers only as many steps as there are slots, in their order", () => {
    const run = limited(2);
    expect(readyRefs(run)).toEqual(["a", "b"]);
    run.begin("a", "b");
    expect(readyRefs(run)).toEqual([]);
    run.reportEnd("b", "SUCCEEDED");
    expect(readyRefs(run)).toEqual(["c"]);
    run.claim("c");
    run.release("c");
    expect(readyRefs(run)).toEqual(["c"]);
  });

  test("counts a step that is being stopped until it is dead", () => {
    const run = limited(1).begin("a");
    run.abort("a");
    expect(readyRefs(run)).toEqual([]);
    run.reportEnd("a", "ABORTED");
    expect(readyRefs(run)).toEqual(["b"]);
  });

  test("counts no step that waits", () => {
    const stages = [stage("one", approval("sign"), delay("wait", 10), step("a"), step("b"))];
    const run = new DrivenRun(stages, { maxParallelSteps: 1 }).start();
    expect([run.step("a").ready, run.step("b").ready]).toEqual([true, false]);
    expect([run.step("sign").status, run.step("wait").status]).toEqual(["WAITING", "WAITING"]);
  });
});
