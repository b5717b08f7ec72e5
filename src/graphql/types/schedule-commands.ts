import { Field, ID, InputType, ObjectType } from "type-graphql";
import type { MissedRuns } from "../../domain/triggers.ts";
import { MissedRunsEnum } from "../command-enums.ts";
import { CommandInput, RevisedCommandInput } from "../command-input.ts";
import { EnvVarInput } from "../inputs/run-options.ts";
import { Json } from "../scalars.ts";
import { MutationPayload } from "../user-errors.ts";
import { Schedule } from "./schedule.ts";

const CRON =
  "When to run: minute, hour, day of month, month and day of week (0 or 7 = Sunday), with the second before them if there are 6 fields; `*`, lists, ranges, steps, names such as MON, `L`, `W` and `#` are understood. When clocks change: an expression with one time of day runs once on that day, at the first moment after the gap when its time does not exist, and at the first of two when it comes twice; any other expression leaves out times that do not exist, and runs both times when they come twice.";
const TIME_ZONE = "Time zone in which `cron` is read, a name of the IANA database such as Europe/Berlin.";
const MISSED = "What to do about times that passed while no server ran.";
const INPUTS = "Inputs of its runs by name; checked against the workflow's latest version.";
const PAYLOAD = "Payload of its runs: free JSON.";
const ENV_VARS = "Environment variables of its runs. At most 250.";
const LABELS = "Labels of its runs: an object of text values, at most 64.";
const BRANCH = "Git branch of its runs; default: what the workflow's source names.";
const MESSAGE = "Message of its runs, at most 2,000 characters; default: the commit's message.";

@InputType("CreateScheduleInput", { description: "When to run which workflow, and with what." })
export class CreateScheduleInput extends CommandInput {
  @Field(() => ID, { description: "The workflow; its latest version at the time is executed." })
  workflowId!: string;

  @Field(() => String, { description: "Its name, unique in the workflow: 1 to 100 characters." })
  name!: string;

  @Field(() => String, { description: CRON })
  cron!: string;

  @Field(() => String, { defaultValue: "UTC", description: TIME_ZONE })
  timeZone!: string;

  @Field(() => MissedRunsEnum, { defaultValue: "RUN_ONCE", description: MISSED })
  missedRuns!: MissedRuns;

  @Field(() => Boolean, { defaultValue: true, description: "Whether it makes runs." })
  enabled!: boolean;

  @Field(() => Json, { nullable: true, description: INPUTS })
  inputs?: unknown;

  @Field(() => Json, { nullable: true, description: PAYLOAD })
  payload?: unknown;

  @Field(() => [EnvVarInput], { nullable: true, description: ENV_VARS })
  envVars?: EnvVarInput[] | null;

  @Field(() => Json, { nullable: true, description: LABELS })
  labels?: unknown;

  @Field(() => String, { nullable: true, description: BRANCH })
  branch?: string | null;

  @Field(() => String, { nullable: true, description: MESSAGE })
  message?: string | null;
}

@InputType("UpdateScheduleInput", {
  description:
    "What to change about a schedule; what is left out stays as it is. A change of `cron`, `timeZone` or `enabled` counts from now on: times before it are not made up for.",
})
export class UpdateScheduleInput extends RevisedCommandInput {
  @Field(() => ID, { description: "The schedule." })
  scheduleId!: string;

  @Field(() => String, {
    nullable: true,
    description: "Its name, unique in the workflow: 1 to 100 characters.",
  })
  name?: string | null;

  @Field(() => String, { nullable: true, description: CRON })
  cron?: string | null;

  @Field(() => String, { nullable: true, description: TIME_ZONE })
  timeZone?: string | null;

  @Field(() => MissedRunsEnum, { nullable: true, description: MISSED })
  missedRuns?: MissedRuns | null;

  @Field(() => Boolean, { nullable: true, description: "Whether it makes runs." })
  enabled?: boolean | null;

  @Field(() => Json, { nullable: true, description: `${INPUTS} Replaces all of them.` })
  inputs?: unknown;

  @Field(() => Json, { nullable: true, description: `${PAYLOAD} An explicit null takes it away.` })
  payload?: unknown;

  @Field(() => [EnvVarInput], { nullable: true, description: `${ENV_VARS} Replaces all of them.` })
  envVars?: EnvVarInput[] | null;

  @Field(() => Json, { nullable: true, description: `${LABELS} Replaces all of them.` })
  labels?: unknown;

  @Field(() => String, { nullable: true, description: `${BRANCH} An explicit null goes back to that.` })
  branch?: string | null;

  @Field(() => String, { nullable: true, description: `${MESSAGE} An explicit null goes back to that.` })
  message?: string | null;
}

@InputType("DeleteScheduleInput", { description: "Which schedule to remove." })
export class DeleteScheduleInput extends RevisedCommandInput {
  @Field(() => ID, { description: "The schedule." })
  scheduleId!: string;
}

@ObjectType("CreateSchedulePayload", {
  implements: MutationPayload,
  description: "What became of a new schedule.",
})
export class CreateSchedulePayload extends MutationPayload {
  @Field(() => Schedule, { nullable: true, description: "The schedule; null after a dry run." })
  schedule!: Schedule | null;
}

@ObjectType("UpdateSchedulePayload", {
  implements: MutationPayload,
  description: "What became of a change to a schedule.",
})
export class UpdateSchedulePayload extends MutationPayload {
  @Field(() => Schedule, { nullable: true, description: "The schedule as it is now." })
  schedule!: Schedule | null;
}

@ObjectType("DeleteSchedulePayload", {
  implements: MutationPayload,
  description: "What became of the removal of a schedule.",
})
export class DeleteSchedulePayload extends MutationPayload {
  @Field(() => ID, { nullable: true, description: "Id of the schedule that is gone." })
  scheduleId!: string | null;
}
