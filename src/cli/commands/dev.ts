import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { runWorkflow } from "../run-workflow.ts";
import { startStack } from "../stack.ts";
import { askedToEnd, quietLogger, readConfig } from "./context.ts";

/** The folder of examples lies at the top of the package, beside `src` and beside `dist`. */
const EXAMPLES = ["../../../examples/", "../../../../examples/"].map(
  (path) => new URL(path, import.meta.url),
);

/** Starts everything on this machine, runs an example, and serves until it is told to end. */
export async function dev({ example }: { readonly example: boolean }): Promise<void> {
  const config = readConfig({ RUNCAST_ALLOW_FILE_SOURCES: "true" });
  process.stdout.write("starting Runcast ...\n");
  const ending = askedToEnd();
  const stack = await startStack({ config, logger: quietLogger(config), runnerOutput: "inherit" });
  const { url, credentials } = stack;
  process.stdout.write(
    `\nRuncast is running.\n  GraphiQL  ${url}/graphiql/#token=${credentials.admin}\n  API       ${url}/graphql\n  token     ${credentials.admin}\n\n`,
  );
  const target = { url, token: credentials.admin };
  const file = EXAMPLES.map((folder) => fileURLToPath(new URL("hello.yaml", folder))).find(existsSync);
  const shown =
    example && file !== undefined
      ? runWorkflow(target, { file, project: "default", inputs: {}, options: {} })
      : null;
  const broken = await Promise.race([
    stack.broken,
    ending.then(() => null),
    (shown ?? Promise.resolve()).then(
      async () => {
        process.stdout.write("\nReady. Press Ctrl-C to stop.\n");
        return await new Promise<never>(() => undefined);
      },
      (error: Error) => `the example could not be run: ${error.message}`,
    ),
  ]);
  if (broken !== null) process.stderr.write(`${broken}\n`);
  process.stdout.write("\nstopping ...\n");
  await stack[Symbol.asyncDispose]();
  process.exit(broken === null ? 0 : 1);
}
