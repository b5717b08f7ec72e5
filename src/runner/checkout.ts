import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { commitsSince } from "./commits.ts";
import type { ExecutionHost } from "./execute.ts";
import { Git } from "./git.ts";
import type { PinRunSourcePayload, SourcePin, SourceSpec } from "./protocol.ts";
import { assertRef, isFileSource, SourceRefused, withoutCredentials } from "./source-url.ts";
import type { StopRequest } from "./stop-request.ts";
import { storableText } from "./storable-text.ts";
import type { RunDirectory } from "./workspace.ts";

export interface CheckoutOptions {
  readonly source: SourceSpec;
  readonly directory: RunDirectory;
  readonly allowFileSources: boolean;
  readonly token: string;
  readonly stop: StopRequest;
  readonly host: ExecutionHost;
  readonly timeoutMs: number;
  readonly note: (text: string) => void;
  /** Tells the server and answers the commit every host must use: the first pin of a run wins. */
  readonly pin: (found: SourcePin) => Promise<PinRunSourcePayload>;
}

const FULL_COMMIT = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;
const COMMIT_PREFIX = /^[0-9a-f]{7,64}$/;
const BRANCHES = "refs/heads/";
const TAGS = "refs/tags/";
const MAX_MESSAGE_LENGTH = 4_000;

/**
 * Puts the source into the workspace unless an earlier task of the run did. Must not run twice at once for one
 * workspace. Rejects with a SourceRefused or GitError whose message is for the workflow's author.
 */
export async function checkOut(options: CheckoutOptions): Promise<void> {
  const { source, directory, note } = options;
  const done = await readFile(directory.checkoutMark, "utf8").catch(() => null);
  if (done !== null) return note(`the workspace holds ${done}`);

  const fileSource = isFileSource(source.git, options.allowFileSources);
  if (source.ref !== null) assertRef(source.ref);
  if (source.commit !== null) assertCommit(source.commit);
  // Whatever an interrupted checkout left would be in the way of this one.
  await rm(directory.workspace, { recursive: true, force: true });
  await mkdir(directory.workspace);
  const git = new Git({ ...options, directory: directory.workspace, fileSource });
  const shownUrl = withoutCredentials(source.git);

  const wanted = await resolve(git, source);
  note(`fetching ${wanted.commit} of ${shownUrl}`);
  await git.run("init", "--quiet", "--template=", ".");
  await git.run("config", "remote.origin.url", source.git);
  await git.run("config", "remote.origin.fetch", `+${BRANCHES}*:refs/remotes/origin/*`);
  const fetched = await fetchCommit(git, wanted.commit);
  const found = { ...(await describe(git, fetched)), branch: wanted.branch, commits: null };
  const { commit: pinned, previousCommit } = await options.pin(found);
  assertCommit(pinned);
  const commit = fetched.startsWith(pinned) ? fetched : await fetchCommit(git, pinned);
  await git.run("checkout", "--quiet", "--detach", commit);
  note(`checked out ${commit}`);
  // Whoever was told of another commit than its own came second: the first one tells what is in it.
  if (previousCommit !== null && commit === fetched) {
    const commits = await commitsSince(previousCommit, commit, { ...options, fileSource, git });
    if (commits !== null) await options.pin({ ...found, commits });
  }
  await writeFile(directory.checkoutMark, `${commit} of ${shownUrl}`);
}

/** Finds the commit a branch or tag stands for now; the repository's default branch when nothing is named. */
async function resolve(git: Git, source: SourceSpec): Promise<{ commit: string; branch: string | null }> {
  const { ref } = source;
  if (source.commit !== null) return { commit: source.commit, branch: null };
  const names = ref === null ? ["HEAD"] : [ref, `${ref}^{}`];
  const answer = await git.run("ls-remote", "--symref", ...git.remoteOptions, "--", source.git, ...names);
  const lines = answer.split("\n").map((line) => line.split("\t") as [string, string?]);
  const refs = new Map(lines.flatMap(([value, name]) => (name ? [[name, value] as const] : [])));
  // Symbolic refs are listed first as "ref: <target>", then again with their commit: the map keeps the latter.
  const head = lines.find(([value, name]) => name === "HEAD" && value.startsWith("ref: "))?.[0].slice(5);
  if (ref === null) {
    const commit = refs.get("HEAD");
    if (commit === undefined) throw new SourceRefused("the repository has no default branch with a commit");
    return { commit, branch: head?.startsWith(BRANCHES) ? head.slice(BRANCHES.length) : null };
  }
  for (const name of [`${BRANCHES}${ref}`, `${TAGS}${ref}^{}`, `${TAGS}${ref}`, `${ref}^{}`, ref]) {
    const commit = refs.get(name);
    if (commit === undefined) continue;
    return { commit, branch: name.startsWith(BRANCHES) ? name.slice(BRANCHES.length) : null };
  }
  if (COMMIT_PREFIX.test(ref)) return { commit: ref, branch: null };
  throw new SourceRefused(`the repository has no branch or tag ${JSON.stringify(ref)}`);
}

function assertCommit(commit: string): void {
  if (COMMIT_PREFIX.test(commit)) return;
  throw new SourceRefused(`the source's commit ${JSON.stringify(commit)} is not the hash of a commit`);
}

/** Only the commit where the server allows that, else everything. Answers the commit's full name. */
async function fetchCommit(git: Git, commit: string): Promise<string> {
  const fetch = ["fetch", "--quiet", ...git.remoteOptions];
  const shallow =
    FULL_COMMIT.test(commit) &&
    (await git.succeeds(...fetch, "--depth=1", "--no-tags", "--", "origin", commit));
  if (!shallow) {
    git.note(`fetching everything, as ${commit} cannot be fetched alone`);
    const complete =
      (await git.run("rev-parse", "--is-shallow-repository")).trim() === "true" ? ["--unshallow"] : [];
    const everything = [`+${BRANCHES}*:refs/remotes/origin/*`, `+${TAGS}*:${TAGS}*`];
    await git.run(...fetch, ...complete, "--", "origin", ...everything);
  }
  return (await git.run("rev-parse", "--verify", `${commit}^{commit}`)).trim();
}

async function describe(git: Git, commit: string): Promise<Pick<SourcePin, "commit" | "message">> {
  const text = await git.run("-c", "i18n.logOutputEncoding=UTF-8", "log", "-1", "--format=%B", commit);
  return { commit, message: storableText(text.trim().slice(0, MAX_MESSAGE_LENGTH)) || null };
}
