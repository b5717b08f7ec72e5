import { randomUUID } from "node:crypto";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { addLogFiles, checkLogFiles, type LogFilesPlace } from "../actions/add-log-files.ts";
import { keepUnfinishedFile } from "../actions/keep-unfinished-file.ts";
import type { Viewer } from "../domain/access.ts";
import { encodeId, keyOf, NIL_KEY, placeOf } from "../domain/ids.ts";
import type { Services } from "../graphql/context.ts";
import { storedName } from "../graphql/receive-uploads.ts";
import { FileRefusedError } from "../logs/file-content.ts";
import { type Received, receiveFile } from "../logs/receive-file.ts";
import { findUnfinishedFile, type UploadPlace } from "../persistence/queries/log-files.ts";
import type { RunRecord } from "../persistence/queries/runs.ts";
import { type Authenticator, tokenOf } from "./authenticate.ts";
import { answeringProblems, noSuchFile, Problem, unauthenticated } from "./problem.ts";

type Upload = FastifyRequest<{
  Params: { runId: string; name: string };
  Querystring: Readonly<Record<string, unknown>>;
}>;

const PATHS = { run: "runId", step: "stepRunId", name: () => "name" };

/** PUT /runs/ID/log-files/NAME streams a file into the logs of a run; HEAD tells how far one has come that broke off. */
export function serveLogUploads(
  server: FastifyInstance,
  services: Services,
  authenticator: Authenticator,
): void {
  const uploads = new LogUploads(services, authenticator);
  server.register(async (scope) => {
    // The body goes to the store as it comes, whatever it says to be.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, payload, done) => done(null, payload));
    const url = "/runs/:runId/log-files/:name";
    scope.put(url, {
      config: { slowBody: "ALL" },
      handler: answeringProblems(async (request: Upload, reply) => await uploads.put(request, reply)),
    });
    scope.head(
      url,
      answeringProblems(async (request: Upload, reply) => await uploads.head(request, reply)),
    );
  });
}

/** Where the bytes of a request belong. */
interface Part {
  readonly start: number;
  /** Of the whole file, once that is known. */
  readonly total: number | null;
}

class LogUploads {
  readonly #services: Services;
  readonly #authenticator: Authenticator;

  constructor(services: Services, authenticator: Authenticator) {
    this.#services = services;
    this.#authenticator = authenticator;
  }

