import { existsSync } from "node:fs";
import { type RunTarget, runWorkflow, UsageError } from "../run-workflow.ts";
import { type Stack, startStack } from "../stack.ts";
import { findLiveStack } from "../stack-file.ts";
import { quietLogger, readConfig } from "./context.ts";

export interface RunOptions {
  readonly project: string;
  readonly input: readonly string[];
  readonly env: readonly string[];
  readonly label: readonly string[];
  readonly branch?: string;
  readonly commit?: string;
  readonly message?: string;
}

/** Exit code 0: the run succeeded. 1: it did not. 2: it could not be started. */
export async function run(file: string, options: RunOptions): Promise<void> {
  if (!existsSync(file)) throw new UsageError(`${file}: no such file`);
  const { target, stack } = await findTarget();
  try {
    const succeeded = await runWorkflow(target, {
      file,
      project: options.project,
      inputs: Object.fromEntries(options.input.map((text) => pair("--input", text))),
      options: {
        envVars: options.env.map((text) => pair("--env", text)).map(([key, value]) => ({ key, value })),
        labels: Object.fromEntries(options.label.map((text) => pair("--label", text))),
        branch: options.branch ?? null,
        commit: options.commit ?? null,
        message: options.message ?? null,
      },
    });
    process.exitCode = succeeded ? 0 : 1;
  } finally {
    await stack?.[Symbol.asyncDispose]();
  }
}

/** RUNCAST_URL, else the stack that runs in this folder, else one of our own that is stopped afterwards. */
async function findTarget(): Promise<{ target: RunTarget; stack: Stack | null }> {
  const config = readConfig({ RUNCAST_ALLOW_FILE_SOURCES: "true" });
  if (config.url !== null) {
    if (config.token === null) throw new UsageError("RUNCAST_URL is set, so RUNCAST_TOKEN must be set too");
    return { target: { url: config.url, token: config.token }, stack: null };
  }
  const live = await findLiveStack(config.dataDir);
  if (live !== null) return { target: live, stack: null };
  process.stderr.write("no server is running here: starting one for this run ...\n");
  const port = config.given.has("port") ? config.port : 0;
  const stack = await startStack({
    config: { ...config, port },
    logger: quietLogger(config),
    runnerOutput: "ignore",
  });
  return { target: { url: stack.url, token: stack.credentials.admin }, stack };
}

function pair(option: string, text: string): [string, string] {
  const at = text.indexOf("=");
  if (at < 1) throw new UsageError(`${option} takes NAME=VALUE, not "${text}"`);
  return [text.slice(0, at), text.slice(at + 1)];
}
