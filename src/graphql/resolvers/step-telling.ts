import { Arg, Args, Ctx, FieldResolver, Mutation, Resolver, Root } from "type-graphql";
import type { StepRequest } from "../../actions/command-step.ts";
import { recordStepTrace, reportStepProgress } from "../../actions/tell-of-step.ts";
import type { StepPlace } from "../../persistence/queries/steps.ts";
import { countTraces, tracesOfStep } from "../../persistence/queries/traces.ts";
import { commandOptions } from "../command-input.ts";
import type { RequestContext } from "../context.ts";
import { readStep } from "../inputs/selectors.ts";
import { RecordStepTraceInput, ReportStepProgressInput } from "../inputs/step-telling.ts";
import { ForwardArgs } from "../page-args.ts";
import { pageOf, positionIn } from "../page-of.ts";
import { type StepPayload, stepPayload } from "../types/command-payloads.ts";
import { StepRun } from "../types/step-run.ts";
import { StepTrace, StepTraceConnection } from "../types/step-trace.ts";
import { carryOut } from "../user-errors.ts";

const TOKEN = "A step's own token reads nothing: for it `stepRun` is null.";
const ProgressPayload = stepPayload(
  "ReportStepProgressPayload",
  `What became of a report of progress. ${TOKEN}`,
);
const TracePayload = stepPayload("RecordStepTracePayload", `What became of a trace. ${TOKEN}`);

const CALLERS =
  "For PROJECT_SUPERUSER, and for the processes of the step itself with the token in `$RUNCAST_TASK_TOKEN`, which is good as long as the step's lease. Legal in RUNNING, and in WAITING for a completion from outside. Raises no `revision`, and is not audited.";

/** What running steps tell, and where it is read. */
@Resolver(() => StepRun)
export class StepTelling {
  @Mutation(() => ProgressPayload, {
    nullable: true,
    description: `Tells how far a step is: its \`progress\`, and the event StepProgressed, at most twice a second. What comes more often changes \`StepRun.progress\` at once and is told by the next event. The progress of its run rises with it, and never falls. ${CALLERS} Refusals: NotFound, InvalidState, ValidationFailed, IdempotencyConflict, Busy.`,
  })
  async reportStepProgress(
    @Arg("input", () => ReportStepProgressInput, { description: "Which step, and how far it is." })
    input: ReportStepProgressInput,
    @Ctx() context: RequestContext,
  ): Promise<StepPayload> {
    const { engine, viewer, vault } = context;
    const { progress, message = null } = input;
    return await told(ProgressPayload, input, context, async (request) => {
      return await reportStepProgress(engine, viewer, vault, { ...request, progress, message });
    });
  }

  @Mutation(() => TracePayload, {
    nullable: true,
    description: `Tells of a step's work, such as what a model considers: the event StepTraced, and an entry of \`StepRun.trace\`. Values of the project's and the workflow's secrets are masked first. A step can tell 10,000 times. ${CALLERS} Refusals: NotFound, InvalidState, ValidationFailed, LimitExceeded, IdempotencyConflict, Busy.`,
  })
  async recordStepTrace(
    @Arg("input", () => RecordStepTraceInput, { description: "Which step, and what it tells." })
    input: RecordStepTraceInput,
    @Ctx() context: RequestContext,
  ): Promise<StepPayload> {
    const { engine, viewer, vault } = context;
    const { kind, content } = input;
    return await told(TracePayload, input, context, async (request) => {
      return await recordStepTrace(engine, viewer, vault, { ...request, kind, content });
    });
  }

  @FieldResolver(() => StepTraceConnection, {
    description: "What it told of its work in all of its attempts, oldest first.",
  })
  async trace(
    @Root() { record }: StepRun,
    @Args(() => ForwardArgs) args: ForwardArgs,
    @Ctx() { engine: { database } }: RequestContext,
  ) {
    return await pageOf(StepTraceConnection, args, {
      name: `trace of ${record.runId} ${record.index}`,
      keyOf: ({ seq }) => [seq],
      positionOf: positionIn,
      read: async ({ from, limit }) => await tracesOfStep(database, record, from, limit),
      toItem: StepTrace.from,
      count: async () => await countTraces(database, record),
    });
  }
}

async function told(
  payload: new () => StepPayload,
  input: ReportStepProgressInput | RecordStepTraceInput,
  { loaders, viewer }: RequestContext,
  tell: (request: StepRequest) => Promise<StepPlace>,
): Promise<StepPayload> {
  return await carryOut(
    payload,
    input.clientMutationId,
    async () => {
      const place = await tell({ step: readStep(input.step), command: commandOptions(input) });
      const record = viewer.task === undefined ? await loaders.step.load(place) : null;
      return { stepRun: record === null ? null : StepRun.from(record) };
    },
    { stepRun: null },
  );
}
