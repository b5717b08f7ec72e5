import { type RuncastClient, RuncastConnectionError } from "../client/runcast-client.ts";
import {
  RunEventsDocument,
  type RunEventsSubscription,
  RunOutcomeDocument,
  type RunOutcomeQuery,
  RunStepsDocument,
  StepLogDocument,
} from "./generated/graphql.ts";
import type { ProgressView } from "./progress/progress-view.ts";

type StepEvent = Extract<RunEventsSubscription["runEvents"], { __typename: "StepStatusChanged" }>;
type Outcome = NonNullable<RunOutcomeQuery["workflowRun"]>;

interface StepPlace {
  readonly ref: string;
  readonly stage: string;
}

/** The server lets a socket carry 50 subscriptions; one of them is for the events. */
const LOGS_AT_ONCE = 40;
/** After the run's end the last log lines are on their way; a lost runner's never come. */
const LOGS_GRACE_MS = 10_000;

/** Shows a run until it ends. @returns how it ended */
export async function followRun(client: RuncastClient, id: string, view: ProgressView): Promise<Outcome> {
  const steps = await listSteps(client, id);
  for (const { ref, stage } of steps.values()) {
    view.stepStatus({
      ref,
      stage,
      status: "PENDING",
      attempt: 0,
      reason: null,
      at: new Date().toISOString(),
    });
  }
  const logs = new LogTails(client, view);
  const events = client.follow({ query: RunEventsDocument, variables: { id, after: { at: "START" } } });
  for await (const message of events) {
    if (message.__typename === "RunStatusChanged") view.runStatus(message.runStatus);
    if (message.__typename === "StepStatusChanged") showStep(message, steps, view, logs);
  }
  await logs.ended(LOGS_GRACE_MS);
  const { workflowRun } = await client.request(RunOutcomeDocument, { id });
  const run = workflowRun!;
  const { workflowName, number, status, statusReason: reason, durationMs } = run;
  view.finish({ workflowName, number, status, reason: reason ?? null, durationMs: durationMs ?? null });
  return run;
}

async function listSteps(client: RuncastClient, id: string): Promise<Map<string, StepPlace>> {
  const steps = new Map<string, StepPlace>();
  let after: string | null = null;
  do {
    const { workflowRun }: Awaited<ReturnType<typeof page>> = await page(client, id, after);
    const { nodes, pageInfo } = workflowRun!.stepRuns;
    for (const step of nodes) steps.set(step.id, { ref: step.stepRef, stage: step.stageRun.name });
    after = pageInfo.hasNextPage ? (pageInfo.endCursor ?? null) : null;
  } while (after !== null);
  return steps;
}

async function page(client: RuncastClient, id: string, after: string | null) {
  return await client.request(RunStepsDocument, { id, after });
}

function showStep(
  event: StepEvent,
  steps: ReadonlyMap<string, StepPlace>,
  view: ProgressView,
  logs: LogTails,
): void {
  const { stepStatus: status, attempt, at } = event;
  const id = event.stepRun?.id;
  const step = id === undefined ? undefined : steps.get(id);
  if (id === undefined || step === undefined) return;
  view.stepStatus({ ...step, status, attempt, reason: event.reason ?? null, at });
  if (status === "RUNNING") logs.add({ id, ref: step.ref, attempt });
}

interface LogTail {
  readonly id: string;
  readonly ref: string;
  readonly attempt: number;
}

/** Follows the logs of running attempts, as many at once as the server allows; the others wait for their turn. */
class LogTails {
  readonly #client: RuncastClient;
  readonly #view: ProgressView;
  readonly #waiting: LogTail[] = [];
  readonly #stop = new AbortController();
  readonly #open = new Set<Promise<void>>();

  constructor(client: RuncastClient, view: ProgressView) {
    this.#client = client;
    this.#view = view;
  }

  add(tail: LogTail): void {
    this.#waiting.push(tail);
    this.#next();
  }

  /** Waits for the logs that are still coming, but not for ever. */
  async ended(graceMs: number): Promise<void> {
    const timer = setTimeout(() => this.#stop.abort(), graceMs);
    while (this.#open.size > 0) await Promise.all(this.#open);
    clearTimeout(timer);
  }

  #next(): void {
    while (this.#open.size < LOGS_AT_ONCE && this.#waiting.length > 0) {
      const following = this.#follow(this.#waiting.shift()!).finally(() => {
        this.#open.delete(following);
        this.#next();
      });
      this.#open.add(following);
    }
  }

  async #follow({ id, ref, attempt }: LogTail): Promise<void> {
    const { signal } = this.#stop;
    if (signal.aborted) return;
    const variables = { id, attempt, after: { at: "START" } } as const;
    try {
      for await (const message of this.#client.follow({ query: StepLogDocument, variables, signal })) {
        if (message.__typename === "LogLines") {
          for (const { stream, text, at } of message.lines) this.#view.logLine({ ref, stream, text, at });
        }
      }
    } catch (error) {
      if (signal.aborted) return;
      const text =
        error instanceof RuncastConnectionError ? "the log could not be followed further" : String(error);
      this.#view.logLine({ ref, stream: "system", text, at: new Date().toISOString() });
    }
  }
}
