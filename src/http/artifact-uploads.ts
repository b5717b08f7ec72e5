import type { IncomingMessage } from "node:http";
import type { FastifyInstance, FastifyRequest } from "fastify";
import {
  type ArtifactRefusalKind,
  ArtifactRefused,
  type ArtifactUpload,
  keepArtifact,
} from "../artifacts/keep-artifact.ts";
import type { Viewer } from "../domain/access.ts";
import { encodeId, placeOf, sessionOf } from "../domain/ids.ts";
import type { Services } from "../graphql/context.ts";
import { type Authenticator, tokenOf } from "./authenticate.ts";
import { answeringProblems, Problem, unauthenticated } from "./problem.ts";

const STATUS_OF: Readonly<Record<ArtifactRefusalKind, readonly [status: number, code: string]>> = {
  BAD: [400, "BAD_USER_INPUT"],
  TOO_LARGE: [413, "PAYLOAD_TOO_LARGE"],
  CONFLICT: [409, "CONFLICT"],
  STALE: [404, "NOT_FOUND"],
};

type Query = Readonly<Record<string, unknown>>;
type Upload = FastifyRequest<{ Querystring: Query }>;

/**
 * PUT /runner/artifacts?session&stepRunId&fence&path&size&sha256&executable: a runner sends one file, whose bytes are
 * the body. Whatever can be refused is refused before the body is read.
 */
export function serveArtifactUploads(
  server: FastifyInstance,
  services: Services,
  authenticator: Authenticator,
): void {
  server.register(async (scope) => {
    // The body goes to the store as it comes.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, payload, done) => done(null, payload));
    scope.put("/runner/artifacts", {
      config: { slowBody: "ALL" },
      handler: answeringProblems(async (request: Upload, reply) => {
        const id = await keep(request, services, authenticator).catch((error: unknown) => {
          // What is still on its way is not wanted.
          if (!request.raw.readableEnded) reply.header("connection", "close");
          throw error instanceof ArtifactRefused ? problemOf(error) : error;
        });
        return await reply.send({ id: encodeId("Artifact", id) });
      }),
    });
  });
}

async function keep(
  request: Upload,
  { engine, runners, blobs, maxArtifactBytes }: Services,
  authenticator: Authenticator,
): Promise<string> {
  const viewer = await authenticator.viewerOf(tokenOf(request.headers));
  if (viewer === null) throw unauthenticated();
  if (viewer.type !== "RUNNER")
    throw new Problem(403, "FORBIDDEN", "this is for runners: use a runner's token");
  const upload = readUpload(request.query, viewer);
  await runners.check(viewer, upload.session);
  return await keepArtifact({ ...engine, blobs, maxBytes: maxArtifactBytes }, upload, bodyOf(request));
}

function problemOf({ kind, message }: ArtifactRefused): Problem {
  const [status, code] = STATUS_OF[kind];
  return new Problem(status, code, message);
}

function bodyOf({ body, raw }: FastifyRequest): AsyncIterable<Uint8Array> {
  return (body as IncomingMessage | undefined) ?? raw;
}

function readUpload(query: Query, { accountId }: Viewer): ArtifactUpload {
  const text = (name: string): string => {
    const value = query[name];
    if (typeof value !== "string") throw new ArtifactRefused("BAD", `\`${name}\` is missing`);
    return value;
  };
  const number = (name: string): number => {
    const value = text(name);
    if (!/^\d{1,15}$/.test(value)) throw new ArtifactRefused("BAD", `\`${name}\` is no number`);
    return Number(value);
  };
  const session = sessionOf(text("session"));
  const place = placeOf("StepRun", text("stepRunId"));
  const sha256 = text("sha256");
  if (session === null || place === null)
    throw new ArtifactRefused("STALE", "there is no such session or step");
  if (!/^[0-9a-f]{64}$/.test(sha256))
    throw new ArtifactRefused("BAD", "`sha256` must be 64 lower-case hex digits");
  return {
    session,
    accountId,
    runId: place.runId,
    step: place.index,
    fence: number("fence"),
    path: text("path"),
    sizeBytes: number("size"),
    sha256,
    executable: text("executable") === "true",
  };
}
