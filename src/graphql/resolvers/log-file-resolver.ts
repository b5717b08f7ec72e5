import { Arg, Ctx, Field, FieldResolver, Mutation, ObjectType, Resolver, Root } from "type-graphql";
import { addLogFiles, checkLogFiles, type LogFilesPlace } from "../../actions/add-log-files.ts";
import { encodeId, keyOf, NIL_KEY, placeOf } from "../../domain/ids.ts";
import { invalidValue, notFound } from "../../domain/refusals.ts";
import type { RequestContext } from "../context.ts";
import { downloadLink } from "../download-link.ts";
import { type IncomingFile, UploadRunLogsInput } from "../inputs/upload-run-logs.ts";
import { receiveUploads } from "../receive-uploads.ts";
import { Actor } from "../types/actor.ts";
import { LogFile } from "../types/log-file.ts";
import { StepRun } from "../types/step-run.ts";
import { WorkflowRun } from "../types/workflow-run.ts";
import { carryOut, MutationPayload } from "../user-errors.ts";

const MAX_FILES = 10;
const PATHS = {
  run: "input.workflowRunId",
  step: "input.stepRunId",
  name: (index: number) => `input.files.${index}`,
};

@ObjectType("UploadRunLogsPayload", {
  implements: MutationPayload,
  description: "What became of files that were sent.",
})
class UploadRunLogsPayload extends MutationPayload {
  @Field(() => [LogFile], { description: "The files, in the order of the input; empty when none was taken." })
  logFiles!: readonly LogFile[];
}

@Resolver(() => WorkflowRun)
export class LogFileMutations {
  @FieldResolver(() => [LogFile], {
    description: "Files that were added to its logs, oldest first; at most 200.",
  })
  async logFiles(@Root() { record }: WorkflowRun, @Ctx() { loaders }: RequestContext): Promise<LogFile[]> {
    return (await loaders.logFilesOfRun.load(record.id)).map(LogFile.from);
  }

  @Mutation(() => UploadRunLogsPayload, {
    nullable: true,
    description:
      "Adds files to the logs of a run: all of them or none. Needs a multipart request with the header `Apollo-Require-Preflight`. Legal until the run is finalized. Refusals: NotFound, InvalidState, ValidationFailed, LimitExceeded, Busy.",
  })
  async uploadRunLogs(
    @Arg("input", () => UploadRunLogsInput, { description: "Which run, and the files." })
    input: UploadRunLogsInput,
    @Ctx() context: RequestContext,
  ): Promise<UploadRunLogsPayload> {
    const nothing = { logFiles: [] };
    return await carryOut(
      UploadRunLogsPayload,
      input.clientMutationId,
      async () => await upload(input, context),
      nothing,
    );
  }
}

async function upload(
  input: UploadRunLogsInput,
  context: RequestContext,
): Promise<{ logFiles: readonly LogFile[] }> {
  const { engine, viewer, loaders } = context;
  const place = readPlace(input);
  await checkLogFiles(engine, viewer, place, []);
  if (input.files.length === 0 || input.files.length > MAX_FILES) {
    throw invalidValue("input.files", `1 to ${MAX_FILES} files`);
  }
  const files = await arrived(input.files);
  const run = await checkLogFiles(
    engine,
    viewer,
    place,
    files.map(({ filename }) => filename),
  );
  const received = await receiveUploads(context, run, files);
  const ids = await addLogFiles(engine, viewer, place, received);
  const records = await Promise.all(ids.map(async (id) => (await loaders.logFile.load(id))!));
  return { logFiles: records.map(LogFile.from) };
}

/** The parser gives up on a form that is broken, or that ends too soon. */
async function arrived(files: readonly Promise<IncomingFile>[]): Promise<IncomingFile[]> {
  try {
    return await Promise.all(files);
  } catch (error) {
    throw invalidValue("input.files", `the form cannot be read: ${(error as Error).message}`);
  }
}

function readPlace({ workflowRunId, stepRunId }: UploadRunLogsInput): LogFilesPlace {
  const runId = keyOf("WorkflowRun", workflowRunId) ?? NIL_KEY;
  const step = stepRunId == null ? null : placeOf("StepRun", stepRunId);
  if (stepRunId != null && step?.runId !== runId) throw notFound(PATHS.step);
  return { runId, step: step?.index ?? null, paths: PATHS };
}

@Resolver(() => LogFile)
export class LogFileResolver {
  @FieldResolver(() => StepRun, { nullable: true, description: "The step it is about; null = the run." })
  async stepRun(@Root() { record }: LogFile, @Ctx() { loaders }: RequestContext): Promise<StepRun | null> {
    const { runId, step } = record;
    const found = step === null ? null : await loaders.step.load({ runId, index: step });
    return found === null ? null : StepRun.from(found);
  }

  @FieldResolver(() => Actor, { description: "Who added it." })
  async createdBy(@Root() { record }: LogFile, @Ctx() { loaders }: RequestContext): Promise<Actor> {
    return Actor.from(await loaders.account.load(record.createdBy));
  }

  @FieldResolver(() => String, {
    description: "Address of its content, for `GET` without a token; good for five minutes.",
  })
  downloadUrl(@Root() { record }: LogFile, @Ctx() context: RequestContext): string {
    return downloadLink(context, `/log-files/${encodeId("LogFile", record.id)}`);
  }
}
