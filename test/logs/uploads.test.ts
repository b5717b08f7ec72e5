import { once } from "node:events";
import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { waitFor } from "../support/wait-for.ts";
import { type Answer, LoggedServer } from "./logged-server.ts";

const LIMIT = 3_000_000;
const FILES = `query ($id: ID!) { workflowRun(id: $id) { logFiles {
  id name sizeBytes downloadUrl stepRun { stepRef } createdBy { type } } } }`;
const UPLOAD = `mutation ($input: UploadRunLogsInput!) { uploadRunLogs(input: $input) {
  logFiles { name sizeBytes } userErrors { code message path } } }`;

let system: LoggedServer;
let run: Answer;
beforeAll(async () => {
  system = await LoggedServer.start({ maxUploadBytes: LIMIT });
  run = await system.started();
});
afterAll(async () => await system[Symbol.asyncDispose]());

const filesOf = async (id: string): Promise<Answer[]> => (await system.ask(FILES, { id })).logFiles;
const named = async (name: string): Promise<Answer[]> =>
  (await filesOf(run.id)).filter((file) => file.name === name);

interface PutAnswer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: Answer;
}

function put(name: string, headers: Record<string, string | number> = {}): ClientRequest {
  const url = `${system.server.url}/runs/${run.id}/log-files/${encodeURIComponent(name)}`;
  const authorization = `Bearer ${system.server.adminToken}`;
  const sent = request(url, { method: "PUT", headers: { authorization, ...headers } });
  // A refusal may come, and the connection end, before all is written.
  sent.on("error", () => undefined);
  return sent;
}

async function answerOf(sent: ClientRequest): Promise<PutAnswer> {
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  let text = "";
  for await (const chunk of response) text += chunk;
  return {
    status: response.statusCode!,
    headers: response.headers,
    body: text === "" ? null : JSON.parse(text),
  };
}

async function putWhole(
  name: string,
  content: Buffer,
  headers: Record<string, string | number> = {},
): Promise<PutAnswer> {
  const sent = put(name, { "content-length": content.length, ...headers });
  sent.end(content);
  return await answerOf(sent);
}

async function multipart(
  files: readonly { name: string; content: Buffer | string }[],
  {
    headers = { "apollo-require-preflight": "1" },
    id = run.id,
  }: { headers?: Record<string, string>; id?: string } = {},
): Promise<{ status: number; body: Answer }> {
  const input = { workflowRunId: id, stepRunId: run.x.stepRunId, files: files.map(() => null) };
  const form = new FormData();
  form.append("operations", JSON.stringify({ query: UPLOAD, variables: { input } }));
  const places = files.map((_, i) => [String(i), [`variables.input.files.${i}`]]);
  form.append("map", JSON.stringify(Object.fromEntries(places)));
  for (const [i, { name, content }] of files.entries()) {
    form.append(String(i), new Blob([new Uint8Array(Buffer.from(content))]), name);
  }
  const response = await fetch(`${system.server.url}/graphql`, {
    method: "POST",
    headers: { authorization: `Bearer ${system.server.adminToken}`, ...headers },
    body: form,
  });
  return { status: response.status, body: (await response.json()) as Answer };
}

