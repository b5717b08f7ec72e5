import { basename } from "node:path/posix";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { packArtifacts } from "../artifacts/pack-artifacts.ts";
import { keyOf, placeOf } from "../domain/ids.ts";
import type { Services } from "../graphql/context.ts";
import type { Logger } from "../observability/logger.ts";
import { type ArtifactRecord, countArtifacts, findArtifacts } from "../persistence/queries/artifacts.ts";
import { runProject } from "../persistence/queries/runs.ts";
import { findSteps } from "../persistence/queries/steps.ts";
import type { Authenticator } from "./authenticate.ts";
import { requestedRange, setDownloadHeaders, setRangeHeaders } from "./download.ts";
import { type FileAccess, fileAccess, mayAccess } from "./file-access.ts";
import { answeringProblems, noSuchFile, unauthenticated } from "./problem.ts";

type FileServices = Pick<Services, "engine" | "links" | "blobs">;
type Download = FastifyRequest<{ Params: { id: string } }>;

/** GET /artifacts/ID and /steps/ID/artifacts.tar.gz, with a signed link or a token. */
export function serveArtifacts(
  server: FastifyInstance,
  services: FileServices,
  authenticator: Authenticator,
  logger: Logger,
): void {
  const downloads = new ArtifactDownloads(services, authenticator, logger);
  server.get(
    "/artifacts/:id",
    answeringProblems(async (request: Download, reply) => await downloads.ofFile(request, reply)),
  );
  server.get(
    "/steps/:id/artifacts.tar.gz",
    answeringProblems(async (request: Download, reply) => await downloads.ofStep(request, reply)),
  );
}

class ArtifactDownloads {
  readonly #services: FileServices;
  readonly #authenticator: Authenticator;
  readonly #logger: Logger;

  constructor(services: FileServices, authenticator: Authenticator, logger: Logger) {
    this.#services = services;
    this.#authenticator = authenticator;
    this.#logger = logger;
  }

  async ofFile(request: Download, reply: FastifyReply): Promise<FastifyReply> {
    const access = await this.#accessOf(request);
    const id = keyOf("Artifact", request.params.id);
    const [artifact] = id === null ? [] : await findArtifacts(this.#services.engine.database, [id]);
    if (artifact === undefined || !mayAccess(access, artifact.projectId)) throw noSuchFile();
    return await sendArtifact(request, reply, artifact, this.#services);
  }

  async ofStep(request: Download, reply: FastifyReply): Promise<FastifyReply> {
    const access = await this.#accessOf(request);
    const { engine, blobs } = this.#services;
    const place = placeOf("StepRun", request.params.id);
    const projectId = place === null ? null : await runProject(engine.database, place.runId);
    if (place === null || projectId === null || !mayAccess(access, projectId)) throw noSuchFile();
    const scope = { runId: place.runId, step: place.index, attempt: null };
    const [step] = await findSteps(engine.database, [place]);
    if (step === undefined || (await countArtifacts(engine.database, scope, 1)) === 0) throw noSuchFile();
    const fileName = `${step.ref}-artifacts.tar.gz`;
    setDownloadHeaders(reply, { fileName, type: "application/gzip", cache: "no-cache" });
    const packed = packArtifacts(engine.database, blobs, scope);
    packed.on("error", (error) =>
      this.#logger.error({ err: error, correlationId: request.id }, "an archive broke off"),
    );
    return await reply.send(packed);
  }

  async #accessOf(request: FastifyRequest): Promise<FileAccess> {
    const access = await fileAccess(request, this.#services, this.#authenticator);
    if (access === null) throw unauthenticated();
    return access;
  }
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
  const range = isSameFile(request, tag) ? requestedRange(request, sizeBytes) : null;
  const content = await blobs.get(blobKey, range ?? undefined);
  // It may have expired since its row was read.
  if (content === null) throw noSuchFile();
  setDownloadHeaders(reply, {
    fileName: basename(path),
    type: "application/octet-stream",
    cache: "no-cache",
  });
  setRangeHeaders(reply, range, sizeBytes);
  return await reply.send(content);
}

/** A download goes on only with the file that it began with. */
function isSameFile({ headers }: FastifyRequest, tag: string): boolean {
  const condition = headers["if-range"];
  return condition === undefined || condition === tag;
}
