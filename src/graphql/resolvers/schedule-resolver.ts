import { Arg, Args, Ctx, FieldResolver, ID, Mutation, Query, Resolver, Root } from "type-graphql";
import { createSchedule } from "../../actions/create-schedule.ts";
import { timesAfter } from "../../actions/cron-times.ts";
import { deleteSchedule } from "../../actions/delete-schedule.ts";
import { type ScheduleChange, updateSchedule } from "../../actions/update-schedule.ts";
import { countSchedules, listSchedules } from "../../persistence/queries/schedules.ts";
import type { TriggerScope } from "../../persistence/queries/trigger-lists.ts";
import { commandOptions } from "../command-input.ts";
import type { RequestContext } from "../context.ts";
import { badInput } from "../errors.ts";
import { keyIn } from "../inputs/selectors.ts";
import { ForwardArgs } from "../page-args.ts";
import { byName, pageOf } from "../page-of.ts";
import { readObject, readStorable, readTextMap } from "../read-json.ts";
import { DateTime, Int } from "../scalars.ts";
import { readable, triggerScope } from "../scope.ts";
import { Actor } from "../types/actor.ts";
import { Capability, capability } from "../types/capability.ts";
import { Schedule, ScheduleConnection } from "../types/schedule.ts";
import {
  CreateScheduleInput,
  CreateSchedulePayload,
  DeleteScheduleInput,
  DeleteSchedulePayload,
  UpdateScheduleInput,
  UpdateSchedulePayload,
} from "../types/schedule-commands.ts";
import { Workflow } from "../types/workflow.ts";
import { WorkflowRun } from "../types/workflow-run.ts";
import { carryOut } from "../user-errors.ts";

const MAX_UPCOMING = 20;

@Resolver(() => Schedule)
export class ScheduleResolver {
  @Query(() => ScheduleConnection, {
    description: "Schedules by name: of one workflow, of one project, or of all that the viewer may read.",
  })
  async schedules(
    @Ctx() context: RequestContext,
    @Args(() => ForwardArgs) args: ForwardArgs,
    @Arg("projectId", () => ID, { nullable: true, description: "Only this project's, by id or slug." })
    projectId?: string | null,
    @Arg("workflowId", () => ID, {
      nullable: true,
      description: "Only this workflow's; an unknown id matches nothing.",
    })
    workflowId?: string | null,
  ) {
    return await pageOfSchedules(context, await triggerScope(context, projectId, workflowId), args);
  }

  @Mutation(() => CreateSchedulePayload, {
    nullable: true,
    description:
      "Makes runs of a workflow at the times that a cron expression names. Refusals: NotFound, ValidationFailed, InvalidState (archived), IdempotencyConflict.",
  })
  async createSchedule(
    @Arg("input", () => CreateScheduleInput, { description: "When to run which workflow, and with what." })
    input: CreateScheduleInput,
    @Ctx() context: RequestContext,
  ): Promise<CreateSchedulePayload> {
    const { engine, viewer } = context;
    return await carryOut(
      CreateSchedulePayload,
      input.clientMutationId,
      async () => {
        const workflowId = keyIn("Workflow", input.workflowId, "input.workflowId");
        const request = { workflowId, settings: settingsOf(input) };
        const key = await createSchedule(engine, viewer, request, commandOptions(input));
        return { schedule: await readSchedule(context, key) };
      },
      { schedule: null },
    );
  }

  @Mutation(() => UpdateSchedulePayload, {
    nullable: true,
    description:
      "Changes a schedule, or switches it on or off. Refusals: NotFound, ValidationFailed, RevisionConflict, IdempotencyConflict, Busy.",
  })
  async updateSchedule(
    @Arg("input", () => UpdateScheduleInput, { description: "Which schedule, and what to change about it." })
    input: UpdateScheduleInput,
    @Ctx() context: RequestContext,
  ): Promise<UpdateSchedulePayload> {
    const { engine, viewer } = context;
    return await carryOut(
      UpdateSchedulePayload,
      input.clientMutationId,
      async () => {
        const scheduleId = keyIn("Schedule", input.scheduleId, "input.scheduleId");
        const request = { scheduleId, change: changeOf(input) };
        await updateSchedule(engine, viewer, request, commandOptions(input));
        return { schedule: await readSchedule(context, scheduleId) };
      },
      { schedule: null },
    );
  }

