import type { FastifyReply } from "fastify";

/** Errors of everything that is not GraphQL, in the same shape as GraphQL's own: a client has one way to read them. */
export async function replyError(
  reply: FastifyReply,
  status: number,
  code: string,
  message: string,
): Promise<FastifyReply> {
  const extensions = { code, correlationId: reply.request.id };
  return await reply
    .code(status)
    .type("application/json")
    .header("cache-control", "no-store")
    .send({ errors: [{ message, extensions }] });
}

export async function replyUnauthenticated(reply: FastifyReply): Promise<FastifyReply> {
  return await replyError(
    reply,
    401,
    "UNAUTHENTICATED",
    "a link that is still good, or a token is needed: `Authorization: Bearer TOKEN` or `X-Access-Token: TOKEN`",
  );
}

/** Foreign, unknown, deleted and mistyped ids are all answered with exactly this. */
export async function replyNotFound(reply: FastifyReply): Promise<FastifyReply> {
  return await replyError(reply, 404, "NOT_FOUND", "no such object");
}
