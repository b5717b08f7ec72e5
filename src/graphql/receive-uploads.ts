import { invalidValue, RefusedError } from "../domain/refusals.ts";
import { FileRefusedError } from "../logs/file-content.ts";
import { receiveFile } from "../logs/receive-file.ts";
import type { RequestContext } from "./context.ts";
import type { IncomingFile } from "./inputs/upload-run-logs.ts";

export interface ReceivedUpload {
  readonly name: string;
  readonly content: { readonly blobKey: string; readonly bytes: number };
}

/** Takes files into the store, one after the other; what is refused of one refuses them all. */
export async function receiveUploads(
  { engine, blobs, limits, maskFor }: RequestContext,
  run: { readonly id: string; readonly projectId: string; readonly workflowId: string },
  files: readonly IncomingFile[],
): Promise<ReceivedUpload[]> {
  const received: ReceivedUpload[] = [];
  for (const [i, file] of files.entries()) {
    const mask = await maskFor(run.projectId, run.workflowId);
    try {
      const content = file.createReadStream();
      const incoming = { runId: run.id, content, maxBytes: limits.maxUploadBytes, mask };
      const { blobKey, bytes, cut, inflated } = await receiveFile({ ...engine, blobs }, incoming);
      if (cut) throw new FileRefusedError("NOT_TAKEN", "the file broke off");
      received.push({ name: storedName(file.filename, inflated), content: { blobKey, bytes } });
    } catch (error) {
      throw refusalOf(error, `input.files.${i}`, limits.maxUploadBytes);
    }
  }
  return received;
}

export function storedName(name: string, inflated: boolean): string {
  return inflated ? name.replace(/(?<=.)\.gz$/i, "") : name;
}

/** The multipart parser, too, says that a file is too large. */
function refusalOf(error: unknown, path: string, limit: number): unknown {
  const status = error instanceof Error && "status" in error ? error.status : null;
  const tooLarge = error instanceof FileRefusedError && error.kind === "TOO_LARGE";
  if (tooLarge || status === 413) {
    const message = `the file has more than ${limit} bytes`;
    return new RefusedError({ kind: "LimitExceeded", message, path, limit });
  }
  if (error instanceof FileRefusedError) return invalidValue(path, error.message);
  return error;
}