  @Mutation(() => DeleteSchedulePayload, {
    nullable: true,
    description:
      "Removes a schedule. The runs that it made stay. Refusals: NotFound, RevisionConflict, IdempotencyConflict, Busy.",
  })
  async deleteSchedule(
    @Arg("input", () => DeleteScheduleInput, { description: "Which schedule to remove." })
    input: DeleteScheduleInput,
    @Ctx() { engine, viewer }: RequestContext,
  ): Promise<DeleteSchedulePayload> {
    return await carryOut(
      DeleteSchedulePayload,
      input.clientMutationId,
      async () => {
        const scheduleId = keyIn("Schedule", input.scheduleId, "input.scheduleId");
        await deleteSchedule(engine, viewer, scheduleId, commandOptions(input));
        return { scheduleId: input.scheduleId };
      },
      { scheduleId: null },
    );
  }

  @FieldResolver(() => Workflow, { description: "The workflow that it runs." })
  async workflow(@Root() { record }: Schedule, @Ctx() { loaders }: RequestContext): Promise<Workflow> {
    return Workflow.from((await loaders.workflow.load(record.workflowId))!);
  }

  @FieldResolver(() => WorkflowRun, {
    nullable: true,
    description: "The run that it made last; null before the first, or when that run was deleted.",
  })
  async lastRun(
    @Root() { record: { lastRunId } }: Schedule,
    @Ctx() { loaders, viewer }: RequestContext,
  ): Promise<WorkflowRun | null> {
    const run = readable(viewer, lastRunId === null ? null : await loaders.run.load(lastRunId));
    return run === null ? null : WorkflowRun.from(run);
  }

  @FieldResolver(() => Actor, { description: "Who created it." })
  async createdBy(@Root() { record }: Schedule, @Ctx() { loaders }: RequestContext): Promise<Actor> {
    return Actor.from(await loaders.account.load(record.createdBy));
  }

  @FieldResolver(() => [DateTime], {
    description: "The times at which it will run next, earliest first; empty while it is disabled.",
  })
  upcoming(
    @Root() { record }: Schedule,
    @Ctx() { engine }: RequestContext,
    @Arg("count", () => Int, { defaultValue: 5, description: `How many: 0 to ${MAX_UPCOMING}.` })
    count: number,
  ): Date[] {
    if (count < 0 || count > MAX_UPCOMING) throw badInput(`\`count\` must be between 0 and ${MAX_UPCOMING}`);
    return record.enabled && count > 0 ? timesAfter(record, engine.clock.now(), count) : [];
  }

  @FieldResolver(() => [Capability], { description: "What the viewer may do with it." })
  can(@Root() { record: { projectId } }: Schedule, @Ctx() { viewer }: RequestContext): Capability[] {
    return (["updateSchedule", "deleteSchedule"] as const).map((action) =>
      capability(viewer, projectId, action, null),
    );
  }
}

/** Schedules of these projects, or of one workflow in them, by name. */
export async function pageOfSchedules({ engine }: RequestContext, scope: TriggerScope, args: ForwardArgs) {
  return await pageOf(ScheduleConnection, args, {
    name: `schedules ${JSON.stringify(scope.workflowId)}`,
    ...byName,
    read: async ({ from, limit }) => await listSchedules(engine.database, scope, from, limit),
    toItem: Schedule.from,
    count: async (cap) => await countSchedules(engine.database, scope, cap),
  });
}

async function readSchedule({ loaders }: RequestContext, key: string): Promise<Schedule | null> {
  const record = await loaders.schedule.load(key);
  return record === null ? null : Schedule.from(record);
}

function settingsOf(input: CreateScheduleInput) {
  const { name, cron, timeZone, missedRuns, enabled, envVars, branch, message } = input;
  const options = {
    inputs: readObject("input.inputs", input.inputs ?? {}),
    payload: readStorable("input.payload", input.payload ?? null),
    envVars: envVars ?? [],
    labels: readTextMap("input.labels", input.labels ?? {}),
    branch: branch ?? null,
    message: message ?? null,
  };
  return { name, cron, timeZone, missedRuns, enabled, options };
}

/** Only what the client named: of a setting that cannot be null, null counts as not named. */
function changeOf(input: UpdateScheduleInput): ScheduleChange {
  const { name, cron, timeZone, missedRuns, enabled, inputs, payload, envVars, labels, branch, message } =
    input;
  return {
    ...(name != null && { name }),
    ...(cron != null && { cron }),
    ...(timeZone != null && { timeZone }),
    ...(missedRuns != null && { missedRuns }),
    ...(enabled != null && { enabled }),
    options: {
      ...(inputs != null && { inputs: readObject("input.inputs", inputs) }),
      ...(payload !== undefined && { payload: readStorable("input.payload", payload) }),
      ...(envVars != null && { envVars }),
      ...(labels != null && { labels: readTextMap("input.labels", labels) }),
      ...(branch !== undefined && { branch }),
      ...(message !== undefined && { message }),
    },
  };
}
