import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

export function git(directory: string, ...args: string[]): string {
  const identity = { GIT_AUTHOR_NAME: "Ada", GIT_AUTHOR_EMAIL: "ada@example.org" };
  const committer = { GIT_COMMITTER_NAME: "Ada", GIT_COMMITTER_EMAIL: "ada@example.org" };
  const dates = { GIT_AUTHOR_DATE: "2026-01-02T03:04:05+02:00" };
  const env = { ...process.env, ...identity, ...committer, ...dates, GIT_CONFIG_GLOBAL: "/dev/null" };
  return execFileSync("git", args, {
    cwd: directory,
    env,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  }).trim();
}

export function commit(directory: string, content: string, message: string): string {
  writeFileSync(join(directory, "file"), content);
  git(directory, "add", "file");
  git(directory, "commit", "-q", "-m", message);
  return git(directory, "rev-parse", "HEAD");
}
