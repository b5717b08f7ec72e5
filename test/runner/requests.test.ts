import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { GraphQLError } from "graphql";
import { describe, expect, it } from "vitest";
import {
  collectingLogger,
  isAlive,
  pidIn,
  runTask,
  startStub,
  startTestRunner,
  task,
  until,
  workspaceOf,
} from "./harness.ts";

const FOREVER =
  "trap '' TERM; setsid sleep 300 & echo $! > child; echo $$ > self; while :; do sleep 0.1; done";

async function pidsOf(workspace: string): Promise<number[]> {
  return [await pidIn(join(workspace, "child")), await pidIn(join(workspace, "self"))];
}

describe("claims", () => {
  it("register with what the runner offers, and always keep one open", async () => {
    const { stub } = await startTestRunner({
      queues: ["a", "b"],
      labels: ["gpu"],
      capacity: 3,
      version: "1.2.3",
    });
    await until("a registration", () => stub.registrations.length === 1);
    expect(stub.registrations[0]).toMatchObject({
      name: "tester",
      queues: ["a", "b"],
      labels: ["gpu"],
      capacity: 3,
      version: "1.2.3",
    });
    const first = task("true");
    await runTask({ stub }, first);
    const second = task("true");
    await runTask({ stub }, second);
    const [one, two] = stub.claims;
    expect(one).toMatchObject({ max: 3, granted: 1 });
    expect(two!.claimId).not.toBe(one!.claimId);
  });

  it("repeat their id when the answer was lost, and start the same leases once", async () => {
    const stub = await startStub();
    // Twice, because a request on a connection that turns out to be closed is sent again at once.
    for (let time = 0; time < 2; time++) stub.once("claimTasks", "DROP_ANSWER");
    const granted = task("echo started >> starts");
    stub.offer(granted);
    const { workDirectory } = await startTestRunner({}, stub);
    await until("the end", () => stub.outcome(granted) === "SUCCEEDED");
    const { claimId } = stub.claims[0]!;
    const repeated = stub.claims.filter((claim) => claim.granted > 0).map((claim) => claim.claimId);
    expect(repeated).toEqual([claimId, claimId, claimId]);
    expect(stub.reportsOf(granted)).toHaveLength(2);
    const starts = join(workspaceOf(workDirectory, granted), "starts");
    expect(readFileSync(starts, "utf8")).toBe("started\n");
  });

  it("answered too late give their tasks back unstarted", async () => {
    const stub = await startStub();
    const granted = task("touch started");
    stub.once("claimTasks", { after: () => delay(500) });
    stub.offer(granted);
    const { workDirectory } = await startTestRunner({ timing: { lateClaimMs: 300 } }, stub);
    await until("the release", () => stub.reportsOf(granted).length > 0);
    expect(stub.reportsOf(granted)).toMatchObject([{ kind: "RELEASED", fence: 1 }]);
    expect(existsSync(workspaceOf(workDirectory, granted))).toBe(false);
    expect((await runTask({ stub }, task("true"))).outcome).toBe("SUCCEEDED");
  });
});

describe("reports", () => {
  it("are repeated until they are answered", async () => {
    const { stub } = await startTestRunner();
    const granted = task("true");
    stub.once("reportTasks", "CUT");
    stub.once("reportTasks", "DROP_ANSWER");
    stub.once("reportTasks", {
      before: () => {
        throw new GraphQLError("the database is away", { extensions: { code: "INTERNAL_SERVER_ERROR" } });
      },
    });
    await runTask({ stub }, granted);
    await until("an answered report", () => stub.heartbeats.at(-1)?.held.length === 0);
    const kinds = stub.reportsOf(granted).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === "FINISHED")).toHaveLength(1);
    expect(kinds[0]).toBe("STARTED");
    expect(kinds.filter((kind) => kind === "STARTED").length).toBeGreaterThan(1);
  });

  it("gather while one is under way and then share a request", async () => {
    const ended: string[] = [];
    const debug = (message: string) => void (/ ended: SUCCEEDED$/.test(message) && ended.push(message));
    const { stub } = await startTestRunner({ capacity: 8, logger: { ...collectingLogger(), debug } });
    let answer = () => {};
    const gate = new Promise<void>((resolve) => {
      answer = resolve;
    });
    stub.once("reportTasks", { before: () => gate });
    const granted = Array.from({ length: 8 }, () => task("true"));
    stub.offer(...granted);
    const requests = () => stub.bodySizes.filter(({ field }) => field === "reportTasks").length;
    await until("all steps ended", () => ended.length === granted.length);
    expect(requests()).toBe(1);
    answer();
    await until("all reported", () => granted.every((one) => stub.outcome(one) === "SUCCEEDED"));
    expect(requests()).toBe(2);
  });

  it("refused with their output still tell the step's end", async () => {
    const { stub, logger } = await startTestRunner();
    const refuse = {
      before: () => {
        throw new GraphQLError("the output is too deep", { extensions: { code: "BAD_USER_INPUT" } });
      },
    };
    const granted = task('echo a=1 > "$RUNCAST_OUTPUT"; sleep 0.3');
    stub.offer(granted);
    await until("a start", () => stub.reportsOf(granted).length === 1);
    stub.once("reportTasks", refuse);
    await until("the end", () => stub.outcome(granted) === "FAILED");
    expect(stub.finished(granted)).toMatchObject({ output: null, error: expect.stringContaining("refused") });
    expect(logger.lines.join("\n")).toContain("the output is too deep");
  });

  it("that come too late end the task here", async () => {
    const { stub, workDirectory } = await startTestRunner();
    const granted = task(FOREVER);
    stub.stale.add(`${granted.stepRunId}#1`);
    stub.once("reportTasks", { after: () => pidsOf(workspaceOf(workDirectory, granted)).then(() => {}) });
    stub.offer(granted);
    const pids = await pidsOf(workspaceOf(workDirectory, granted));
    await until("both dead", () => !pids.some(isAlive));
    await until("it is not held", () => stub.heartbeats.at(-1)?.held.length === 0);
    expect(stub.reportsOf(granted).map(({ kind }) => kind)).toEqual(["STARTED"]);
  });
});
