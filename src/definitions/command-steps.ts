import { z } from "zod";
import { MAX_COMMAND_BYTES, MAX_ENV_ENTRIES } from "./limits.ts";
import { describeValue } from "./messages.ts";
import { duration, environment } from "./model-parts.ts";
import { artifactKeys, commonKeys, failureKeys, runnerKeys, typeKey } from "./step-parts.ts";

export const command = z
  .string()
  .min(1)
  .refine((text) => Buffer.byteLength(text) <= MAX_COMMAND_BYTES, {
    error: `a command can have at most ${MAX_COMMAND_BYTES} bytes: put more into a file`,
  });

/** How a command is run. */
export const commandKeys = {
  shell: z
    .string()
    .max(200)
    .regex(/^[^\s]+( [^\s]+)*$/, {
      error: ({ input }) =>
        `${describeValue(input)} is not a shell: write a program and its options, one space apart`,
    })
    .default("sh -e")
    .meta({
      description: "Program and options that run the command; `-c` and the command are added.",
      examples: ["bash -euo pipefail"],
    }),
  env: environment(MAX_ENV_ENTRIES)
    .default({})
    .meta({
      description: "Environment variables of this step, see [Environment](#environment).",
      examples: [{ CHANNEL: "beta" }],
    }),
};

export const runStep = z.strictObject({
  type: z.literal("run").default("run").meta({ description: "What the step does." }),
  ...commonKeys,
  run: command.meta({
    description:
      "The command. It fails the step when it exits with another code than 0. `${{ }}` is not allowed in it: use environment variables.",
    examples: ['make -j2 "$TARGET"'],
  }),
  ...commandKeys,
  ...artifactKeys,
  ...failureKeys,
  timeout: duration({ atLeastMs: 1 })
    .prefault("1h")
    .meta({ description: "One try that takes longer is ended.", examples: ["10m"] }),
  ...runnerKeys,
});

const onlyWithRun = { ...commandKeys, ...artifactKeys, ...runnerKeys };

/** What a build step can have only together with a command of its own. */
export const KEYS_OF_BUILD_COMMAND = Object.keys(onlyWithRun);

export const buildStep = z
  .strictObject({
    type: typeKey("build"),
    ...commonKeys,
    run: command.optional().meta({
      description:
        "The command that builds, as in a run step. Without it the step waits until another system has built and completes the step (`completeStepRun`).",
      examples: ["make release"],
    }),
    ...onlyWithRun,
    ...failureKeys,
    timeout: duration({ atLeastMs: 1 })
      .optional()
      .meta({
        description:
          "With `run`, one try that takes longer is ended, default `1h`. Without, the completion is waited for this long, by default as long as the run lasts.",
        examples: ["30m"],
      }),
  })
  .meta({ dependencies: Object.fromEntries(KEYS_OF_BUILD_COMMAND.map((key) => [key, ["run"]])) });
