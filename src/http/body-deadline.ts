import type { FastifyInstance, FastifyRequest } from "fastify";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Its body, or one that is a form, is made of files: they take as long as they take; only silence ends them. */
    readonly slowBody?: "ALL" | "FORM";
  }
}

const TIMED_OUT = "HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

export function isForm({ headers }: FastifyRequest): boolean {
  return /^multipart\/form-data\b/i.test(headers["content-type"] ?? "");
}

/** Gives every body but those of files so long to arrive whole. */
export function limitBodyTime(server: FastifyInstance, ms: number): void {
  server.addHook("onRequest", (request, _reply, done) => {
    const { headers } = request.raw;
    const hasBody = headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined;
    const { slowBody } = request.routeOptions.config;
    const slow = slowBody === "ALL" || (slowBody === "FORM" && isForm(request));
    if (hasBody && !slow) {
      const timer = setTimeout(() => request.raw.socket.end(TIMED_OUT), ms);
      const clear = (): void => clearTimeout(timer);
      request.raw.once("end", clear).once("close", clear);
    }
    done();
  });
}
