import type { RequestContext } from "./context.ts";

/** An address for whoever may read what is there: good for five minutes, without a token. */
export function downloadLink(
  { links, engine, publicUrl, ownUrl }: Pick<RequestContext, "links" | "engine" | "publicUrl" | "ownUrl">,
  path: string,
): string {
  return `${(publicUrl ?? ownUrl()).replace(/\/+$/, "")}${links.sign(path, engine.clock.now())}`;
}
