declare module "graphql-upload/processRequest.mjs" {
  import type { IncomingMessage, ServerResponse } from "node:http";

  export default function processRequest(
    request: IncomingMessage,
    response: ServerResponse,
    options: {
      readonly maxFieldSize: number;
      readonly maxFileSize: number;
      readonly maxFiles: number;
    },
  ): Promise<unknown>;
}
