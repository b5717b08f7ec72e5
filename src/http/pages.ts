import { createReadStream, existsSync, statSync } from "node:fs";
import { extname, join, normalize, sep } from "node:path";
import type { FastifyInstance } from "fastify";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".ttf": "font/ttf",
  ".json": "application/json",
};
/** GraphiQL's editor makes its workers from blobs and styles elements in place; nothing comes from elsewhere. */
const CONTENT_POLICY = [
  "default-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "font-src 'self' data:",
  "img-src 'self' data:",
  "connect-src 'self' ws: wss:",
  "worker-src 'self' blob:",
  "frame-ancestors 'none'",
].join("; ");

/** GraphiQL from local files at /graphiql/. */
export function servePages(server: FastifyInstance, directory: string): void {
  server.get("/", async (_request, reply) => await reply.redirect("/graphiql/"));
  server.get("/graphiql", async (_request, reply) => await reply.redirect("/graphiql/"));
  server.get<{ Params: { "*": string } }>("/graphiql/*", async (request, reply) => {
    const file = resolveFile(directory, request.params["*"]);
    if (file === null) return await reply.code(404).type("text/plain; charset=utf-8").send("not found\n");
    const fresh = file.includes(`${sep}assets${sep}`) ? "public, max-age=31536000, immutable" : "no-cache";
    return await reply
      .type(TYPES[extname(file)] ?? "application/octet-stream")
      .header("cache-control", fresh)
      .header("content-security-policy", CONTENT_POLICY)
      .header("x-content-type-options", "nosniff")
      .header("referrer-policy", "no-referrer")
      .send(createReadStream(file));
  });
}

/** A file inside the directory, or null: nothing outside of it is ever named. */
function resolveFile(directory: string, path: string): string | null {
  const file = normalize(join(directory, path === "" ? "index.html" : path));
  if (!file.startsWith(directory + sep)) return null;
  return existsSync(file) && statSync(file).isFile() ? file : null;
}
