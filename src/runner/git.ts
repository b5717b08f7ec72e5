import { gitEnvironment } from "./environment.ts";
import { type ExecutionHost, execute } from "./execute.ts";
import { withoutCredentials } from "./source-url.ts";
import type { StopRequest } from "./stop-request.ts";
import { monotonicMs } from "./waiting.ts";

/** Git answered with failure; the message holds what it said last. */
export class GitError extends Error {
  override readonly name = "GitError";
}

export interface GitOptions {
  readonly directory: string;
  readonly token: string;
  readonly fileSource: boolean;
  readonly stop: StopRequest;
  readonly host: ExecutionHost;
  /** What all commands together may take. */
  readonly timeoutMs: number;
  readonly note: (text: string) => void;
}

/** No hooks of the machine's, and no maintenance that goes on in the background. */
const SETTINGS = [
  "core.hooksPath=/dev/null",
  "advice.detachedHead=false",
  "gc.auto=0",
  "maintenance.auto=false",
].flatMap((setting) => ["-c", setting]);
const STOP_GRACE_MS = 2_000;

/** Git commands in one directory, run as carefully as steps: in a group of their own, ended with the task. */
export class Git {
  private readonly deadline: number;

  constructor(private readonly options: GitOptions) {
    this.deadline = monotonicMs() + options.timeoutMs;
  }

  note(text: string): void {
    this.options.note(text);
  }

  /**
   * Answers standard output; standard error goes to the step's log.
   * @throws GitError
   */
  async run(...args: string[]): Promise<string> {
    const { directory, token, fileSource, stop, host } = this.options;
    const answer: Buffer[] = [];
    let complaint = "";
    const end = await execute(
      {
        argv: ["git", ...SETTINGS, ...args],
        cwd: directory,
        env: gitEnvironment({ token, fileSources: fileSource }, process.env),
        token,
        timeoutMs: Math.max(0, this.deadline - monotonicMs()),
        graceMs: STOP_GRACE_MS,
      },
      stop,
      {
        write(stream, chunk) {
          if (stream === "stderr") complaint = (complaint + chunk.toString()).slice(-16_384);
          else answer.push(chunk);
        },
        note: this.options.note,
        backpressure: () => null,
      },
      host,
    );
    const said = withoutCredentials(complaint).trim();
    if (said !== "") this.options.note(said);
    if (end.startError !== null) throw new GitError(`git cannot be started: ${end.startError}`);
    if (end.cause === "TIMEOUT")
      throw new GitError(`git took longer than ${this.options.timeoutMs / 1000} s`);
    if (end.exitCode !== 0)
      throw new GitError(reasonIn(said) || `git ended with ${end.exitCode ?? end.signal}`);
    return Buffer.concat(answer).toString("utf8");
  }

  /** Like run, for questions whose answer may be no. */
  async succeeds(...args: string[]): Promise<boolean> {
    try {
      await this.run(...args);
      return true;
    } catch (error) {
      if (error instanceof GitError && this.options.stop.mode === null) return false;
      throw error;
    }
  }

  /** How to reach a repository of this disk that belongs to another user, which git by itself refuses to read. */
  get remoteOptions(): readonly string[] {
    return this.options.fileSource ? ["--upload-pack=git -c safe.directory='*' upload-pack"] : [];
  }
}

/** Git's first complaint names the cause; what follows is advice. */
function reasonIn(said: string): string | undefined {
  const lines = said.split("\n");
  return lines.find((line) => /^(?:fatal|error): /.test(line)) ?? lines.at(-1);
}
