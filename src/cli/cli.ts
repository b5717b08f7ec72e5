import { readFileSync } from "node:fs";
import { Command } from "commander";
import { ConfigError } from "../config/load-config.ts";
import { UsageError } from "./run-workflow.ts";

/** Commands are loaded when they are used: `--help` and `check-config` start no database driver. */
export async function runCli(argv: readonly string[]): Promise<void> {
  try {
    await createProgram().parseAsync(argv);
  } catch (error) {
    process.stderr.write(`${describe(error)}\n`);
    process.exitCode = error instanceof UsageError || error instanceof ConfigError ? 2 : 1;
  }
}

function createProgram(): Command {
  const program = new Command("runcast")
    .description("A self-hosted backend for workflow runs behind one GraphQL schema.")
    .version(packageVersion())
    .showHelpAfterError();

  program
    .command("dev")
    .description("start everything on this machine: database, API, runner; runs an example workflow")
    .option("--no-example", "do not run the example")
    .action(async (options: { example: boolean }) => await (await import("./commands/dev.ts")).dev(options));
  program
    .command("serve")
    .description("serve the API on DATABASE_URL")
    .action(async () => await (await import("./commands/serve.ts")).serve());
  program
    .command("runner")
    .description("execute steps for the server at RUNCAST_URL")
    .action(async () => await (await import("./commands/runner.ts")).runner());
  program
    .command("migrate")
    .description("bring the database at DATABASE_URL up to date")
    .action(async () => await (await import("./commands/migrate.ts")).migrate());
  addRun(program);
  addToken(program);
  program
    .command("check-config")
    .description("show every setting, its value and its source; ask Redis, if there is one")
    .action(async () => await (await import("./commands/check-config.ts")).checkConfig());
  return program;
}

function addRun(program: Command): void {
  program
    .command("run")
    .description("deploy a workflow file, run it and show it live; the exit code is the outcome")
    .argument("<file>", "workflow file, YAML or JSON")
    .option("-p, --project <slug>", "project to run it in", "default")
    .option("-i, --input <name=value>", "value of a declared input; repeatable", collect, [])
    .option("-e, --env <name=value>", "environment variable; repeatable", collect, [])
    .option("-l, --label <name=value>", "label; repeatable", collect, [])
    .option("--branch <name>", "git branch to run on")
    .option("--commit <hash>", "git commit to run on; needs --branch")
    .option("-m, --message <text>", "what the run is about")
    .addHelpText(
      "after",
      "\nRuns on RUNCAST_URL with RUNCAST_TOKEN if set, else on the `runcast dev` of this folder, else on a server of its own.\nExit code: 0 the run succeeded, 1 it did not, 2 it could not be started.",
    )
    .action(async (file: string, options) => await (await import("./commands/run.ts")).run(file, options));
}

function addToken(program: Command): void {
  program
    .command("token")
    .description("make a token in the database at DATABASE_URL and print it; it is shown only once")
    .option("-p, --project <slug>", "limit it to this project, which is made if there is none")
    .option("-r, --role <role>", "PROJECT_USER, PROJECT_SUPERUSER or PROJECT_ADMIN in the project")
    .option("--runner", "for a runner")
    .option("--admin", "for a system administrator")
    .option("--service", "for a program instead of a person; with --role")
    .option("-n, --name <name>", "name of the account; made if there is none")
    .option("--days <number>", "how long it is valid; default: for ever")
    .action(async (options) => await (await import("./commands/token.ts")).token(options));
}

function collect(value: string, all: string[]): string[] {
  return [...all, value];
}

/** A user is told what is wrong in a line; a fault of ours also says where. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (process.env["RUNCAST_LOG_LEVEL"] === "debug") return error.stack ?? error.message;
  const { code, port, address } = error as NodeJS.ErrnoException & { port?: number; address?: string };
  if (code === "EADDRINUSE")
    return `port ${port} of ${address} is in use: stop what listens there, or set RUNCAST_PORT`;
  if (code === "ECONNREFUSED") return `nothing answers at ${address}:${port}`;
  return error.message;
}

function packageVersion(): string {
  const places = ["../../package.json", "../../../package.json"];
  for (const place of places) {
    try {
      return (JSON.parse(readFileSync(new URL(place, import.meta.url), "utf8")) as { version: string })
        .version;
    } catch {
      // From sources it lies one folder higher than from compiled code.
    }
  }
  return "0";
}
