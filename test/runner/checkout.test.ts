import { chownSync, mkdirSync, readdirSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { runTask, startTestRunner, task, temporaryDirectory, until, workspaceOf } from "./harness.ts";
import { commit, git } from "./repository.ts";

describe("a step with a source", () => {
  let repository: string;
  let url: string;
  let first: string;
  let second: string;

  beforeEach(async () => {
    repository = join(await temporaryDirectory(), "app");
    mkdirSync(repository);
    git(repository, "init", "-q", "-b", "trunk");
    first = commit(repository, "one\n", "First\n\nWith a body.");
    git(repository, "tag", "-a", "v1", "-m", "version one");
    second = commit(repository, "two\n", "Second");
    url = `file://${repository}`;
  });

  const source = (ref: string | null = null, at: string | null = null) => ({
    source: { git: url, ref, commit: at },
  });

  it("finds the default branch checked out, and the server told of its commit", async () => {
    const here = await startTestRunner({ allowFileSources: true });
    const granted = task("cat file; git rev-parse HEAD; git status --porcelain", source());
    expect(await runTask(here, granted)).toMatchObject({ outcome: "SUCCEEDED" });
    expect(here.stub.lines(granted, "stdout")).toEqual(["two", second]);
    expect(here.stub.pins).toMatchObject([
      {
        stepRunId: granted.stepRunId,
        fence: 1,
        commit: second,
        branch: "trunk",
        message: "Second",
      },
    ]);
    expect(here.stub.lines(granted, "system")).toEqual([
      `fetching ${second} of ${url}`,
      `checked out ${second}`,
    ]);
  });

  it.each([
    ["a branch", (): string => "trunk", (): string => second, "trunk", "two"],
    ["a full name", (): string => "refs/heads/trunk", (): string => second, "trunk", "two"],
    ["an annotated tag", (): string => "v1", (): string => first, null, "one"],
    ["a commit", (): string => first, (): string => first, null, "one"],
    ["the beginning of a commit", (): string => first.slice(0, 9), (): string => first, null, "one"],
  ] as const)("takes %s as its ref", async (_, ref, expected, branch, content) => {
    const here = await startTestRunner({ allowFileSources: true });
    const granted = task("cat file", source(ref()));
    expect(await runTask(here, granted)).toMatchObject({ outcome: "SUCCEEDED" });
    expect(here.stub.lines(granted, "stdout")).toEqual([content]);
    expect(here.stub.pins).toMatchObject([{ commit: expected(), branch }]);
  });

  it("uses the commit that was pinned before it, by another host or when the run was triggered", async () => {
    const here = await startTestRunner({ allowFileSources: true });
    here.stub.pinnedCommit = first;
    const raced = task("cat file", source());
    await runTask(here, raced);
    expect(here.stub.lines(raced, "stdout")).toEqual(["one"]);
    const given = task("cat file", source("trunk", first));
    await runTask(here, given);
    expect(here.stub.lines(given, "stdout")).toEqual(["one"]);
    expect(here.stub.pins.at(-1)).toMatchObject({ message: "First\n\nWith a body.", commit: first });
  });

  it("is checked out once for all steps of a run", async () => {
    const here = await startTestRunner({ allowFileSources: true });
    const steps = [1, 2, 3].map((number) =>
      task(`cat file; touch made-${number}`, source(), { workflowRunId: "run_shared" }),
    );
    here.stub.offer(...steps);
    await until("all ended", () => steps.every((step) => here.stub.outcome(step) === "SUCCEEDED"));
    expect(here.stub.pins).toHaveLength(1);
    expect(readdirSync(workspaceOf(here.workDirectory, steps[0]!)).sort()).toEqual([
      ".git",
      "file",
      "made-1",
      "made-2",
      "made-3",
    ]);
  });

  it("is left by an interrupted checkout so that the next attempt succeeds", async () => {
    const here = await startTestRunner({ allowFileSources: true });
    const granted = task("cat file", source());
    let opened = false;
    here.stub.once("pinRunSource", {
      before: async () => {
        opened = true;
        await until("the cancel", () => here.stub.outcome(granted) !== undefined);
      },
    });
    here.stub.offer(granted);
    await until("it is fetched", () => opened);
    const waiting = task("true", source(), { workflowRunId: granted.workflowRunId });
    here.stub.offer(waiting);
    await until("another waits for it", () => here.stub.reportsOf(waiting).length === 1);
    here.stub.cancel(waiting);
    await until("that one's end", () => here.stub.outcome(waiting) === "ABORTED");
    here.stub.cancel(granted);
    await until("its end", () => here.stub.outcome(granted) === "ABORTED");
    expect(await runTask(here, { ...granted, fence: 2 })).toMatchObject({ outcome: "SUCCEEDED" });
  });

  it("may belong to another user", async () => {
    if (process.getuid?.() !== 0) return;
    for (const path of ["", ".git"]) chownSync(join(repository, path), 65_534, 65_534);
    const here = await startTestRunner({ allowFileSources: true });
    expect(await runTask(here, task("cat file", source()))).toMatchObject({ outcome: "SUCCEEDED" });
  });

  it("fails with git's reason", async () => {
    const here = await startTestRunner({ allowFileSources: true });
    const noRef = await runTask(here, task("true", source("no-such-branch")));
    expect(noRef).toMatchObject({
      outcome: "FAILED",
      exitCode: null,
      error: 'checkout failed: the repository has no branch or tag "no-such-branch"',
    });
    const gone = task("true", { source: { git: `${url}-gone`, ref: null, commit: null } });
    const report = await runTask(here, gone);
    expect(report).toMatchObject({
      outcome: "FAILED",
      error: expect.stringMatching(/^checkout failed: fatal: .*app-gone/s),
    });
    const lost = await runTask(here, task("true", source(null, "0".repeat(40))));
    expect(lost).toMatchObject({
      outcome: "FAILED",
      error: expect.stringContaining("checkout failed: fatal:"),
    });
  });

  it("does not ask for a password", async () => {
    const here = await startTestRunner();
    const guarded = createServer((_, response) => {
      response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end();
    });
    await new Promise<void>((resolve) => guarded.listen(0, "127.0.0.1", resolve));
    const { port } = guarded.address() as AddressInfo;
    const granted = task("true", {
      source: { git: `http://me:secret@127.0.0.1:${port}/app.git`, ref: null, commit: null },
    });
    const report = await runTask(here, granted);
    guarded.closeAllConnections();
    guarded.close();
    expect(report).toMatchObject({
      outcome: "FAILED",
      error: expect.stringContaining("checkout failed: fatal:"),
    });
    expect(`${report.error}${here.stub.log(granted)}`).not.toContain("secret");
  });

  it.each([
    ["a file URL where they are not allowed", "file:///tmp/x", null, "RUNCAST_ALLOW_FILE_SOURCES"],
    ["a path where they are not allowed", "/tmp/x", null, "RUNCAST_ALLOW_FILE_SOURCES"],
    ["a transport that runs a command", "ext::sh -c touch% /tmp/x", null, "is not a repository's URL"],
    ["one without spaces", "ext::touch", null, "is not an https, ssh, git or file URL"],
    ["an option as URL", "--upload-pack=touch", null, "is not a repository's URL"],
    ["an option as host", "ssh://-oProxyCommand=x/y", null, "is not an https, ssh, git or file URL"],
    ["a relative path", "../app", null, "is not an https, ssh, git or file URL"],
    ["an option as ref", "https://localhost:1/app.git", "--upload-pack=touch", "is not the name of a branch"],
  ])("refuses %s", async (_, address, ref, error) => {
    const here = await startTestRunner();
    const report = await runTask(here, task("true", { source: { git: address, ref, commit: null } }));
    expect(report).toMatchObject({ outcome: "FAILED", error: expect.stringContaining(error) });
  });
});
