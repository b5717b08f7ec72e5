import { setTimeout } from "node:timers/promises";
import { type RuncastClient, RuncastConnectionError } from "../../../src/client/runcast-client.ts";

export interface PolledEvent {
  readonly __typename: string;
  readonly cursor: string;
  readonly seq: number;
}

interface Page {
  readonly workflowRun: { readonly finishedAt: string | null; readonly events: readonly PolledEvent[] };
}

const EVENTS = `query ($id: ID!, $after: String) {
  workflowRun(id: $id) { finishedAt events(after: $after, first: 1000) { __typename cursor seq } } }`;

/** Where nothing can stay open: asks again and again for what came behind the last event, until the run has ended. */
export async function* pollRun(
  runcast: RuncastClient,
  id: string,
  { after = null, everyMs = 2_000 }: { after?: string | null; everyMs?: number } = {},
): AsyncGenerator<PolledEvent> {
  let position = after;
  for (;;) {
    const run = await ask(runcast, { id, after: position });
    if (run !== null) {
      yield* run.events;
      position = run.events.at(-1)?.cursor ?? position;
      if (run.events.length > 0) continue;
      if (run.finishedAt !== null) return;
    }
    await setTimeout(everyMs);
  }
}

/** Null when there was no answer: the next look tells. */
async function ask(runcast: RuncastClient, variables: object): Promise<Page["workflowRun"] | null> {
  try {
    return (await runcast.request<Page>(EVENTS, { ...variables })).workflowRun;
  } catch (error) {
    if (error instanceof RuncastConnectionError) return null;
    throw error;
  }
}
