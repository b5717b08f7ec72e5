import { COOKIE_VARIABLE } from "./process-table.ts";
import type { TaskKey } from "./protocol.ts";

/** The part of a cookie that stands for one step of one work directory. */
export function stepToken(directoryId: string, { stepRunId, fence }: TaskKey): string {
  return `${directoryId}.${stepRunId}.${fence}`;
}

/** Whether a token belongs to any step that ever ran in the work directory. */
export function ownsTokensOf(directoryId: string): (token: string) => boolean {
  return (token) => token.startsWith(`${directoryId}.`);
}

/** What a step carries: its own token behind those of the steps in which this runner itself runs. */
export function stepCookie(token: string, environment: NodeJS.ProcessEnv): string {
  const outer = environment[COOKIE_VARIABLE];
  return outer ? `${outer},${token}` : token;
}
