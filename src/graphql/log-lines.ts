import { ArgsType, Field } from "type-graphql";
import { readLogLines } from "../logs/read-log.ts";
import type { LogLine } from "../logs/records.ts";
import type { StoredLog } from "../persistence/queries/logs.ts";
import type { RequestContext } from "./context.ts";
import { badInput } from "./errors.ts";
import { Int } from "./scalars.ts";

const MAX_LINES = 1_000;

@ArgsType()
export class LogLinesArgs {
  @Field(() => Int, { defaultValue: 1, description: "Number of the first line, from 1." })
  fromLine!: number;

  @Field(() => Int, { defaultValue: 100, description: `How many lines, 0 to ${MAX_LINES}.` })
  count!: number;
}

/** Some lines of a log, which may be nothing. */
export async function logLines(
  { engine, blobs }: RequestContext,
  log: StoredLog | null,
  { fromLine, count }: LogLinesArgs,
): Promise<readonly LogLine[]> {
  if (fromLine < 1) throw badInput("`fromLine` counts from 1");
  if (count < 0 || count > MAX_LINES) throw badInput(`\`count\` must be between 0 and ${MAX_LINES}`);
  return log === null ? [] : await readLogLines({ database: engine.database, blobs }, log, fromLine, count);
}
