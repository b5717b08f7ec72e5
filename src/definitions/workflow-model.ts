import { z } from "zod";
import { inputModel, inputsModel } from "./input-model.ts";
import { MAX_ENV_ENTRIES, MAX_STAGES, MAX_STEPS, MAX_VALUE_LENGTH } from "./limits.ts";
import { describeValue } from "./messages.ts";
import { description, duration, environment, list, mapOf, outputName, title } from "./model-parts.ts";
import { stepModel } from "./step-model.ts";
import { retryModel } from "./step-parts.ts";
import { testModel } from "./test-step.ts";

/** Full URLs, `user@host:path` or this checkout; nothing that git could take for an option or a helper. */
const GIT_SOURCE =
  /^(\.|(https?|ssh|git):\/\/[A-Za-z0-9][^\s]*|file:\/\/\/[^\s]*|([A-Za-z0-9_][A-Za-z0-9._-]*@)?[A-Za-z0-9][A-Za-z0-9.-]*:(?!\/\/)[^\s:-][^\s]*)$/;

/** What git allows in the name of a branch or tag, and commit ids. */
const GIT_REF = /^(?!.*(\.\.|@\{|\/\/|\.lock$|\/$|\.$))[A-Za-z0-9_][^\s~^:?*[\\]{0,254}$/;

const sourceModel = z.strictObject({
  git: z
    .string()
    .max(2_000)
    .regex(GIT_SOURCE, {
      error: ({ input }) =>
        `${describeValue(input)} is not a git source: use an https, ssh or file URL, user@host:path, or "."`,
    })
    .meta({
      description:
        'The repository: an https, ssh or file URL, `user@host:path`, or "." for the one that holds the file.',
      examples: ["https://example.org/app.git"],
    }),
  ref: z
    .string()
    .regex(GIT_REF, { error: ({ input }) => `${describeValue(input)} is not a branch, tag or commit` })
    .optional()
    .meta({
      description: "Branch, tag or commit to check out. Without it, the repository's default branch.",
      examples: ["main"],
    }),
});

const stageModel = z.strictObject({
  name: title.meta({ description: "Unique in the file.", examples: ["build"] }),
  steps: list(stepModel, { min: 1, max: MAX_STEPS }).meta({
    description: "Steps without `needs` start together, when all earlier stages have finished.",
    examples: [[{ ref: "compile", run: "make" }]],
  }),
});

export const workflowModel = z
  .strictObject({
    name: title.meta({
      description: "Deploying a file again under the same name makes a new version.",
      examples: ["ci"],
    }),
    description: description.optional().meta({ examples: ["Build, test, release"] }),
    inputs: inputsModel.default({}).meta({
      description:
        "What a run can be started with. Input `target` reaches every command as `$TARGET` and `env` values as `${{ inputs.target }}`.",
      examples: [{ target: { type: "string", default: "all" } }],
    }),
    env: environment(MAX_ENV_ENTRIES)
      .default({})
      .meta({
        description: "Environment variables of every step, see [Environment](#environment).",
        examples: [{ CI: "true" }],
      }),
    source: sourceModel.optional().meta({
      description: "The repository that is checked out into the workspace before the first step.",
      examples: [{ git: "https://example.org/app.git", ref: "main" }],
    }),
    timeout: duration({ atLeastMs: 1 })
      .prefault("7d")
      .meta({ description: "A run that takes longer is canceled and ends as timed out.", examples: ["2h"] }),
    maxParallelSteps: z
      .int()
      .min(1)
      .max(MAX_STEPS)
      .optional()
      .meta({
        description:
          "How many steps of a run may execute at once. Without it, as many as there are runners for.",
        examples: [4],
      }),
    outputs: mapOf(outputName, z.string().max(MAX_VALUE_LENGTH), 100)
      .default({})
      .meta({
        description: "Results of the run, made of inputs and step outputs when it has finished.",
        examples: [{ version: "${{ steps.compile.outputs.version }}" }],
      }),
    stages: list(stageModel, { min: 1, max: MAX_STAGES }).meta({
      description: "Run one after the other.",
      examples: [[{ name: "build", steps: [{ ref: "compile", run: "make" }] }]],
    }),
  })
  .meta({ title: "Runcast workflow" });

export type WorkflowModel = z.output<typeof workflowModel>;

/** The kinds of maps with fixed keys, but for steps, which {@link STEP_MODELS} lists by type. */
export const MAP_MODELS = {
  workflow: workflowModel,
  source: sourceModel,
  input: inputModel,
  stage: stageModel,
  retry: retryModel,
  test: testModel,
};
