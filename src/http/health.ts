import type { FastifyInstance } from "fastify";
import { ping } from "../persistence/queries/ping.ts";
import type { Queryable } from "../persistence/queries/queryable.ts";

/** /healthz: the process runs. /readyz: it can do its work, so a load balancer may send it requests. */
export function serveHealth(server: FastifyInstance, database: Queryable): void {
  server.get("/healthz", async () => ({ status: "ok" }));
  server.get("/readyz", async (_request, reply) => {
    try {
      await ping(database);
      return { status: "ok" };
    } catch {
      return await reply.code(503).send({ status: "database unreachable" });
    }
  });
}
