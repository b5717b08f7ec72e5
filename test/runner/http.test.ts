import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { runTask, startTestRunner, until } from "./harness.ts";
import { requestTask, startWeb } from "./web.ts";

const HERE = { httpAllow: ["127.0.0.1"] };

describe("a request", () => {
  it("is sent as it is given, and its answer is the step's output", async () => {
    const web = await startWeb((_, response) => {
      response.setHeader("content-type", "application/json; charset=utf-8");
      response.setHeader("etag", '"1"');
      response.setHeader("set-cookie", "secret=1");
      response.writeHead(201).end('{"id": 7, "tags": ["a"]}');
    });
    const here = await startTestRunner(HERE);
    const granted = requestTask({
      url: `http://me:hidden@127.0.0.1:${web.port}/things?x=1`,
      method: "POST",
      headers: [
        { key: "X-Key", value: "k" },
        { key: "Content-Type", value: "application/json" },
      ],
      body: '{"ä": 1}',
    });
    const report = await runTask(here, granted);
    expect(report).toMatchObject({ outcome: "SUCCEEDED", exitCode: null, error: null });
    expect(report.output).toEqual({
      status: 201,
      headers: { "content-type": "application/json; charset=utf-8", etag: '"1"' },
      body: { id: 7, tags: ["a"] },
    });
    expect(web.received).toMatchObject([
      {
        method: "POST",
        url: "/things?x=1",
        body: '{"ä": 1}',
        headers: {
          "x-key": "k",
          "content-type": "application/json",
          "content-length": "9",
          host: `127.0.0.1:${web.port}`,
          authorization: `Basic ${Buffer.from("me:hidden").toString("base64")}`,
        },
      },
    ]);
    const system = here.stub.lines(granted, "system");
    expect(system[0]).toBe(`POST http://127.0.0.1:${web.port}/things?x=1`);
    expect(system[1]).toMatch(/^HTTP 201 Created, 24 bytes, \d+ ms$/);
    expect(here.stub.lines(granted, "stdout")).toEqual(['{"id": 7, "tags": ["a"]}']);
    expect(here.stub.log(granted)).not.toContain("hidden");
  });

  it("with a body goes out whole whatever its method is", async () => {
    const web = await startWeb((_, response) => response.end());
    const here = await startTestRunner(HERE);
    for (const method of ["GET", "DELETE", "PATCH"]) {
      expect(await runTask(here, requestTask({ url: web.url, method, body: "some" }))).toMatchObject({
        outcome: "SUCCEEDED",
        output: { status: 200, body: "" },
      });
    }
    expect(web.received.map(({ method, body }) => [method, body])).toEqual([
      ["GET", "some"],
      ["DELETE", "some"],
      ["PATCH", "some"],
    ]);
  });

  it("fails on a status that is not expected, its answer kept", async () => {
    const web = await startWeb((_, response) => {
      response.writeHead(503, { "retry-after": "5" }).end("later");
    });
    const here = await startTestRunner(HERE);
    expect(await runTask(here, requestTask({ url: web.url }))).toMatchObject({
      outcome: "FAILED",
      exitCode: null,
      error: "HTTP 503 Service Unavailable, expected 200-299",
      output: { status: 503, headers: { "retry-after": "5" }, body: "later" },
    });
    const expect503 = [
      { from: 200, to: 200 },
      { from: 500, to: 503 },
    ];
    expect(await runTask(here, requestTask({ url: web.url, expect: expect503 }))).toMatchObject({
      outcome: "SUCCEEDED",
    });
  });

  it("has as its body what the answer says it is: text, JSON if it is that, unpacked", async () => {
    const answers: Readonly<Record<string, readonly [type: string, body: Buffer]>> = {
      "/latin": ["text/plain; charset=iso-8859-1", Buffer.from("caf\xe9", "latin1")],
      "/broken": ["application/json", Buffer.from("{nonsense")],
      "/problem": ["application/problem+json", Buffer.from('{"title":"x"}')],
      "/nul": ["application/json", Buffer.from('{"a":"\\u0000"}')],
      "/bytes": ["application/octet-stream", Buffer.from([0x61, 0, 0xff])],
      "/gzip": ["text/plain", gzipSync("packed")],
    };
    const web = await startWeb(({ url }, response) => {
      const [type, body] = answers[url]!;
      response.setHeader("content-type", type);
      if (url === "/gzip") response.setHeader("content-encoding", "gzip");
      response.end(body);
    });
    const here = await startTestRunner(HERE);
    const bodies: unknown[] = [];
    for (const path of Object.keys(answers)) {
      const { output } = await runTask(here, requestTask({ url: web.url + path }));
      bodies.push(output?.["body"]);
    }
    const expected = ["café", "{nonsense", { title: "x" }, '{"a":"\\u0000"}', "a\ufffd\ufffd", "packed"];
    expect(bodies).toEqual(expected);
  });

  it("is refused an answer of more than 1 MiB, also when it is packed", async () => {
    const web = await startWeb(({ url }, response) => {
      if (url === "/packed") {
        response.setHeader("content-encoding", "gzip");
        return response.end(gzipSync(Buffer.alloc(64 * 1024 * 1024)));
      }
      const more = () => {
        while (response.write(Buffer.alloc(65_536, "x"))) {}
      };
      response.on("drain", more);
      more();
    });
    const here = await startTestRunner(HERE);
    for (const path of ["/endless", "/packed"]) {
      expect(await runTask(here, requestTask({ url: web.url + path }))).toMatchObject({
        outcome: "FAILED",
        error: "the request failed: the answer's body is larger than 1048576 bytes",
        output: null,
      });
    }
    await until("the connections are closed", () => web.open() === 0);
  });

  it("logs the beginning of a long body", async () => {
    const web = await startWeb((_, response) => response.end("line\n".repeat(2_000)));
    const here = await startTestRunner(HERE);
    const granted = requestTask({ url: web.url });
    await runTask(here, granted);
    expect(here.stub.lines(granted, "stdout")).toHaveLength(820);
    expect(here.stub.lines(granted, "system").at(-1)).toBe("the first 4096 bytes of the body");
  });

  it("times out, and is canceled at once, wherever the server is with its answer", async () => {
    const web = await startWeb(({ url }, response) => {
      if (url === "/half") response.writeHead(200).write("half");
    });
    const here = await startTestRunner(HERE);
    for (const path of ["/nothing", "/half"]) {
      expect(await runTask(here, requestTask({ url: web.url + path }, 150))).toMatchObject({
        outcome: "TIMED_OUT",
        error: "timed out after 0.15 s",
      });
      const granted = requestTask({ url: web.url + path });
      const before = web.received.length;
      here.stub.offer(granted);
      await until("it is asked", () => web.received.length > before);
      here.stub.cancel(granted);
      await until("its end", () => here.stub.finished(granted) !== undefined);
      expect(here.stub.finished(granted)).toMatchObject({ outcome: "ABORTED", error: "canceled" });
    }
    await until("the connections are closed", () => web.open() === 0);
  });

  it.each([
    ["a URL of another kind", "file:///etc/passwd", '"file:///etc/passwd" is not an http or https URL'],
    ["no URL", "no url", '"no url" is not an http or https URL'],
    ["a closed port", "http://127.0.0.1:1/", "connect ECONNREFUSED 127.0.0.1:1"],
    ["a host that nobody knows", "http://nobody.invalid/", "getaddrinfo ENOTFOUND nobody.invalid"],
  ])("of %s fails with its reason", async (_, url, reason) => {
    const resolveHost = async (host: string) => {
      throw new Error(`getaddrinfo ENOTFOUND ${host}`);
    };
    const here = await startTestRunner({ ...HERE, resolveHost });
    expect(await runTask(here, requestTask({ url }))).toMatchObject({
      outcome: "FAILED",
      error: `the request failed: ${reason}`,
    });
  });

  it("with a header that would be two is not sent", async () => {
    const web = await startWeb((_, response) => response.end());
    const here = await startTestRunner(HERE);
    const headers = [{ key: "X-A", value: "top\r\nX-B: secret" }];
    const report = await runTask(here, requestTask({ url: web.url, headers }));
    expect(report).toMatchObject({ outcome: "FAILED", error: expect.stringContaining("header content") });
    expect(report.error).not.toContain("secret");
    expect(web.received).toEqual([]);
  });
});
