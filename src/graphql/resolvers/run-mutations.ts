import { Arg, Ctx, Field, ID, InputType, Int, Mutation, ObjectType, Resolver } from "type-graphql";
import { cancelWorkflowRun } from "../../actions/cancel-workflow-run.ts";
import { triggerWorkflowRun } from "../../actions/trigger-workflow-run.ts";
import { keyOf } from "../../domain/ids.ts";
import { invalid, notFound } from "../../domain/refusals.ts";
import type { CancelMode } from "../../domain/run-state.ts";
import type { RequestContext } from "../context.ts";
import { CancelModeEnum } from "../enums.ts";
import { mendNuls } from "../json-text.ts";
import { Json } from "../scalars.ts";
import { WorkflowRun } from "../types/workflow-run.ts";
import { isTextMap } from "../types/workflow-run-filter.ts";
import { carryOut, MutationPayload } from "../user-errors.ts";

@InputType("EnvVarInput", { description: "An environment variable." })
export class EnvVarInput {
  @Field(() => String, { description: "Its name: letters, digits and `_`." })
  key!: string;

  @Field(() => String, { description: "Its value. `${NAME}` stands for an earlier variable." })
  value!: string;
}

@InputType("TriggerWorkflowRunInput", { description: "What to run, and with what." })
export class TriggerWorkflowRunInput {
  @Field(() => ID, { description: "The workflow; its latest version is executed." })
  workflowId!: string;

  @Field(() => Json, {
    nullable: true,
    description: "Values by input name; checked against the inputs that the workflow declares.",
  })
  inputs?: Record<string, unknown> | null;

  @Field(() => Json, { nullable: true, description: "Free JSON, kept with the run for its readers." })
  payload?: unknown;

  @Field(() => [EnvVarInput], {
    nullable: true,
    description: "Environment variables, stronger than all others. The last of a name wins. At most 250.",
  })
  envVars?: EnvVarInput[] | null;

  @Field(() => String, {
    nullable: true,
    description: "Git branch to run on; default: what the workflow's source names.",
  })
  branch?: string | null;

  @Field(() => String, {
    nullable: true,
    description: "Git commit to run on, 7 to 64 hex digits; needs `branch`. Default: the branch's newest.",
  })
  commit?: string | null;

  @Field(() => String, {
    nullable: true,
    description: "What the run is about, at most 2,000 characters; default: the commit's message.",
  })
  message?: string | null;

  @Field(() => Json, {
    nullable: true,
    description: "Labels to find it by: an object of text values, at most 64.",
  })
  labels?: unknown;

  @Field(() => Int, {
    nullable: true,
    description: "Milliseconds after which the run is ended; default: the workflow's timeout.",
  })
  timeoutMs?: number | null;

  @Field(() => String, { nullable: true, description: "Handed back in the payload." })
  clientMutationId?: string | null;
}

@ObjectType("TriggerWorkflowRunPayload", {
  implements: MutationPayload,
  description: "What became of a trigger.",
})
export class TriggerWorkflowRunPayload extends MutationPayload {
  @Field(() => WorkflowRun, { nullable: true, description: "The new run." })
  workflowRun!: WorkflowRun | null;
}

@InputType("CancelWorkflowRunInput", { description: "Which run to end, and how." })
export class CancelWorkflowRunInput {
  @Field(() => ID, { description: "The run." })
  workflowRunId!: string;

  @Field(() => CancelModeEnum, { defaultValue: "GRACEFUL", description: "How hard." })
  mode!: CancelMode;

  @Field(() => String, { nullable: true, description: "Why, at most 500 characters; kept with the run." })
  reason?: string | null;

  @Field(() => String, { nullable: true, description: "Handed back in the payload." })
  clientMutationId?: string | null;
}

@ObjectType("CancelWorkflowRunPayload", {
  implements: MutationPayload,
  description: "What became of a cancel.",
})
export class CancelWorkflowRunPayload extends MutationPayload {
  @Field(() => WorkflowRun, {
    nullable: true,
    description: "The run: CANCELED, or CANCELING while its processes are being stopped.",
  })
  workflowRun!: WorkflowRun | null;
}

@Resolver()
export class RunMutations {
  @Mutation(() => TriggerWorkflowRunPayload, {
    nullable: true,
    description:
      "Makes a run of a workflow's latest version and queues it. Refusals: NotFound, ValidationFailed.",
  })
  async triggerWorkflowRun(
    @Arg("input", () => TriggerWorkflowRunInput, { description: "What to run, and with what." })
    input: TriggerWorkflowRunInput,
    @Ctx() context: RequestContext,
  ): Promise<TriggerWorkflowRunPayload> {
    return await carryOut(
      TriggerWorkflowRunPayload,
      input.clientMutationId,
      async () => {
        const runId = await triggerWorkflowRun(context.engine, context.viewer, {
          workflowId: keyOf("Workflow", input.workflowId) ?? refuseId("input.workflowId"),
          inputs: readMap("inputs", input.inputs ?? {}),
          payload: readPayload(input.payload ?? null),
          envVars: input.envVars ?? [],
          branch: input.branch ?? null,
          commit: input.commit ?? null,
          message: input.message ?? null,
          labels: readLabels(input.labels ?? {}),
          timeoutMs: input.timeoutMs ?? null,
          trigger: context.viewer.type === "USER" ? "MANUAL" : "API",
        });
        return { workflowRun: await readRun(context, runId) };
      },
      { workflowRun: null },
    );
  }

  @Mutation(() => CancelWorkflowRunPayload, {
    nullable: true,
    description:
      "Asks for the end of a run that has not ended. Steps without a process end at once, the others when their processes are confirmed dead. Asking again changes nothing; FORCE overrides GRACEFUL. Refusals: NotFound, InvalidState, ValidationFailed, Busy.",
  })
  async cancelWorkflowRun(
    @Arg("input", () => CancelWorkflowRunInput, { description: "Which run to end, and how." })
    input: CancelWorkflowRunInput,
    @Ctx() context: RequestContext,
  ): Promise<CancelWorkflowRunPayload> {
    return await carryOut(
      CancelWorkflowRunPayload,
      input.clientMutationId,
      async () => {
        const runId = keyOf("WorkflowRun", input.workflowRunId) ?? refuseId("input.workflowRunId");
        await cancelWorkflowRun(context.engine, context.viewer, {
          runId,
          mode: input.mode,
          reason: input.reason ?? null,
        });
        return { workflowRun: await readRun(context, runId) };
      },
      { workflowRun: null },
    );
  }
}

function refuseId(path: string): never {
  throw notFound(path);
}

function readMap(name: string, value: unknown): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw invalid(`input.${name}`, [
    { path: `input.${name}`, message: "must be an object", line: null, column: null },
  ]);
}

function readPayload(value: unknown): unknown {
  const text = JSON.stringify(value);
  if (mendNuls(text) === text) return value;
  const message = "must not contain a NUL character";
  throw invalid("input.payload", [{ path: "input.payload", message, line: null, column: null }]);
}

function readLabels(value: unknown): Record<string, string> {
  if (isTextMap(value)) return value;
  const message = "must be an object of text values";
  throw invalid("input.labels", [{ path: "input.labels", message, line: null, column: null }]);
}

async function readRun({ loaders }: RequestContext, id: string): Promise<WorkflowRun | null> {
  const record = await loaders.run.load(id);
  return record === null ? null : WorkflowRun.from(record);
}
