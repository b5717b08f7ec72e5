import type { FastifyReply, FastifyRequest } from "fastify";
import processRequest from "graphql-upload/processRequest.mjs";

const MAX_FILES = 10;
/** Besides the files: the operation, and what the form itself takes. */
const MAX_REST_BYTES = 2 ** 20;

/** Why a multipart request is not read. */
export class MultipartRefusedError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/**
 * Reads the operation of a multipart request; its files come while the operation is carried out. Limits are checked
 * before anything is read. A browser sends such a form to any site without asking: the header shows that it asked.
 */
export async function readMultipart(
  request: FastifyRequest,
  reply: FastifyReply,
  limits: { readonly maxFieldSize: number; readonly maxUploadBytes: number },
): Promise<object> {
  const { headers } = request;
  if (headers["apollo-require-preflight"] === undefined && headers["x-apollo-operation-name"] === undefined) {
    throw new MultipartRefusedError(
      400,
      "BAD_REQUEST",
      "a multipart request needs the header `Apollo-Require-Preflight`",
    );
  }
  const most = MAX_FILES * limits.maxUploadBytes + MAX_REST_BYTES;
  if (Number(headers["content-length"] ?? 0) > most) {
    throw new MultipartRefusedError(413, "PAYLOAD_TOO_LARGE", `the request has more than ${most} bytes`);
  }
  try {
    const operation = await processRequest(request.raw, reply.raw, {
      maxFieldSize: limits.maxFieldSize,
      maxFileSize: limits.maxUploadBytes,
      maxFiles: MAX_FILES,
    });
    return operation as object;
  } catch (error) {
    const status = error instanceof Error && "status" in error ? Number(error.status) : 500;
    if (status >= 500) throw error;
    const code = status === 413 ? "PAYLOAD_TOO_LARGE" : "BAD_REQUEST";
    throw new MultipartRefusedError(status, code, (error as Error).message);
  }
}
