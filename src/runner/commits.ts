import { mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Git, GitError, type GitOptions } from "./git.ts";
import type { SourceCommit, SourceSpec } from "./protocol.ts";
import { storableText } from "./storable-text.ts";
import type { RunDirectory } from "./workspace.ts";

export interface HistoryOptions extends Omit<GitOptions, "directory"> {
  readonly source: SourceSpec;
  readonly directory: RunDirectory;
  /** The repository that holds the commit, usually without its history. */
  readonly git: Git;
}

interface KnownCommit extends SourceCommit {
  readonly parents: readonly string[];
}

const COMMIT_PREFIX = /^[0-9a-f]{7,64}$/;
const MAX_COMMITS = 100;
/** With merges, a hundred generations can be many more commits. */
const MAX_READ = 2_000;
const MAX_MESSAGE_LENGTH = 1_000;
/** The server takes bodies of 256 KiB; a list longer than this keeps the first lines of its messages. */
const MAX_LIST_BYTES = 128 * 1024;
const MAX_TITLE_LENGTH = 150;
/** Worth a little waiting, but no more: the step could have started. */
const HISTORY_TIMEOUT_MS = 30_000;
const FORMAT = `--format=tformat:${["%H", "%P", "%an", "%aI", "%B"].map((field) => `${field}%x00`).join("")}`;

/**
 * The commits that are in one commit and not in an earlier one, newest first, at most 100; null when that cannot
 * be told, such as after a rewritten history or when the earlier one is too far back.
 */
export async function commitsSince(
  previous: string,
  commit: string,
  options: HistoryOptions,
): Promise<SourceCommit[] | null> {
  if (!COMMIT_PREFIX.test(previous)) return null;
  if (commit.startsWith(previous)) return [];
  try {
    const { git } = options;
    const complete = (await git.run("rev-parse", "--is-shallow-repository")).trim() === "false";
    const found = complete
      ? await listed(git, previous, commit)
      : between(await fetchHistory(commit, options), previous);
    return found && withinLimit(found.slice(0, MAX_COMMITS));
  } catch (error) {
    // Nice to know, but no reason to fail a step.
    if (error instanceof GitError || error instanceof RangeError) return null;
    throw error;
  }
}

async function listed(git: Git, previous: string, commit: string): Promise<KnownCommit[] | null> {
  const known = await git.succeeds("rev-parse", "--verify", "--quiet", `${previous}^{commit}`);
  return known ? await read(git, MAX_COMMITS, `${previous}..${commit}`) : null;
}

/** The newest commits without their files, in a repository of their own: the workspace stays as it was asked for. */
async function fetchHistory(commit: string, options: HistoryOptions): Promise<KnownCommit[]> {
  const directory = join(dirname(options.directory.workspace), "history");
  const timeoutMs = Math.min(options.timeoutMs, HISTORY_TIMEOUT_MS);
  const git = new Git({ ...options, directory, timeoutMs, note: () => {} });
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory);
  try {
    await git.run("init", "--quiet", "--bare", "--template=", ".");
    await git.run("config", "remote.origin.url", options.source.git);
    const bounds = [`--depth=${MAX_COMMITS + 1}`, "--filter=tree:0", "--no-tags"];
    await git.run("fetch", "--quiet", ...git.remoteOptions, ...bounds, "--", "origin", commit);
    return await read(git, MAX_READ, commit);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function read(git: Git, count: number, range: string): Promise<KnownCommit[]> {
  const text = await git.run(
    ...["-c", "i18n.logOutputEncoding=UTF-8", "-c", "log.showSignature=false"],
    ...["log", `--max-count=${count}`, FORMAT, range, "--"],
  );
  const fields = text.split("\0");
  return Array.from({ length: Math.floor(fields.length / 5) }, (_, index) => {
    const [sha, parents, author, at, message] = fields.slice(index * 5, index * 5 + 5) as [
      string,
      string,
      string,
      string,
      string,
    ];
    return {
      sha: sha.trim(),
      parents: parents.split(" ").filter((parent) => parent !== ""),
      author: storableText(author.slice(0, 200)),
      at: timeOf(at),
      message: storableText(message.trim().slice(0, MAX_MESSAGE_LENGTH)),
    };
  });
}

/** Git stores whatever date it was given; beyond four digits of a year nobody else takes it. */
function timeOf(written: string): string {
  const time = new Date(written).toISOString();
  if (time.length !== 24) throw new RangeError(`a commit of ${written}`);
  return time;
}

/** Of the newest commits those that the earlier one does not contain; null when what is known does not say. */
function between(newest: readonly KnownCommit[], previous: string): KnownCommit[] | null {
  const bySha = new Map(newest.map((commit) => [commit.sha, commit]));
  const earlier = newest.filter(({ sha }) => sha.startsWith(previous)).map(({ sha }) => sha);
  if (earlier.length !== 1) return null;
  const contained = new Set(earlier);
  for (const sha of contained) for (const parent of bySha.get(sha)?.parents ?? []) contained.add(parent);
  const since = newest.filter(({ sha }) => !contained.has(sha));
  // Where history was cut off, the earlier one may contain a commit all the same.
  const isCutOff = ({ parents }: KnownCommit) =>
    parents.length === 0 || parents.some((parent) => !bySha.has(parent));
  return since.some(isCutOff) ? null : since;
}

function withinLimit(commits: readonly KnownCommit[]): SourceCommit[] {
  const list = commits.map(({ sha, message, author, at }) => ({ sha, message, author, at }));
  if (Buffer.byteLength(JSON.stringify(list)) <= MAX_LIST_BYTES) return list;
  return list.map((commit) => {
    const [title = ""] = commit.message.split("\n");
    return { ...commit, message: storableText(title.slice(0, MAX_TITLE_LENGTH)) };
  });
}
