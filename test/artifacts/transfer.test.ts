/** Files between steps, with real commands on two runners that share nothing but the server. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RealRunner } from "../e2e/real-runner.ts";
import { type Answer, type Fields, RunningSystem } from "../parity/running-system.ts";

const MAX_BYTES = 100_000;
const SAY = '>> "$RUNCAST_OUTPUT"';

let system: RunningSystem;
let second: RealRunner;
beforeAll(async () => {
  system = await RunningSystem.start({ maxArtifactBytes: MAX_BYTES });
  const settings = { RUNCAST_RUNNER_QUEUES: "second", RUNCAST_RUNNER_NAME: "second" };
  second = new RealRunner(system.server.url, await system.server.runnerToken(), settings);
});
afterAll(async () => {
  await second[Symbol.asyncDispose]();
  await system[Symbol.asyncDispose]();
});

async function ran(stages: readonly (readonly Fields[])[], input: Fields = {}): Promise<Answer> {
  return await system.ended((await system.begin(stages, input)).id);
}

async function pathsOf(id: string): Promise<string[]> {
  const query = "query ($id: ID!) { workflowRun(id: $id) { artifacts(first: 100) { nodes { path } } } }";
  return (await system.ask(query, { id })).artifacts.nodes.map(({ path }: Answer) => path);
}

describe("files of steps", () => {
  it("reach the steps after them on other hosts, once, with their modes", async () => {
    const make = `mkdir -p dist/.cache; printf '#!/bin/sh\\necho runs' > dist/app; chmod +x dist/app; echo 1 > dist/.cache/x
      echo changed-by-make > shared; ln -s /etc dist/etc; ln -s app dist/link`;
    const run = await ran([
      [{ ref: "make", run: make, artifacts: ["dist", "shared"] }],
      [
        {
          ref: "use",
          queue: "second",
          run: `echo "app=$(./dist/app)" ${SAY}; echo "all=$(find . -type f | sort | tr '\\n' ' ')" ${SAY}; echo two > shared`,
          artifacts: ["shared"],
        },
      ],
      [{ ref: "back", run: `echo "shared=$(cat shared)" ${SAY}; echo three > shared` }],
      [{ ref: "last", run: `echo "shared=$(cat shared)" ${SAY}` }],
    ]);
    expect(run.status).toBe("SUCCEEDED");
    expect(run.steps.use.output).toEqual({ app: "runs", all: "./dist/.cache/x ./dist/app ./shared " });
    // What another host made replaces what this one had; what a later step then does to it is not undone.
    expect([run.steps.back.output, run.steps.last.output]).toEqual([{ shared: "two" }, { shared: "three" }]);
    expect(await pathsOf(run.id)).toEqual(["dist/.cache/x", "dist/app", "shared", "shared"]);
  });

  it("come from the source run where the run has none of that name", async () => {
    const make = { ref: "make", run: "echo old > a; echo old > b", artifacts: ["a", "b"] };
    const failed = { ref: "failed", run: "echo never > c; exit 1", artifacts: ["c"], continueOnError: true };
    const source = await ran([[make, failed]]);
    expect(source.status).toBe("SUCCEEDED");
    const run = await ran(
      [
        [{ ref: "make", queue: "second", run: "echo new > a", artifacts: ["a"] }],
        [{ ref: "see", run: `echo "a=$(cat a)" ${SAY}; echo "b=$(cat b)" ${SAY}; test ! -e c` }],
      ],
      { sourceRunId: source.id },
    );
    expect([run.status, run.steps.see.output]).toEqual(["SUCCEEDED", { a: "new", b: "old" }]);
  });

  it("of a step that fails are kept, and reach others where the failure is forgiven", async () => {
    const run = await ran([
      [{ ref: "broken", run: "echo why > report; exit 3", artifacts: ["report"], continueOnError: true }],
      [{ ref: "see", queue: "second", run: `echo "why=$(cat report)" ${SAY}` }],
    ]);
    expect([run.steps.broken.exitCode, run.steps.see.output]).toEqual([3, { why: "why" }]);
  });

  it("of a test step are kept, also when its tests fail, or its command before them", async () => {
    const keeps = { artifacts: ["traces/*", "crash"], continueOnError: true };
    const each = {
      discover: "echo good; echo bad",
      run: 'echo traced > "traces/$RUNCAST_TEST_ID"; test "$RUNCAST_TEST_ID" = good',
    };
    const whole = { report: "junit:missing.xml", run: "rm -r traces; echo crashed > crash; exit 7" };
    const run = await ran([
      [{ ref: "prepare", run: "mkdir traces" }],
      [{ ref: "each", type: "test", test: each, ...keeps }],
      [{ ref: "whole", type: "test", test: whole, ...keeps }],
      [{ ref: "see", queue: "second", run: `echo "all=$(cat crash traces/* | sort | tr '\n' ' ')" ${SAY}` }],
    ]);
    expect([run.steps.each.status, run.steps.whole.status]).toEqual(["FAILED", "FAILED"]);
    expect(await pathsOf(run.id)).toEqual(["traces/bad", "traces/good", "crash"]);
    expect(run.steps.see.output).toEqual({ all: "crashed traced traced " });
  });

  it("that cannot be kept fail the step, which says why", async () => {
    const run = await ran([
      [{ ref: "big", run: `head -c ${MAX_BYTES + 1} /dev/zero > big`, artifacts: ["*"] }],
    ]);
    expect(run.steps.big).toMatchObject({
      status: "FAILED",
      error: expect.stringContaining("big has 97.7 KiB"),
    });
    expect(await pathsOf(run.id)).toEqual([]);
  });

  it("outside of the workspace are not kept, whatever a step links to", async () => {
    const run = await ran([[{ ref: "a", run: "ln -s /etc etc; echo x > x", artifacts: ["etc/*", "x"] }]]);
    expect([run.status, await pathsOf(run.id)]).toEqual(["SUCCEEDED", ["x"]]);
  });

  it("of a step that a retry takes over are there in the new run", async () => {
    const make = { ref: "make", run: "echo made > a", artifacts: ["a"] };
    const use = { ref: "use", queue: "second", run: `cat a; echo "a=$(cat a)" ${SAY}; test "$OK" = yes` };
    const run = await ran([[make], [use]]);
    expect(run.status).toBe("FAILED");
    const retry = { workflowRunId: run.id, mode: "FROM_FAILED", envVars: [{ key: "OK", value: "yes" }] };
    const again = await system.ended((await system.act("retryWorkflowRun", retry)).id);
    expect([again.status, again.steps.use.output]).toEqual(["SUCCEEDED", { a: "made" }]);
    expect(await pathsOf(again.id)).toEqual(["a"]);
  });
});
