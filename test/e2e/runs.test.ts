import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sweepSessions } from "../../src/duties/sweep-sessions.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { waitFor } from "../support/wait-for.ts";
import { RealRunner } from "./real-runner.ts";
import { readLog, readRun, startRun } from "./workflows.ts";

const TERMINAL = /^(SUCCEEDED|FAILED|TIMED_OUT|CANCELED|SKIPPED)$/;

describe("runs on a real runner", () => {
  let server: TestServer;
  let runner: RealRunner;
  let folder: string;
  const clock = new ManualClock();

  beforeAll(async () => {
    server = await startTestServer({ clock });
    runner = new RealRunner(server.url, await server.runnerToken());
    folder = mkdtempSync(join(tmpdir(), "runcast-e2e-"));
  });
  afterAll(async () => {
    await runner[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const ended = async (id: string) =>
    await waitFor(`the end of ${id}`, async () => {
      const run = await readRun(server.admin, id);
      return TERMINAL.test(run.status) && run;
    });

  it("hands outputs on, resolves the environment and keeps the logs", async () => {
    const id = await startRun(
      server.admin,
      `name: outputs
inputs: { who: { type: string, default: world } }
outputs: { greeting: "\${{ steps.greet.outputs.text }}!" }
stages:
  - name: one
    steps:
      - { ref: greet, run: 'echo "text=hello $WHO" >> "$RUNCAST_OUTPUT"; echo said' }
  - name: two
    steps:
      - { ref: repeat, env: { TEXT: "\${{ steps.greet.outputs.text }}" }, run: 'echo "$TEXT"; echo "and $RUNCAST_ATTEMPT" >&2' }
`,
    );
    const run = await ended(id);
    expect(run).toMatchObject({ status: "SUCCEEDED", outputs: { greeting: "hello world!" } });
    expect(run.steps.get("greet")!.output).toEqual({ text: "hello world" });
    expect(await readLog(server.admin, run.steps.get("repeat")!.id, 1)).toEqual(["hello world", "and 1"]);
  });

  it("fails with the exit code, tries again first, and skips what depends on it", async () => {
    const id = await startRun(
      server.admin,
      `name: failing
stages:
  - name: one
    steps: [{ ref: bad, run: 'echo "try $RUNCAST_ATTEMPT"; exit 7', retry: { attempts: 2, backoff: 0s } }]
  - name: two
    steps: [{ ref: never, run: "true" }]
`,
    );
    const run = await ended(id);
    expect(run).toMatchObject({ status: "FAILED", error: 'step "bad" failed: exit code 7' });
    expect(run.steps.get("bad")).toMatchObject({ status: "FAILED", attempt: 2 });
    expect(run.steps.get("never")).toMatchObject({ status: "SKIPPED", attempt: 0 });
    expect(await readLog(server.admin, run.steps.get("bad")!.id, 1)).toEqual(["try 1"]);
    expect(await readLog(server.admin, run.steps.get("bad")!.id, 2)).toEqual(["try 2"]);
  });

  it("checks out a git source and pins its commit for the whole run", async () => {
    const repository = join(folder, "repository");
    const git = (...args: string[]) =>
      execFileSync("git", ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", ...args], {
        cwd: folder,
        encoding: "utf8",
      }).trim();
    git("init", "--quiet", "-b", "trunk", repository);
    writeFileSync(join(repository, "file"), "content\n");
    git("-C", repository, "add", ".");
    git("-C", repository, "commit", "--quiet", "-m", "First");
    const commit = git("-C", repository, "rev-parse", "HEAD");
    const id = await startRun(
      server.admin,
      `name: source
source: { git: "${pathToFileURL(repository).href}" }
stages: [{ name: one, steps: [{ ref: look, run: cat file }] }]
`,
    );
    const run = await ended(id);
    expect(run).toMatchObject({ status: "SUCCEEDED", commit });
    expect(await readLog(server.admin, run.steps.get("look")!.id, 1)).toEqual(["content"]);
  });

  it("ends CANCELED only when a step that ignores SIGTERM and its setsid child are dead", async () => {
    const pids = join(folder, "pids");
    const id = await startRun(
      server.admin,
      `name: stubborn
stages:
  - name: one
    steps:
      - ref: stubborn
        run: |
          trap '' TERM
          setsid sh -c 'trap "" TERM; echo $$ >> ${pids}; while :; do sleep 1; done' &
          echo $$ >> ${pids}
          while :; do sleep 1; done
`,
    );
    const [one, two] = await waitFor("both processes", () => {
      try {
        const lines = readFileSync(pids, "utf8").trim().split("\n").map(Number);
        return lines.length === 2 && lines;
      } catch {
        return null;
      }
    });
    await server.admin.request(
      "mutation ($id: ID!) { cancelWorkflowRun(input: { workflowRunId: $id, mode: FORCE }) { userErrors { message } } }",
      { id },
    );
    const run = await ended(id);
    expect(run.status).toBe("CANCELED");
    expect(run.steps.get("stubborn")).toMatchObject({ status: "CANCELED", cancelProof: "CONFIRMED" });
    expect([one!, two!].filter(isAlive)).toEqual([]);
  });

  it("runs a step again whose runner was killed, and counts its completion once", async () => {
    const effects = join(folder, "effects");
    const id = await startRun(
      server.admin,
      `name: lost
stages: [{ name: one, steps: [{ ref: work, run: 'echo "$RUNCAST_FENCE $$" >> ${effects}; [ "$RUNCAST_ATTEMPT" = 2 ] || sleep 300' }] }]
`,
    );
    const started = () => {
      try {
        return readFileSync(effects, "utf8").trim().split("\n");
      } catch {
        return [];
      }
    };
    const [first] = await waitFor("the first start", () => started().length === 1 && started());
    await runner.kill();
    // The reaper beside it takes the step's processes down at once.
    await waitFor("the step's death", () => !isAlive(Number(first!.split(" ")[1])));
    clock.advance(31_000);
    await sweepSessions.run(server.app.engine);
    expect((await readRun(server.admin, id)).steps.get("work")).toMatchObject({
      status: "QUEUED",
      attempt: 1,
    });
    runner.restart();
    const run = await ended(id);
    expect(run.status).toBe("SUCCEEDED");
    expect(run.steps.get("work")!.attempts).toMatchObject([
      { number: 1, status: "FAILED", error: "its runner was lost" },
      { number: 2, status: "SUCCEEDED", error: null },
    ]);
    const fences = started().map((line) => Number(line.split(" ")[0]));
    expect(fences).toHaveLength(2);
    expect(fences[1]).toBeGreaterThan(fences[0]!);
  });
});

/** A zombie has ended: only its parent has not looked yet. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
