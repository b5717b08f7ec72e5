import { z } from "zod";
import { STEP_CONDITIONS } from "../domain/graph.ts";
import { MAX_COMMAND_BYTES, MAX_ENV_ENTRIES, MAX_NEEDS } from "./limits.ts";
import { describeValue } from "./messages.ts";
import { duration, environment, list, queueName, runnerLabel, stepRef } from "./model-parts.ts";

export const retryModel = z
  .strictObject({
    attempts: z
      .int()
      .min(1)
      .max(20)
      .default(1)
      .meta({
        description: "How many times the step is tried in all, the first try included.",
        examples: [3],
      }),
    backoff: duration({ atLeastMs: 0 })
      .prefault("1s")
      .meta({ description: "Wait before the second try.", examples: ["5s"] }),
    factor: z
      .number()
      .min(1)
      .max(10)
      .default(2)
      .meta({
        description: "Every further wait is this many times the one before.",
        examples: [1.5],
      }),
    maxBackoff: duration({ atLeastMs: 0 })
      .prefault("5m")
      .meta({ description: "No wait is longer; at least `backoff`.", examples: ["1m"] }),
  })
  .refine(({ backoff, maxBackoff }) => backoff <= maxBackoff, {
    error: "backoff is longer than maxBackoff (default 5m)",
    path: ["backoff"],
  })
  .meta({ description: "Try again after a failure or timeout.", examples: [{ attempts: 3, backoff: "5s" }] });

const common = {
  ref: stepRef.meta({
    description:
      "The step's name within the workflow, unique in the file; other steps, results and URLs use it.",
    examples: ["compile"],
  }),
  name: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .meta({
      description: "A title for people, shown instead of `ref`.",
      examples: ["Compile the sources"],
    }),
  needs: list(z.string(), { max: MAX_NEEDS })
    .default([])
    .meta({
      description:
        "Refs of the steps, in this stage or an earlier one, that this one waits for. It also waits for all earlier stages, unless one of its needs is in an earlier stage.",
      examples: [["compile"]],
    }),
  when: z
    .enum(STEP_CONDITIONS)
    .default("on_success")
    .meta({
      description:
        "Run only if all needs succeeded, only if one of them or of the steps before them failed, or always. Without `needs`, the steps of the earlier stages count.",
      examples: ["on_failure"],
    }),
};

const runStep = z.strictObject({
  type: z.literal("run").default("run").meta({ description: "What the step does." }),
  ...common,
  run: z
    .string()
    .min(1)
    .refine((text) => Buffer.byteLength(text) <= MAX_COMMAND_BYTES, {
      error: `a command can have at most ${MAX_COMMAND_BYTES} bytes: put more into a file`,
    })
    .meta({
      description:
        "The command. It fails the step when it exits with another code than 0. `${{ }}` is not allowed in it: use environment variables.",
      examples: ['make -j2 "$TARGET"'],
    }),
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
  continueOnError: z
    .boolean()
    .default(false)
    .meta({
      description: "A failure of this step fails neither the run nor the steps that need it.",
      examples: [true],
    }),
  timeout: duration({ atLeastMs: 1 })
    .prefault("1h")
    .meta({ description: "One try that takes longer is ended.", examples: ["10m"] }),
  retry: retryModel.prefault({}),
  queue: queueName.default("default").meta({
    description: "Only runners that serve this queue take the step.",
    examples: ["gpu"],
  }),
  labels: list(runnerLabel, { max: 50 })
    .default([])
    .meta({
      description: "Only runners that carry all of these labels take the step.",
      examples: [["linux", "arm64"]],
    }),
});

const delayStep = z.strictObject({
  type: z.literal("delay").meta({ description: "What the step does." }),
  ...common,
  duration: duration({ atLeastMs: 0 }).meta({
    description: "How long the step waits. It needs no runner.",
    examples: ["30s"],
  }),
});

/** The step types by the value of `type`, each with its keys. */
export const STEP_MODELS = { run: runStep, delay: delayStep } as const;

/** Named so that a file of a later version is told apart from a typing error. */
const LATER_STEP_TYPES: ReadonlySet<unknown> = new Set([
  "http",
  "test",
  "build",
  "approval",
  "workflow",
  "external",
]);

export const stepModel = z.discriminatedUnion("type", [runStep, delayStep], {
  error: ({ code, input }) => (code === "invalid_union" ? stepTypeMessage(input) : undefined),
});

function stepTypeMessage(step: unknown): string {
  const type = (step as { readonly type?: unknown }).type;
  if (LATER_STEP_TYPES.has(type)) return `step type "${type}" is not available in this version`;
  return typeof type === "string"
    ? `unknown step type ${describeValue(type)}`
    : `expected a step type such as "run", got ${describeValue(type)}`;
}
