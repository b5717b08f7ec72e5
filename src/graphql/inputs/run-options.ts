import { Field, InputType } from "type-graphql";
import { defaultRunOptions, type RunOptions, type RunStart } from "../../actions/run-options.ts";
import type { StartOverrides } from "../../actions/start-workflow-run.ts";
import { RunStartEnum } from "../command-enums.ts";
import { CommandInput } from "../command-input.ts";
import { readObject, readStorable, readTextMap } from "../read-json.ts";
import { Int, Json } from "../scalars.ts";

@InputType("EnvVarInput", { description: "An environment variable." })
export class EnvVarInput {
  @Field(() => String, { description: "Its name: letters, digits and `_`." })
  key!: string;

  @Field(() => String, { description: "Its value. `${NAME}` stands for an earlier variable." })
  value!: string;
}

/** What can be said whenever a run is started: made, started by hand, or made anew from another one. */
@InputType()
export class StartInput extends CommandInput {
  @Field(() => Json, {
    nullable: true,
    description:
      "Values by input name; checked against the inputs that the workflow declares. A run that has some keeps those that are not named.",
  })
  inputs?: unknown;

  @Field(() => [EnvVarInput], {
    nullable: true,
    description:
      "Environment variables, stronger than those of project, workflow and steps. Order is kept, the last of a name wins. At most 250.",
  })
  envVars?: EnvVarInput[] | null;

  @Field(() => String, {
    nullable: true,
    description: "What the run is about, at most 2,000 characters; default: the commit's message.",
  })
  message?: string | null;

  @Field(() => Json, {
    nullable: true,
    description: "Labels to find it by: an object of text values, at most 64.",
  })
  labels?: unknown;

  @Field(() => Json, {
    nullable: true,
    description: "Notes to keep with it: an object of text values, at most 64 of up to 10,000 characters.",
  })
  annotations?: unknown;

  @Field(() => Int, {
    nullable: true,
    description:
      "Milliseconds after which the run is ended, 1,000 to 2,147,483,647 (24.8 days); default: the workflow's timeout.",
  })
  timeoutMs?: number | null;

  @Field(() => Int, {
    nullable: true,
    description:
      "How often each failed step is tried again, 0 to 20, whatever the workflow says; default: as the workflow says.",
  })
  stepRetries?: number | null;

  @Field(() => Boolean, {
    nullable: true,
    description: "Steps get RUNCAST_DEBUG=true, to make them say more.",
  })
  debug?: boolean | null;
}

/** What can be said when a run is made. */
@InputType()
export class RunOptionsInput extends StartInput {
  @Field(() => Json, { nullable: true, description: "Free JSON, kept with the run for its readers." })
  payload?: unknown;

  @Field(() => String, {
    nullable: true,
    description: "Git branch to run on; default: what the workflow's source names.",
  })
  branch?: string | null;

  @Field(() => String, {
    nullable: true,
    description: "Git commit to run on, 7 to 64 hex digits; needs `branch`. Default: the branch's newest.",
  })
  commit?: string | null;

  @Field(() => Int, {
    nullable: true,
    description: "How many steps may execute at once, 1 to 10,000; default: as the workflow says.",
  })
  maxParallelSteps?: number | null;

  @Field(() => RunStartEnum, {
    defaultValue: "IMMEDIATE",
    description: "Whether it starts at once, or waits for `startWorkflowRun`.",
  })
  start!: RunStart;
}

export function readRunOptions(input: RunOptionsInput): RunOptions {
  const overrides = readOverrides(input);
  const defaults = defaultRunOptions();
  return {
    ...defaults,
    inputs: overrides.inputs ?? defaults.inputs,
    envVars: overrides.envVars ?? defaults.envVars,
    labels: overrides.labels ?? defaults.labels,
    annotations: overrides.annotations ?? defaults.annotations,
    message: overrides.message,
    timeoutMs: overrides.timeoutMs,
    stepRetries: overrides.stepRetries,
    debug: overrides.debug ?? defaults.debug,
    payload: readStorable("input.payload", input.payload ?? null),
    branch: input.branch ?? null,
    commit: input.commit ?? null,
    maxParallelSteps: input.maxParallelSteps ?? null,
    start: input.start,
  };
}

/** What is null stays as it is. */
export function readOverrides(input: StartInput): StartOverrides {
  return {
    inputs: input.inputs == null ? null : readObject("input.inputs", input.inputs),
    envVars: input.envVars ?? null,
    labels: input.labels == null ? null : readTextMap("input.labels", input.labels),
    annotations: input.annotations == null ? null : readTextMap("input.annotations", input.annotations),
    message: input.message ?? null,
    timeoutMs: input.timeoutMs ?? null,
    stepRetries: input.stepRetries ?? null,
    debug: input.debug ?? null,
  };
}
