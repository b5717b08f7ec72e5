import { z } from "zod";
import { STEP_CONDITIONS } from "../domain/graph.ts";
import { MAX_NEEDS } from "./limits.ts";
import { artifactGlob, duration, list, queueName, runnerLabel, stepRef } from "./model-parts.ts";

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

/** The keys of every step, whatever its type. */
export const commonKeys = {
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

/** Of every step that can fail. */
export const failureKeys = {
  continueOnError: z
    .boolean()
    .default(false)
    .meta({
      description: "A failure of this step fails neither the run nor the steps that need it.",
      examples: [true],
    }),
};

/** Of steps that a runner executes. */
export const runnerKeys = {
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
};

/** Of steps that work on files. */
export const artifactKeys = {
  artifacts: list(artifactGlob, { max: 50 })
    .default([])
    .meta({
      description:
        "Files to keep once the command has ended by itself, as globs relative to the workspace; a folder stands for all in it and `!` leaves out, see [Artifacts](#artifacts).",
      examples: [["dist/**"]],
    }),
};

/** How long a step waits for somebody; its run's own timeout ends it as well. */
export const patience = (description: string) =>
  duration({ atLeastMs: 1 })
    .optional()
    .meta({ description, examples: ["24h"] });

export function typeKey<const Type extends string>(type: Type) {
  return z.literal(type).meta({ description: "What the step does." });
}
