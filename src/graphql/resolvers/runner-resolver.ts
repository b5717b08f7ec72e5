import { Arg, Ctx, Mutation, Resolver } from "type-graphql";
import { encodeId, NIL_KEY, placeOf, sessionId, sessionOf } from "../../domain/ids.ts";
import { appendLogs } from "../../logs/append.ts";
import type { HeldStep, StepToCancel } from "../../orchestration/runners.ts";
import { HEARTBEAT_MS, LEASE_MS } from "../../orchestration/runners.ts";
import { pinRunSource, type SourceCommit } from "../../orchestration/source.ts";
import type { TaskEquipment } from "../../orchestration/task-equipment.ts";
import { buildTasks } from "../../orchestration/tasks.ts";
import type { RequestContext } from "../context.ts";
import { badInput, objectNotFound } from "../errors.ts";
import {
  AppendLogsInput,
  AppendLogsPayload,
  ClaimTasksInput,
  ClaimTasksPayload,
  HeartbeatRunnerInput,
  HeartbeatRunnerPayload,
  PinRunSourceInput,
  PinRunSourcePayload,
  RegisterRunnerInput,
  RegisterRunnerPayload,
  ReportTasksInput,
  ReportTasksPayload,
  type SourceCommitInput,
  type TaskKeyInput,
} from "../types/runner-protocol.ts";
import { readReport, shortened, storable } from "./read-report.ts";

const MAX_CLAIM = 200;
const MAX_WAIT_MS = 10_000;
const MAX_REPORTS = 2_000;
const MAX_APPENDS = 250;
const MAX_NAMES = 100;
const MAX_CAPACITY = 10_000;
const MAX_COMMITS = 100;
const MAX_COMMIT_MESSAGE = 4_000;
const MAX_AUTHOR = 500;
const FULL_COMMIT = /^([0-9a-f]{40}|[0-9a-f]{64})$/;

@Resolver()
export class RunnerResolver {
  @Mutation(() => RegisterRunnerPayload, {
    nullable: true,
    description: "Opens a session for a runner. Needs a runner's token.",
  })
  async registerRunner(
    @Arg("input", () => RegisterRunnerInput, { description: "What the runner is." })
    input: RegisterRunnerInput,
    @Ctx() { runners, viewer, maxArtifactBytes }: RequestContext,
  ): Promise<RegisterRunnerPayload> {
    if (input.name === "" || input.name.length > 200) throw badInput("`name` must have 1 to 200 characters");
    if (input.queues.length > MAX_NAMES || input.labels.length > MAX_NAMES) {
      throw badInput(`\`queues\` and \`labels\` take at most ${MAX_NAMES} names each`);
    }
    if (input.capacity < 1 || input.capacity > MAX_CAPACITY)
      throw badInput(`\`capacity\` must be 1 to ${MAX_CAPACITY}`);
    const { runnerId, session } = await runners.register(viewer, input);
    return {
      session: sessionId(session),
      runnerId: encodeId("Runner", runnerId),
      leaseMs: LEASE_MS,
      heartbeatMs: HEARTBEAT_MS,
      maxArtifactBytes,
    };
  }

  @Mutation(() => ClaimTasksPayload, {
    nullable: true,
    description:
      "Hands out queued steps; waits for some when there are none. Error SESSION_LOST when the session is over.",
  })
  async claimTasks(
    @Arg("input", () => ClaimTasksInput, { description: "How much, and how long to wait." })
    input: ClaimTasksInput,
    @Ctx() context: RequestContext,
  ): Promise<ClaimTasksPayload> {
    const { claims, runners, engine, viewer, signal } = context;
    const { claimId, max, waitMs } = input;
    if (max < 0 || max > MAX_CLAIM) throw badInput(`\`max\` must be between 0 and ${MAX_CLAIM}`);
    if (waitMs < 0 || waitMs > MAX_WAIT_MS) throw badInput(`\`waitMs\` must be between 0 and ${MAX_WAIT_MS}`);
    if (claimId === "" || claimId.length > 100) throw badInput("`claimId` must have 1 to 100 characters");
    const session = sessionKey(input.session);
    await runners.check(viewer, session);
    const { steps, cancels } = await claims.claim({ session, claimId, max, waitMs, signal });
    const claimant = { session, accountId: viewer.accountId };
    const tasks = await buildTasks(engine, claimant, steps, equipmentOf(context));
    return {
      tasks: tasks.map(({ runId, step, ...task }) => ({
        ...task,
        stepRunId: encodeId("StepRun", runId, step),
        workflowRunId: encodeId("WorkflowRun", runId),
      })),
      cancels: cancels.map(toCancel),
    };
  }

  @Mutation(() => HeartbeatRunnerPayload, {
    nullable: true,
    description:
      "Extends the lease of everything that the session holds. Error SESSION_LOST when the session is over.",
  })
  async heartbeatRunner(
    @Arg("input", () => HeartbeatRunnerInput, { description: "Who lives, and what it holds." })
    input: HeartbeatRunnerInput,
    @Ctx() { runners, viewer }: RequestContext,
  ): Promise<HeartbeatRunnerPayload> {
    const held = input.held.map(readHeld).filter((step) => step !== null);
    const answer = await runners.heartbeat(viewer, sessionKey(input.session), held);
    return {
      leaseUntil: answer.leaseUntil,
      cancels: answer.cancels.map(toCancel),
      lost: answer.lost.map(({ runId, step, fence }) => ({
        stepRunId: encodeId("StepRun", runId, step),
        fence,
      })),
    };
  }

