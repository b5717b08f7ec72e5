import type { RequestContext } from "./context.ts";

/** The address of a file for whoever may read it now: it carries its own permission, for some minutes. */
export function fileLink(
  { links, engine, publicUrl, ownUrl }: Pick<RequestContext, "links" | "engine" | "publicUrl" | "ownUrl">,
  path: string,
): string {
  return `${publicUrl ?? ownUrl()}${links.sign(path, engine.clock.now())}`;
}
