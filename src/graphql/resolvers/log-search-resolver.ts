import { Arg, Ctx, FieldResolver, ID, Int, Query, Resolver, Root } from "type-graphql";
import { type LogMatch as Match, type SearchPosition, searchLogs } from "../../logs/search.ts";
import { foreignCursor, isKey, isMoment, listCursor, MAX_PAGE, readListCursor } from "../connection.ts";
import type { RequestContext } from "../context.ts";
import { badInput } from "../errors.ts";
import { projectScope } from "../scope.ts";
import { LogMatch, LogSearchResult } from "../types/log-match.ts";
import { StepRun } from "../types/step-run.ts";
import { WorkflowRun } from "../types/workflow-run.ts";
import { readRunFilter, WorkflowRunFilterInput } from "../types/workflow-run-filter.ts";

const MAX_TEXT = 500;

@Resolver(() => LogMatch)
export class LogSearchResolver {
  @Query(() => LogSearchResult, {
    description:
      "Looks for a text in the logs of the runs of a project, the newest run first. What is found, and how far it has come: a client goes on while `hasMore`.",
  })
  async logSearch(
    @Ctx() context: RequestContext,
    @Arg("projectId", () => ID, {
      description: "The project, by id or slug. Error NOT_FOUND when it does not exist for the viewer.",
    })
    projectId: string,
    @Arg("text", () => String, {
      description: `What to look for, taken literally, within a line: 1 to ${MAX_TEXT} characters.`,
    })
    text: string,
    @Arg("filter", () => WorkflowRunFilterInput, {
      nullable: true,
      description: "Only in logs of these runs.",
    })
    filter?: WorkflowRunFilterInput | null,
    @Arg("first", () => Int, {
      defaultValue: 20,
      description: `How many matches at most, 1 to ${MAX_PAGE}.`,
    })
    first = 20,
    @Arg("after", () => String, { nullable: true, description: "An `endCursor` of the same search." })
    after?: string | null,
  ): Promise<LogSearchResult> {
    if (text === "" || text.length > MAX_TEXT)
      throw badInput(`\`text\` must have 1 to ${MAX_TEXT} characters`);
    if (first < 1 || first > MAX_PAGE) throw badInput(`\`first\` must be between 1 and ${MAX_PAGE}`);
    const { engine, blobs } = context;
    const projectIds = await projectScope(context, projectId);
    const conditions = readRunFilter(filter ?? {});
    const list = JSON.stringify(["log-search", projectIds, text, conditions]);
    const from = after == null ? null : readPlace(readListCursor(list, after));
    const request = { projectIds, filter: conditions, text, limit: first, from };
    const { matches, next } = await searchLogs({ ...engine, blobs }, request);
    return Object.assign(new LogSearchResult(), {
      matches: matches.map(toMatch),
      hasMore: next !== null,
      endCursor: next === null ? null : listCursor(list, numbersOf(next)),
      scannedUntil: next?.createdAt ?? null,
    });
  }

  @FieldResolver(() => StepRun, { nullable: true })
  async stepRun(@Root() { place }: LogMatch, @Ctx() { loaders }: RequestContext): Promise<StepRun | null> {
    const step = await loaders.step.load(place);
    return step === null ? null : StepRun.from(step);
  }
}

function toMatch({ run, step, attempt, line }: Match): LogMatch {
  const workflowRun = WorkflowRun.from(run);
  const place = { runId: run.id, index: step };
  return Object.assign(new LogMatch(), { workflowRun, attempt, line, place });
}

function numbersOf({ createdAt, runId, step, attempt, offset }: SearchPosition): (string | number)[] {
  return [createdAt.getTime(), runId, step, attempt, offset];
}

function readPlace([moment, runId, ...numbers]: readonly unknown[]): SearchPosition {
  const valid = numbers.length === 3 && numbers.every((part) => Number.isInteger(part) && Number(part) >= 0);
  if (!isMoment(moment) || !isKey(runId) || !valid) throw foreignCursor();
  const [step, attempt, offset] = numbers as [number, number, number];
  if (Math.max(step, attempt, offset) >= 2 ** 31) throw foreignCursor();
  return { createdAt: new Date(moment), runId, step, attempt, offset };
}
