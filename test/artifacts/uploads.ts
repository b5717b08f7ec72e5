import { createHash } from "node:crypto";
import { request } from "node:http";
import type { ProtocolRunner, ProtocolTask } from "../support/protocol-runner.ts";
import type { TestServer } from "../support/server.ts";

export interface UploadAnswer {
  readonly status: number;
  readonly code: string | null;
  readonly id: string | null;
}

export function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** The address under which a runner sends a file; what is given replaces what would be right. */
export function uploadUrl(
  server: Pick<TestServer, "url">,
  runner: Pick<ProtocolRunner, "session">,
  { stepRunId, fence }: Pick<ProtocolTask, "stepRunId" | "fence">,
  path: string,
  content: string | Uint8Array,
  given: Readonly<Record<string, string>> = {},
): string {
  const right = { session: runner.session, stepRunId, fence: String(fence), path, executable: "false" };
  const file = { size: String(Buffer.byteLength(content)), sha256: sha256(content) };
  return `${server.url}/runner/artifacts?${new URLSearchParams({ ...right, ...file, ...given })}`;
}

export async function upload(
  server: Pick<TestServer, "url">,
  runner: Pick<ProtocolRunner, "session" | "token">,
  task: Pick<ProtocolTask, "stepRunId" | "fence">,
  path: string,
  content: string | Buffer<ArrayBuffer>,
  given: Readonly<Record<string, string>> = {},
): Promise<UploadAnswer> {
  const response = await fetch(uploadUrl(server, runner, task, path, content, given), {
    method: "PUT",
    headers: { authorization: `Bearer ${runner.token}` },
    body: content,
  });
  const body = (await response.json()) as { id?: string; errors?: { extensions: { code: string } }[] };
  return { status: response.status, code: body.errors?.[0]?.extensions.code ?? null, id: body.id ?? null };
}

/** Sends some bytes of an upload, and then nothing: the connection is cut. Resolves once the server saw that. */
export async function cutUpload(url: string, token: string, size: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const headers = { authorization: `Bearer ${token}`, "content-length": size };
    const sending = request(url, { method: "PUT", headers });
    sending.on("error", () => undefined);
    sending.on("close", () => resolve());
    sending.write(Buffer.alloc(Math.floor(size / 2), "x"), () => sending.destroy());
  });
}

/** Announces a huge file and begins to send it. @returns the answer's status, and how much was sent until then */
export async function hugeUpload(url: string, token: string): Promise<{ status: number; sent: number }> {
  return await new Promise((resolve, reject) => {
    let sent = 0;
    const headers = { authorization: `Bearer ${token}`, "content-length": 2 * 1024 ** 3 };
    const sending = request(url, { method: "PUT", headers });
    const chunk = Buffer.alloc(64 * 1024);
    const more = (): void => {
      if (sending.destroyed || sent > 2 * 1024 ** 3) return;
      sent += chunk.length;
      if (sending.write(chunk)) setImmediate(more);
      else sending.once("drain", more);
    };
    sending.on("response", ({ statusCode }) => {
      resolve({ status: statusCode!, sent });
      sending.destroy();
    });
    sending.on("error", reject);
    more();
  });
}
