import { basename } from "node:path/posix";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { packArtifacts } from "../artifacts/pack-artifacts.ts";
import { keyOf, placeOf } from "../domain/ids.ts";
import type { Services } from "../graphql/context.ts";
import type { Logger } from "../observability/logger.ts";
import { type ArtifactRecord, countArtifacts, findArtifacts } from "../persistence/queries/artifacts.ts";
import { runProject } from "../persistence/queries/runs.ts";
import { findSteps } from "../persistence/queries/steps.ts";
import { replyError, replyNotFound, replyUnauthenticated } from "./api-errors.ts";
import type { Authenticator } from "./authenticate.ts";
import { readByteRange } from "./byte-range.ts";
import { fileAccess, mayAccess } from "./file-access.ts";

type FileServices = Pick<Services, "engine" | "links" | "blobs">;

/** GET /artifacts/ID and /steps/ID/artifacts.tar.gz, with a signed link or a token. */
export function serveArtifacts(
  server: FastifyInstance,
  services: FileServices,
  authenticator: Authenticator,
  logger: Logger,
): void {
  server.get<{ Params: { id: string } }>("/artifacts/:id", async (request, reply) => {
    const access = await fileAccess(request, services, authenticator);
    if (access === null) return await replyUnauthenticated(reply);
    const id = keyOf("Artifact", request.params.id);
    const [artifact] = id === null ? [] : await findArtifacts(services.engine.database, [id]);
    if (artifact === undefined || !mayAccess(access, artifact.projectId)) return await replyNotFound(reply);
    return await sendArtifact(request, reply, artifact, services);
  });

  server.get<{ Params: { id: string } }>("/steps/:id/artifacts.tar.gz", async (request, reply) => {
    const access = await fileAccess(request, services, authenticator);
    if (access === null) return await replyUnauthenticated(reply);
    const { engine, blobs } = services;
    const place = placeOf("StepRun", request.params.id);
    const projectId = place === null ? null : await runProject(engine.database, place.runId);
    if (place === null || projectId === null || !mayAccess(access, projectId))
      return await replyNotFound(reply);
    const scope = { runId: place.runId, step: place.index, attempt: null };
    const [step] = await findSteps(engine.database, [place]);
    if (step === undefined || (await countArtifacts(engine.database, scope, 1)) === 0)
      return await replyNotFound(reply);
    setFileHeaders(reply, "application/gzip", `${step.ref}-artifacts.tar.gz`);
    const packed = packArtifacts(engine.database, blobs, scope);
    packed.on("error", (error) =>
      logger.error({ err: error, correlationId: request.id }, "an archive broke off"),
    );
    return await reply.send(packed);
  });
}

async function sendArtifact(
  request: FastifyRequest,
  reply: FastifyReply,
  artifact: ArtifactRecord,
  { blobs }: FileServices,
): Promise<FastifyReply> {
  const { sizeBytes, blobKey, path } = artifact;
  const tag = `"${artifact.sha256}"`;
  reply.headers({ etag: tag, "accept-ranges": "bytes" });
  if (request.headers["if-none-match"]?.includes(tag)) return await reply.code(304).send();
  const range = isSameFile(request, tag) ? readByteRange(request.headers.range, sizeBytes) : null;
  if (range === "UNSATISFIABLE") {
    reply.header("content-range", `bytes */${sizeBytes}`);
    return await replyError(reply, 416, "RANGE_NOT_SATISFIABLE", `the file has ${sizeBytes} bytes`);
  }
  const content = await blobs.get(blobKey, range ?? undefined);
  // It may have expired since its row was read.
  if (content === null) return await replyNotFound(reply);
  setFileHeaders(reply, "application/octet-stream", basename(path));
  if (range !== null) {
    reply.code(206).header("content-range", `bytes ${range.start}-${range.end - 1}/${sizeBytes}`);
  }
  reply.header("content-length", range === null ? sizeBytes : range.end - range.start);
  return await reply.send(content);
}

/** A download goes on only with the file that it began with. */
function isSameFile({ headers }: FastifyRequest, tag: string): boolean {
  const condition = headers["if-range"];
  return condition === undefined || condition === tag;
}

/** Nothing of what a step has made may run in somebody's browser. */
function setFileHeaders(reply: FastifyReply, type: string, name: string): void {
  const plain = name.replaceAll(/[^\w.-]/g, "_");
  const encoded = encodeURIComponent(name).replaceAll(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16)}`,
  );
  reply.headers({
    "content-type": type,
    "content-disposition": `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`,
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
    "cache-control": "private, no-cache",
  });
}