describe("000: upload logs of a run", () => {
  it("by GraphQL: files are listed, downloaded, part of the run's logs and an event", async () => {
    const { body } = await multipart([
      { name: "größe.log", content: "first\n" },
      { name: "packed.log.gz", content: gzipSync("second\n") },
    ]);
    expect(body.data.uploadRunLogs).toEqual({
      logFiles: [
        { name: "größe.log", sizeBytes: 6 },
        { name: "packed.log", sizeBytes: 7 },
      ],
      userErrors: [],
    });
    const [file] = await named("packed.log");
    expect(file).toMatchObject({ stepRun: { stepRef: "x" }, createdBy: { type: "USER" } });
    const content = await fetch(file.downloadUrl);
    expect(content.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(await content.text()).toBe("second\n");
    const whole = await (await system.get(`/runs/${run.id}/logs`)).text();
    expect(whole).toContain("=== file größe.log ===\nfirst\n");
    const events = await system.server.database.query(
      "select payload ->> 'name' as name from run_event where type = 'LogFileAdded' order by seq",
    );
    expect(events).toEqual([{ name: "größe.log" }, { name: "packed.log" }]);
  });

  it("by PUT: a stream of unknown length, plain or gzip", async () => {
    const sent = put("streamed.log");
    sent.write("one\n");
    sent.end("two\n");
    expect(await answerOf(sent)).toMatchObject({ status: 201, body: { name: "streamed.log", sizeBytes: 8 } });
    const zipped = await putWhole("z.log", gzipSync("three\n"), { "content-encoding": "gzip" });
    expect(zipped).toMatchObject({ status: 201, body: { sizeBytes: 6 } });
    const [file] = await named("streamed.log");
    expect(await (await fetch(file.downloadUrl)).text()).toBe("one\ntwo\n");
  });
});

describe("an upload that breaks off", () => {
  it("is listed only when the rest has come, from where the server says", async () => {
    const content = Buffer.from(Array.from({ length: 20_000 }, (_, i) => `${i}\n`).join(""));
    const sent = put("cut.log", { "content-length": content.length });
    sent.write(content.subarray(0, 40_000));
    const url = `/runs/${run.id}/log-files/cut.log`;
    await waitFor("the first bytes", () => system.stored() >= 40_000);
    sent.destroy();
    const head = await waitFor("the unfinished upload", async () => {
      const answer = await system.get(url, {}, "HEAD");
      return answer.status === 200 ? answer : null;
    });
    const offset = Number(head.headers.get("upload-offset"));
    expect(offset).toBeGreaterThan(0);
    expect(head.headers.get("upload-length")).toBe(String(content.length));
    expect(await named("cut.log")).toEqual([]);
    const range = (from: number, to: number) => ({
      "content-range": `bytes ${from}-${to - 1}/${content.length}`,
    });
    const wrong = await putWhole("cut.log", content.subarray(offset + 1), range(offset + 1, content.length));
    expect([wrong.status, wrong.headers["upload-offset"]]).toEqual([409, String(offset)]);
    const middle = offset + 1_000;
    const more = await putWhole("cut.log", content.subarray(offset, middle), range(offset, middle));
    expect([more.status, more.headers["upload-offset"]]).toEqual([202, String(middle)]);
    const last = await putWhole("cut.log", content.subarray(middle), range(middle, content.length));
    expect(last).toMatchObject({ status: 201, body: { sizeBytes: content.length } });
    const [file] = await named("cut.log");
    expect(Buffer.from(await (await fetch(file.downloadUrl)).arrayBuffer())).toEqual(content);
    expect((await system.get(url, {}, "HEAD")).status).toBe(404);
  });

  it("is forgotten after an hour, and its bytes with it", async () => {
    const part = Buffer.alloc(50_000, "a");
    const before = system.stored();
    const headers = { "content-range": "bytes 0-49999/60000" };
    expect((await putWhole("forgotten.log", part, headers)).status).toBe(202);
    expect(system.stored()).toBeGreaterThanOrEqual(before + 50_000);
    system.clock.advance(60 * 60_000 + 1);
    await system.sweep();
    expect(system.stored()).toBeLessThanOrEqual(before);
    expect((await system.get(`/runs/${run.id}/log-files/forgotten.log`, {}, "HEAD")).status).toBe(404);
  });
});

describe("refused, with nothing kept:", () => {
  it("bombs, archives, paths and what is too large", async () => {
    const before = await filesOf(run.id);
    const bomb = gzipSync(Buffer.alloc(LIMIT - 1));
    const large = Buffer.alloc(LIMIT + 1, "a");
    const zip = Buffer.from("PK\u0003\u0004 and so on");
    const refusals = [
      ["bomb.gz", bomb, 422, "VALIDATION_FAILED", /more than 100 times/],
      [
        "big.gz",
        gzipSync(Buffer.concat([large, large])),
        413,
        "LIMIT_EXCEEDED",
        /more than 3000000 bytes|100 times/,
      ],
      ["cut.gz", gzipSync("whole").subarray(0, 15), 422, "VALIDATION_FAILED", /not valid gzip/],
      ["large.log", large, 413, "LIMIT_EXCEEDED", /more than 3000000 bytes/],
      ["archive", zip, 422, "VALIDATION_FAILED", /zip archives are not taken/],
      ["archive.zip", Buffer.from("x"), 422, "VALIDATION_FAILED", /no zip archive/],
      ["../up.log", Buffer.from("x"), 422, "VALIDATION_FAILED", /not a path/],
      ["a\u0007b", Buffer.from("x"), 422, "VALIDATION_FAILED", /control/],
    ] as const;
    for (const [name, content, status, code, message] of refusals) {
      const byPut = await putWhole(name, content);
      const told = byPut.body.errors[0];
      if (name !== "big.gz") expect([name, byPut.status, told.extensions.code]).toEqual([name, status, code]);
      expect(told.message).toMatch(message);
    }
    for (const [name, content, , , message] of refusals.filter(([name]) => /^[\w.]+$/.test(name))) {
      const { body } = await multipart([
        { name: "good.log", content: "good" },
        { name, content },
      ]);
      expect([name, body.errors ?? []]).toEqual([name, []]);
      const { logFiles, userErrors } = body.data.uploadRunLogs;
      expect([name, logFiles]).toEqual([name, []]);
      expect([name, userErrors[0].path]).toEqual([name, "input.files.1"]);
      expect(userErrors[0].message).toMatch(message);
    }
    const broken = await multipart([{ name: "a\u0007b", content: "x" }]);
    expect(broken.body.data.uploadRunLogs).toMatchObject({
      logFiles: [],
      userErrors: [{ path: "input.files" }],
    });
    expect(await filesOf(run.id)).toEqual(before);
  });

  it("an endless stream, soon after it has become too long", async () => {
    const sent = put("endless.log");
    const answer = answerOf(sent);
    let written = 0;
    let open = true;
    void answer.finally(() => {
      open = false;
    });
    while (open && written < 2 ** 30) {
      written += 65_536;
      if (!sent.write(Buffer.alloc(65_536, "b"))) {
        await Promise.race([once(sent, "drain").catch(() => undefined), answer.catch(() => undefined)]);
      }
    }
    expect((await answer).status).toBe(413);
    expect(written).toBeLessThan(20 * LIMIT);
    sent.destroy();
  });

  it("a form without the header that a browser cannot send unasked, and one that is far too large", async () => {
    const plain = await multipart([{ name: "a.log", content: "a" }], { headers: {} });
    expect([plain.status, plain.body.errors[0].extensions.code]).toEqual([400, "BAD_REQUEST"]);
    const sent = request(`${system.server.url}/graphql`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${system.server.adminToken}`,
        "apollo-require-preflight": "1",
        "content-type": "multipart/form-data; boundary=x",
        "content-length": 2 * 2 ** 30,
      },
    });
    sent.on("error", () => undefined).flushHeaders();
    expect((await answerOf(sent)).status).toBe(413);
    sent.destroy();
    const eleven = Array.from({ length: 11 }, (_, i) => ({ name: `${i}.log`, content: "x" }));
    expect((await multipart(eleven)).status).toBe(413);
  });

  it("from those who may not, for runs that are not there, and once the run is finalized", async () => {
    const url = `${system.server.url}/runs/${run.id}/log-files/mine.log`;
    const send = async (token: string | null, to = url): Promise<number> => {
      const headers: Record<string, string> = token === null ? {} : { authorization: `Bearer ${token}` };
      return (await fetch(to, { method: "PUT", headers, body: "x" })).status;
    };
    expect(await send(null)).toBe(401);
    expect(await send(await system.server.tokenWith("default", "PROJECT_USER"))).toBe(403);
    expect(await send(await system.server.tokenWith("elsewhere", "PROJECT_ADMIN"))).toBe(404);
    expect(await send(system.server.adminToken, url.replace(run.id, "nothing"))).toBe(404);
    await system.ask(
      `mutation ($input: FinalizeWorkflowRunInput!) { finalizeWorkflowRun(input: $input) { userErrors { message } } }`,
      { input: { workflowRunId: run.id, force: true } },
    );
    await system.server.database.query(
      "update workflow_run set finalized_at = now() where finalized_at is null",
    );
    expect(await send(system.server.adminToken)).toBe(409);
    const { body } = await multipart([{ name: "late.log", content: "late" }]);
    expect(body.data.uploadRunLogs.userErrors).toMatchObject([
      { code: "INVALID_STATE", path: "input.workflowRunId" },
    ]);
    expect(await named("late.log")).toEqual([]);
  });
});
