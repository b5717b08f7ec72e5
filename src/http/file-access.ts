import type { FastifyRequest } from "fastify";
import { type ProjectRole, roleIn, roleSatisfies, type Viewer } from "../domain/access.ts";
import type { Services } from "../graphql/context.ts";
import { type Authenticator, tokenOf } from "./authenticate.ts";

/** Who asks for a file: the bearer of a link that was signed for it, or somebody with a token. */
export type FileAccess = { readonly kind: "SIGNED" } | { readonly kind: "VIEWER"; readonly viewer: Viewer };

/** Null for a request with neither: it is answered 401, whatever it asks for. */
export async function fileAccess(
  { headers, url }: FastifyRequest,
  { links, engine }: Pick<Services, "links" | "engine">,
  authenticator: Authenticator,
): Promise<FileAccess | null> {
  if (links.verify(url, engine.clock.now())) return { kind: "SIGNED" };
  const viewer = await authenticator.viewerOf(tokenOf(headers));
  return viewer === null ? null : { kind: "VIEWER", viewer };
}

/** Whether the file's project exists for whoever asks; a signed link says so by itself, for reading. */
export function mayAccess(
  access: FileAccess,
  projectId: string,
  role: ProjectRole = "PROJECT_USER",
): boolean {
  if (access.kind === "SIGNED") return role === "PROJECT_USER";
  return roleSatisfies(roleIn(access.viewer, projectId), role);
}