  @Mutation(() => ReportTasksPayload, {
    nullable: true,
    description: "Starts and ends of tasks. A report may be sent again: it counts once.",
  })
  async reportTasks(
    @Arg("input", () => ReportTasksInput, { description: "What happened." }) input: ReportTasksInput,
    @Ctx() { reports, runners, viewer }: RequestContext,
  ): Promise<ReportTasksPayload> {
    if (input.reports.length > MAX_REPORTS) throw badInput(`\`reports\` takes at most ${MAX_REPORTS}`);
    const session = sessionKey(input.session);
    await runners.check(viewer, session);
    const read = input.reports.map((report) => readReport(report, session, viewer.accountId));
    const known = read.filter((report) => report !== null);
    const results = await reports.report(known);
    const resultOf = new Map(known.map((report, i) => [report, results[i]!]));
    return {
      results: input.reports.map(({ stepRunId, fence, kind }, i) => {
        const report = read[i];
        const result = report == null ? "STALE" : resultOf.get(report)!;
        return { stepRunId, fence, kind, result };
      }),
    };
  }

  @Mutation(() => AppendLogsPayload, {
    nullable: true,
    description:
      "Appends to the logs of tasks. Each append names the offset it belongs to, so that none counts twice.",
  })
  async appendLogs(
    @Arg("input", () => AppendLogsInput, { description: "What was written." }) input: AppendLogsInput,
    @Ctx() { engine, runners, viewer, limits }: RequestContext,
  ): Promise<AppendLogsPayload> {
    if (input.appends.length > MAX_APPENDS) throw badInput(`\`appends\` takes at most ${MAX_APPENDS}`);
    const session = sessionKey(input.session);
    await runners.check(viewer, session);
    const appends = input.appends.map(({ offset, data, part, ...key }) => {
      if (data === "" || !data.endsWith("\n"))
        throw badInput("`data` must be whole records, each with its newline");
      if (offset < 0 || part < 0) throw badInput("`offset` and `part` must not be negative");
      return { ...(readHeld(key) ?? { runId: NIL_KEY, step: 0, fence: 0 }), part, offset, data };
    });
    const results = await appendLogs(engine, session, appends, limits.maxLogBytes);
    return {
      results: input.appends.map(({ stepRunId, fence, part }, i) => {
        const { offset, outcome } = results[i]!;
        return { stepRunId, fence, part, offset, result: outcome };
      }),
    };
  }

  @Mutation(() => PinRunSourcePayload, {
    nullable: true,
    description:
      "Says which commit a run's source is. The first pin wins; the answer is what every host must check out.",
  })
  async pinRunSource(
    @Arg("input", () => PinRunSourceInput, {
      description: "The run, through one of its steps, and the commit.",
    })
    input: PinRunSourceInput,
    @Ctx() { engine, runners, viewer }: RequestContext,
  ): Promise<PinRunSourcePayload> {
    const session = sessionKey(input.session);
    await runners.check(viewer, session);
    const held = readHeld(input);
    if (held === null) throw badInput("`stepRunId` is no step");
    if (!FULL_COMMIT.test(input.commit)) throw badInput("`commit` must be a full commit hash");
    const { commit, branch, message } = input;
    const pin = {
      commit,
      branch: branch == null ? null : storable(branch),
      message: message == null ? null : storable(message),
      commits: input.commits == null ? null : readCommits(input.commits),
    };
    const pinned = await pinRunSource(engine, session, held, pin);
    if (pinned === null) throw objectNotFound();
    return pinned;
  }
}

function equipmentOf({ vault, taskTokens, publicUrl }: RequestContext): TaskEquipment {
  return {
    secretsOf: async ({ projectId, workflowId }, names) => await vault.open(projectId, workflowId, names),
    tokenOf: (step) => taskTokens.sign(step),
    apiUrl: publicUrl === null ? null : `${publicUrl}/graphql`,
  };
}

function readHeld({ stepRunId, fence }: TaskKeyInput): HeldStep | null {
  const place = placeOf("StepRun", stepRunId);
  return place === null ? null : { runId: place.runId, step: place.index, fence };
}

function readCommits(commits: readonly SourceCommitInput[]): SourceCommit[] {
  if (commits.length > MAX_COMMITS) throw badInput(`\`commits\` takes at most ${MAX_COMMITS}`);
  return commits.map(({ sha, message, author, at }) => {
    if (!FULL_COMMIT.test(sha)) throw badInput("`sha` must be a full commit hash");
    return {
      sha,
      message: shortened(message, MAX_COMMIT_MESSAGE),
      author: shortened(author, MAX_AUTHOR),
      at: at.toISOString(),
    };
  });
}

function toCancel({ runId, step, fence, mode }: StepToCancel) {
  return { stepRunId: encodeId("StepRun", runId, step), fence, mode };
}

export function sessionKey(id: string): string {
  const key = sessionOf(id);
  if (key === null) throw badInput("`session` is no session");
  return key;
}
