import { mkdirSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { runTask, startTestRunner, task, temporaryDirectory, workspaceOf } from "./harness.ts";
import { commit, git } from "./repository.ts";

describe("the commits since the branch's previous run", () => {
  let repository: string;

  beforeEach(async () => {
    repository = join(await temporaryDirectory(), "app");
    mkdirSync(repository);
    git(repository, "init", "-q", "-b", "trunk");
  });

  /** What the server is told after a checkout of the branch, or of the commit. */
  async function told(previous: string | null, at: string | null = null) {
    const here = await startTestRunner({ allowFileSources: true });
    here.stub.previousCommit = previous;
    const source = { git: `file://${repository}`, ref: at === null ? "trunk" : null, commit: at };
    const granted = task("git rev-parse HEAD; git rev-parse --is-shallow-repository", { source });
    expect(await runTask(here, granted)).toMatchObject({ outcome: "SUCCEEDED" });
    const left = readdirSync(dirname(workspaceOf(here.workDirectory, granted)));
    expect(left.sort()).toEqual(["checked-out", "outputs", "workspace"]);
    const [first, second, ...more] = here.stub.pins;
    expect(first).toMatchObject({ commits: null });
    expect(more).toEqual([]);
    return { commits: second?.commits, shallow: here.stub.lines(granted, "stdout")[1] };
  }

  it("are told newest first, the workspace without their history", async () => {
    const first = commit(repository, "one", "First");
    const second = commit(repository, "two", "Second\n\nWith a body, and ümlauts.");
    const third = commit(repository, "three", "Third");
    const { commits, shallow } = await told(first);
    const common = { author: "Ada", at: "2026-01-02T01:04:05.000Z" };
    expect(commits).toEqual([
      { sha: third, message: "Third", ...common },
      { sha: second, message: "Second\n\nWith a body, and ümlauts.", ...common },
    ]);
    expect(shallow).toBe("true");
    expect((await told(first.slice(0, 10), second)).commits).toMatchObject([{ sha: second }]);
  });

  it("are told when all of the history had to be fetched", async () => {
    const first = commit(repository, "one", "First");
    const second = commit(repository, "two", "Second");
    const { commits, shallow } = await told(first, second.slice(0, 9));
    expect(commits).toMatchObject([{ sha: second }]);
    expect(shallow).toBe("false");
    expect((await told("0123456789".repeat(4), second.slice(0, 9))).commits).toBeUndefined();
  });

  it("are those of both sides of a merge", async () => {
    commit(repository, "one", "First");
    git(repository, "checkout", "-q", "-b", "side");
    git(repository, "commit", "-q", "--allow-empty", "-m", "Aside");
    git(repository, "checkout", "-q", "trunk");
    const previous = commit(repository, "two", "Second");
    git(repository, "merge", "-q", "--no-ff", "-m", "Merge", "side");
    const messages = (await told(previous)).commits?.map(({ message }) => message);
    expect(messages).toEqual(["Merge", "Aside"]);
  });

  it("are none when the previous run had the same commit", async () => {
    const only = commit(repository, "one", "First");
    expect((await told(only)).commits).toEqual([]);
  });

  it("are not told without a previous run", async () => {
    commit(repository, "one", "First");
    expect((await told(null)).commits).toBeUndefined();
  });

  it("are not told when the previous one is gone, or too far back", async () => {
    const far = commit(repository, "one", "First");
    for (let count = 0; count < 101; count++) git(repository, "commit", "-q", "--allow-empty", "-m", "More");
    expect((await told("0123456789".repeat(4))).commits).toBeUndefined();
    expect((await told(far)).commits).toBeUndefined();
    expect((await told(git(repository, "rev-parse", "HEAD~100"))).commits).toHaveLength(100);
  });

  it("are not told when a merged branch began before what is known", async () => {
    const root = commit(repository, "one", "First");
    git(repository, "checkout", "-q", "-b", "side");
    git(repository, "commit", "-q", "--allow-empty", "-m", "Aside");
    git(repository, "checkout", "-q", "trunk");
    for (let count = 0; count < 110; count++) git(repository, "commit", "-q", "--allow-empty", "-m", "More");
    const previous = git(repository, "rev-parse", "HEAD");
    git(repository, "merge", "-q", "--no-ff", "-m", "Merge", "side");
    expect(root).not.toBe(previous);
    expect((await told(previous)).commits).toBeUndefined();
  });

  it("keep to what the server takes, however long their messages are", async () => {
    const previous = commit(repository, "one", "First");
    for (let count = 0; count < 100; count++) {
      git(repository, "commit", "-q", "--allow-empty", "-m", `Title ${count}\n\n${"€".repeat(1_500)}`);
    }
    const { commits } = await told(previous);
    expect(commits).toHaveLength(100);
    expect(commits?.[0]).toMatchObject({ message: "Title 99" });
  });
});
