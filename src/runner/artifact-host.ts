import type { Readable } from "node:stream";
import type { ArtifactFile } from "./artifact-files.ts";
import type { TaskArtifactsPayload, TaskKey } from "./protocol.ts";
import type { ProtocolClient } from "./protocol-client.ts";
import { isProtocolError, ProtocolError } from "./protocol-error.ts";
import { type RetryOptions, untilAnswered } from "./retry.ts";
import type { Session } from "./session.ts";

/** With the waits between them, most of a minute. */
const MAX_FAULTS = 15;

/** What a task needs of the server to keep and to place files. Each request is repeated until it is answered. */
export interface ArtifactHost {
  /** Of one file. */
  readonly maxBytes: number;
  /** @returns the artifact's id */
  upload(file: ArtifactFile, content: () => Readable, signal: AbortSignal): Promise<string>;
  list(after: string | null, signal: AbortSignal): Promise<TaskArtifactsPayload>;
  /** Not repeated: what was taken of a broken transfer is not taken again. */
  download(url: string, signal: AbortSignal, take: (content: Readable) => Promise<void>): Promise<void>;
}

export function artifactHost(
  client: ProtocolClient,
  session: Session,
  key: TaskKey,
  retry: Omit<RetryOptions, "signal">,
): ArtifactHost {
  return {
    maxBytes: session.maxArtifactBytes,
    async upload(file, content, signal) {
      let faults = 0;
      const request = async () => {
        const upload = client.uploadArtifact({ session: session.id, ...key, ...file }, content(), signal);
        return await session.heed(upload).catch((error: unknown) => {
          // A store that is full stays full.
          if (isProtocolError(error, "FAULT") && ++faults === MAX_FAULTS)
            throw new ProtocolError("REFUSED", `the server failed ${faults} times: ${error.message}`);
          throw error;
        });
      };
      return (await untilAnswered(request, { ...retry, signal })).id;
    },
    async list(after, signal) {
      const input = { session: session.id, ...key, after };
      const request = async () => await session.heed(client.taskArtifacts(input, { signal }));
      return await untilAnswered(request, { ...retry, signal });
    },
    download: async (url, signal, take) => await client.download(url, signal, take),
  };
}
