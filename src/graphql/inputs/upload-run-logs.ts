import { GraphQLScalarType } from "graphql";
import { Field, InputType } from "type-graphql";
import { badInput } from "../errors.ts";
import { ID } from "../scalars.ts";

/** A file of a multipart request, once its part has begun. */
export interface IncomingFile {
  readonly filename: string;
  createReadStream(): NodeJS.ReadableStream & AsyncIterable<Buffer>;
}

/** What stands in the variables for a file: the multipart parser put it there. */
export interface UploadSlot {
  readonly promise: Promise<IncomingFile>;
}

export const Upload = new GraphQLScalarType<Promise<IncomingFile>, never>({
  name: "Upload",
  description:
    "A file of a multipart request, after the GraphQL multipart request specification: `null` in the variables, and named in the request's `map`.",
  parseValue(value) {
    const slot = value as Partial<UploadSlot> | null;
    if (slot !== null && typeof slot === "object" && slot.promise instanceof Promise) return slot.promise;
    throw badInput("a file has to come in a multipart request");
  },
  parseLiteral() {
    throw badInput("a file has to come in a multipart request");
  },
  serialize() {
    throw badInput("a file is only taken");
  },
});

@InputType("UploadRunLogsInput", { description: "Files to add to the logs of a run." })
export class UploadRunLogsInput {
  @Field(() => ID, { description: "The run." })
  workflowRunId!: string;

  @Field(() => ID, { nullable: true, description: "A step of the run that they are about; null = the run." })
  stepRunId?: string | null;

  @Field(() => [Upload], {
    description:
      "The files: text, or gzip of text, which is inflated. 1 to 10; each with a name of at most 200 characters.",
  })
  files!: Promise<IncomingFile>[];

  @Field(() => String, { nullable: true, description: "Handed back in the payload." })
  clientMutationId?: string | null;
}