  async put(request: Upload, reply: FastifyReply): Promise<FastifyReply> {
    // Whatever is refused, the rest of the body is not waited for.
    reply.header("connection", "close");
    const { viewer, place, run, upload } = await this.#open(request);
    const part = readPart(request);
    const { maxUploadBytes } = this.#services.limits;
    if ((part.total ?? 0) > maxUploadBytes) throw tooLarge(maxUploadBytes);
    if (part.start > 0) await this.#checkStart(upload, part);
    const received = await this.#receive(request, run, part);
    const end = part.start + received.bytes;
    const complete = !received.cut && (received.inflated || part.total === null || end === part.total);
    const name = storedName(upload.name, received.inflated);
    if (complete && part.start === 0) {
      const [id] = await addLogFiles(this.#services.engine, viewer, place, [{ name, content: received }]);
      return await created(reply, id!, name, end);
    }
    const unfinished = { ...upload, id: randomUUID(), step: place.step, part: received, offset: part.start };
    const kept = await keepUnfinishedFile(this.#services.engine, { ...unfinished, totalBytes: part.total });
    if (kept === null) throw await this.#conflict(upload);
    if (!complete) return await reply.code(202).header("upload-offset", end).send({ sizeBytes: end });
    const content = { unfinishedId: kept };
    const [id] = await addLogFiles(this.#services.engine, viewer, place, [{ name, content }]);
    return await created(reply, id!, name, end);
  }

  async head(request: Upload, reply: FastifyReply): Promise<FastifyReply> {
    const { upload } = await this.#open(request);
    const unfinished = await findUnfinishedFile(this.#services.engine.database, upload);
    if (unfinished === null) throw noSuchFile();
    reply.headers({ "upload-offset": String(unfinished.sizeBytes), "cache-control": "no-store" });
    if (unfinished.totalBytes !== null) reply.header("upload-length", String(unfinished.totalBytes));
    return await reply.send();
  }

  async #open(request: Upload): Promise<{
    viewer: Viewer;
    place: LogFilesPlace;
    run: RunRecord;
    upload: UploadPlace;
  }> {
    const viewer = await this.#authenticator.viewerOf(tokenOf(request.headers));
    if (viewer === null) throw unauthenticated();
    const { name } = request.params;
    const place = readPlace(request);
    const run = await checkLogFiles(this.#services.engine, viewer, place, [name]);
    return { viewer, place, run, upload: { runId: run.id, name, createdBy: viewer.accountId } };
  }

  async #receive(request: Upload, run: RunRecord, { start }: Part): Promise<Received> {
    const { engine, blobs, limits, maskFor } = this.#services;
    // A stream that is left early must not close the connection: the refusal goes over it.
    const content = request.raw.iterator({ destroyOnReturn: false });
    try {
      return await receiveFile(
        { ...engine, blobs },
        {
          runId: run.id,
          content,
          maxBytes: limits.maxUploadBytes - start,
          mask: await maskFor(run.projectId, run.workflowId),
          gzip: request.headers["content-encoding"] === "gzip",
          continued: start > 0,
        },
      );
    } catch (error) {
      if (request.raw.destroyed && !request.raw.complete)
        throw new Problem(400, "BAD_REQUEST", "the file broke off");
      if (!(error instanceof FileRefusedError)) throw error;
      throw error.kind === "TOO_LARGE"
        ? tooLarge(limits.maxUploadBytes)
        : new Problem(422, "VALIDATION_FAILED", error.message);
    }
  }

  async #checkStart(upload: UploadPlace, { start }: Part): Promise<void> {
    const unfinished = await findUnfinishedFile(this.#services.engine.database, upload);
    if (unfinished?.sizeBytes !== start) throw await this.#conflict(upload);
  }

  async #conflict(upload: UploadPlace): Promise<Problem> {
    const unfinished = await findUnfinishedFile(this.#services.engine.database, upload);
    const offset = String(unfinished?.sizeBytes ?? 0);
    return new Problem(409, "OFFSET_CONFLICT", `go on from byte ${offset}`, { "upload-offset": offset });
  }
}

async function created(
  reply: FastifyReply,
  id: string,
  name: string,
  sizeBytes: number,
): Promise<FastifyReply> {
  return await reply.code(201).send({ logFileId: encodeId("LogFile", id), name, sizeBytes });
}

function readPlace({ params, query }: Upload): LogFilesPlace {
  const runId = keyOf("WorkflowRun", params.runId) ?? NIL_KEY;
  const stepRunId = query["stepRunId"];
  if (stepRunId === undefined) return { runId, step: null, paths: PATHS };
  const step = typeof stepRunId === "string" ? placeOf("StepRun", stepRunId) : null;
  if (step?.runId !== runId) throw noSuchFile();
  return { runId, step: step.index, paths: PATHS };
}

/** `Content-Range: bytes FIRST-LAST/TOTAL`, or the whole file. */
function readPart({ headers }: Upload): Part {
  const range = headers["content-range"];
  if (range === undefined) {
    const length = headers["content-length"];
    return {
      start: 0,
      total: length === undefined || headers["content-encoding"] === "gzip" ? null : Number(length),
    };
  }
  const found = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(range);
  const [start, last, total] = (found?.slice(1) ?? []).map(Number) as [number, number, number];
  if (found === null || start > last || last >= total) {
    throw new Problem(400, "BAD_REQUEST", "`Content-Range` must be `bytes FIRST-LAST/TOTAL`");
  }
  return { start, total };
}

function tooLarge(limit: number): Problem {
  return new Problem(413, "LIMIT_EXCEEDED", `the file has more than ${limit} bytes`);
}
