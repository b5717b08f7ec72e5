import { Args, Ctx, FieldResolver, Resolver, Root } from "type-graphql";
import type { RequestContext } from "../context.ts";
import { ForwardArgs } from "../page-args.ts";
import { ScheduleConnection } from "../types/schedule.ts";
import { WebhookConnection } from "../types/webhook.ts";
import { Workflow } from "../types/workflow.ts";
import { pageOfSchedules } from "./schedule-resolver.ts";
import { pageOfWebhooks } from "./webhook-resolver.ts";

/** What starts a workflow besides people. */
@Resolver(() => Workflow)
export class WorkflowTriggersResolver {
  @FieldResolver(() => ScheduleConnection, { description: "Its schedules, by name." })
  async schedules(
    @Root() { record }: Workflow,
    @Args(() => ForwardArgs) args: ForwardArgs,
    @Ctx() context: RequestContext,
  ) {
    return await pageOfSchedules(context, scopeOf(record), args);
  }

  @FieldResolver(() => WebhookConnection, { description: "Its webhooks, by name." })
  async webhooks(
    @Root() { record }: Workflow,
    @Args(() => ForwardArgs) args: ForwardArgs,
    @Ctx() context: RequestContext,
  ) {
    return await pageOfWebhooks(context, scopeOf(record), args);
  }
}

function scopeOf({ id, projectId }: Workflow["record"]) {
  return { projectIds: [projectId], workflowId: id };
}
