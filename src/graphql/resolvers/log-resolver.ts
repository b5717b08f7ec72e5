import { Args, Ctx, FieldResolver, Resolver, Root } from "type-graphql";
import { encodeId } from "../../domain/ids.ts";
import { isTerminal } from "../../domain/statuses.ts";
import type { LogLine as Line } from "../../logs/records.ts";
import type { LogHead } from "../../persistence/queries/logs.ts";
import type { RequestContext } from "../context.ts";
import { downloadLink } from "../download-link.ts";
import { LogLinesArgs, logLines } from "../log-lines.ts";
import { LogLine } from "../types/step-log.ts";
import { StepAttempt, StepRun } from "../types/step-run.ts";
import { StoredLog } from "../types/stored-log.ts";
import { WorkflowRun } from "../types/workflow-run.ts";

@Resolver(() => StepAttempt)
export class AttemptLogResolver {
  @FieldResolver(() => StoredLog, { description: "Its log." })
  async logs(@Root() { record }: StepAttempt, @Ctx() context: RequestContext): Promise<StoredLog> {
    const head = await logOf(record, context);
    return attemptLog(context, record, head);
  }

  @FieldResolver(() => [LogLine], {
    description:
      "Lines of its log, in order; fewer than asked for where it ends, none of a log that is not kept any more.",
  })
  async logLines(
    @Root() { record }: StepAttempt,
    @Ctx() context: RequestContext,
    @Args(() => LogLinesArgs) args: LogLinesArgs,
  ): Promise<readonly Line[]> {
    return await logLines(context, await logOf(record, context), args);
  }
}

@Resolver(() => StepRun)
export class StepLogResolver {
  @FieldResolver(() => StoredLog, {
    nullable: true,
    description: "The log of its newest attempt; null before the first.",
  })
  async logs(@Root() { record }: StepRun, @Ctx() context: RequestContext): Promise<StoredLog | null> {
    const place = { runId: record.runId, step: record.index, number: record.attempt };
    const head = await logOf(place, context);
    return head === null ? null : attemptLog(context, place, head);
  }
}

@Resolver(() => WorkflowRun)
export class RunLogResolver {
  @FieldResolver(() => StoredLog, {
    description: "The logs of all its attempts together, and the files that were added to them.",
  })
  async logs(@Root() { record }: WorkflowRun, @Ctx() context: RequestContext): Promise<StoredLog> {
    const heads = await context.loaders.logsOfRun.load(record.id);
    const url = downloadLink(context, `/runs/${encodeId("WorkflowRun", record.id)}/logs`);
    return StoredLog.from(url, heads, !isTerminal(record.status));
  }
}

interface AttemptPlace {
  readonly runId: string;
  readonly step: number;
  readonly number: number;
}

async function logOf(place: AttemptPlace, { loaders }: RequestContext): Promise<LogHead | null> {
  const heads = await loaders.logsOfRun.load(place.runId);
  return heads.find(({ step, attempt }) => step === place.step && attempt === place.number) ?? null;
}

function attemptLog(context: RequestContext, place: AttemptPlace, head: LogHead | null): StoredLog {
  const step = encodeId("StepRun", place.runId, place.step);
  const url = downloadLink(context, `/steps/${step}/logs?attempt=${place.number}`);
  return StoredLog.from(url, head === null ? [] : [head], head === null);
}
