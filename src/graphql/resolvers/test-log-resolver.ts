import { Args, Ctx, FieldResolver, Resolver, Root } from "type-graphql";
import { encodeId } from "../../domain/ids.ts";
import type { LogLine as Line } from "../../logs/records.ts";
import { logOfAttempt, type TestAttemptRecord } from "../../persistence/queries/tests.ts";
import type { RequestContext } from "../context.ts";
import { downloadLink } from "../download-link.ts";
import { LogLinesArgs, logLines } from "../log-lines.ts";
import { LogLine } from "../types/step-log.ts";
import { StoredLog } from "../types/stored-log.ts";
import { TestAttempt, TestRun } from "../types/test-run.ts";

@Resolver(() => TestAttempt)
export class TestAttemptLogResolver {
  @FieldResolver(() => StoredLog, { nullable: true, description: "Its log; null when it wrote nothing." })
  async logs(@Root() { record }: TestAttempt, @Ctx() context: RequestContext): Promise<StoredLog | null> {
    return await attemptLog(context, record);
  }

  @FieldResolver(() => [LogLine], {
    description:
      "Lines of its log, in order; fewer than asked for where it ends, none of a log that is not kept any more.",
  })
  async logLines(
    @Root() { record }: TestAttempt,
    @Ctx() context: RequestContext,
    @Args(() => LogLinesArgs) args: LogLinesArgs,
  ): Promise<readonly Line[]> {
    const key = logOfAttempt(record);
    return await logLines(context, key && (await context.loaders.testLog.load(key)), args);
  }
}

@Resolver(() => TestRun)
export class TestRunLogResolver {
  @FieldResolver(() => StoredLog, {
    nullable: true,
    description:
      "The log of its newest execution that has ended; null when there is none, or it wrote nothing.",
  })
  async logs(@Root() { record }: TestRun, @Ctx() context: RequestContext): Promise<StoredLog | null> {
    const newest = (await context.loaders.attemptsOfTest.load(record)).at(-1);
    return newest === undefined ? null : await attemptLog(context, newest);
  }
}

async function attemptLog(context: RequestContext, attempt: TestAttemptRecord): Promise<StoredLog | null> {
  const key = logOfAttempt(attempt);
  if (key === null) return null;
  const { runId, step, index, number, fence } = attempt;
  const log = await context.loaders.testLog.load(key);
  // Whoever sends the log of the step sends those of its tests.
  const ofStep = (await context.loaders.logsOfRun.load(runId)).find(
    (head) => head.step === step && head.fence === fence,
  );
  const url = downloadLink(
    context,
    `/test-runs/${encodeId("TestRun", runId, step, index)}/logs?attempt=${number}`,
  );
  const finalLength = log.truncated ? log.length : attempt.logLength;
  return StoredLog.from(url, [{ ...log, finalLength, abandoned: ofStep?.abandoned ?? true }], false);
}
