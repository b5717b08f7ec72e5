import { describe, expect, it, test } from "vitest";
import { allowedPlaces, isAllowable, isPublicAddress } from "../../src/runner/address-guard.ts";
import { runTask, startTestRunner } from "./harness.ts";
import { requestTask, startWeb } from "./web.ts";

const address = (text: string) => [{ address: text, family: text.includes(":") ? 6 : 4 }];

describe("an address", () => {
  test.each([
    ...["0.0.0.0", "10.255.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.255"],
    ...["168.63.129.16", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.168.1.1"],
    ...["198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"],
    ...["::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1", "fc00::1"],
    ...["fd00:ec2::254", "fe80::1", "fe80::1%eth0", "2606:4700::1%eth0", "fec0::1", "ff02::1"],
    ...["2001:db8::1", "2001::1", "2002:7f00:1::", "3fff::1", "nonsense", ""],
  ])("%s is not public", (text) => {
    expect(isPublicAddress(text)).toBe(false);
  });

  test.each([
    ...["1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "223.255.255.255"],
    ...["2606:4700:4700::1111", "2a00:1450::1", "2001:4860:4860::8888"],
  ])("%s is public", (text) => {
    expect(isPublicAddress(text)).toBe(true);
  });
});

test("what can be allowed: hosts, addresses, networks", () => {
  const good = ["registry.intern", "localhost", "10.0.0.1", "10.0.0.0/8", "fd00::/8", "::1", "my_host"];
  const bad = ["", "http://x", "10.0.0.0/33", "fd00::/129", "10.0.0.0/", "x/8", "-x", "a..b", "*"];
  expect([...good, ...bad].filter(isAllowable)).toEqual(good);
});

describe("the runner refuses to ask", () => {
  it.each([
    ["this machine", "http://127.0.0.1:PORT/"],
    ["this machine, written in another way", "http://0x7f.1:PORT/"],
    ["this machine as an IPv6 address", "http://[::ffff:127.0.0.1]:PORT/"],
    ["this machine by its name", "http://localhost:PORT/"],
    ["the metadata service", "http://169.254.169.254/latest/meta-data"],
  ])("%s", async (_, template) => {
    const web = await startWeb((_request, response) => response.end("inside"));
    const here = await startTestRunner();
    const report = await runTask(here, requestTask({ url: template.replace("PORT", String(web.port)) }));
    expect(report).toMatchObject({ outcome: "FAILED", output: null });
    expect(report.error).toMatch(
      /^the request failed: this runner sends no requests to .*, which is not a public address; RUNCAST_RUNNER_HTTP_ALLOW on the runner allows it$/,
    );
    expect(web.received).toEqual([]);
  });

  it("a host that has a private address beside a public one", async () => {
    const resolveHost = async () => [...address("93.184.215.14"), ...address("10.0.0.1")];
    const here = await startTestRunner({ resolveHost });
    const { error } = await runTask(here, requestTask({ url: "http://two.example/" }));
    expect(error).toContain("no requests to two.example (10.0.0.1), which is not a public address");
  });
});

describe("the runner's list allows", () => {
  it.each([
    ["a network", "127.0.0.0/8"],
    ["an address", "127.0.0.1"],
    ["a host", "Inside.example"],
  ])("%s", async (_, entry) => {
    const web = await startWeb((_request, response) => response.end("inside"));
    const here = await startTestRunner({
      httpAllow: ["10.0.0.0/8", entry],
      resolveHost: async () => address("127.0.0.1"),
    });
    const report = await runTask(here, requestTask({ url: `http://inside.example:${web.port}/` }));
    expect(report).toMatchObject({ outcome: "SUCCEEDED", output: { body: "inside" } });
    expect(web.received).toMatchObject([{ headers: { host: `inside.example:${web.port}` } }]);
  });

  test("a host, but not others at its address", async () => {
    const here = await startTestRunner({
      httpAllow: ["inside.example"],
      resolveHost: async () => address("127.0.0.1"),
    });
    const { error } = await runTask(here, requestTask({ url: "http://other.example/" }));
    expect(error).toContain("no requests to other.example (127.0.0.1)");
  });

  test("nothing when it is empty", () => {
    const { hosts, networks } = allowedPlaces([]);
    expect([hosts.size, networks.rules]).toEqual([0, []]);
  });
});

it("connects to the address that was looked at, and never asks for another one", async () => {
  const web = await startWeb((_, response) => response.end("first"));
  const answers = [address("127.0.0.1"), address("10.9.9.9")];
  let asked = 0;
  const here = await startTestRunner({
    httpAllow: ["127.0.0.1"],
    resolveHost: async () => answers[asked++]!,
  });
  const rebound = requestTask({ url: `http://rebind.example:${web.port}/` });
  expect(await runTask(here, rebound)).toMatchObject({ outcome: "SUCCEEDED", output: { body: "first" } });
  expect(asked).toBe(1);
});

describe("a redirect", () => {
  it("is followed, its address looked at anew", async () => {
    const web = await startWeb(({ url }, response) => {
      const places: Readonly<Record<string, string>> = {
        "/out": "http://169.254.169.254/latest/meta-data",
        "/name": `http://inside.example:${web.port}/`,
        "/ftp": "ftp://127.0.0.1/",
        "/bad": "http://[",
      };
      response.writeHead(302, { location: places[url]! }).end();
    });
    const here = await startTestRunner({
      httpAllow: ["127.0.0.1"],
      resolveHost: async () => address("10.0.0.1"),
    });
    const errors: Readonly<Record<string, string>> = {
      "/out": "no requests to 169.254.169.254",
      "/name": "no requests to inside.example (10.0.0.1)",
      "/ftp": "is not an http or https URL",
      "/bad": 'redirected to "http://[", which is no URL',
    };
    for (const [path, error] of Object.entries(errors)) {
      const report = await runTask(here, requestTask({ url: web.url + path }));
      expect(report).toMatchObject({ outcome: "FAILED", error: expect.stringContaining(error) });
    }
    expect(web.received.map(({ url }) => url)).toEqual(Object.keys(errors));
  });

  it("turns a POST into a GET but for 307 and 308, and tells another host no secrets", async () => {
    const other = await startWeb((_, response) => response.end("there"));
    const web = await startWeb(({ url }, response) => {
      if (url === "/here") return response.end("here");
      const [, status, place] = url.split("/");
      response.writeHead(Number(status), { location: place === "other" ? other.url : "/here" }).end();
    });
    const here = await startTestRunner({ httpAllow: ["127.0.0.1"] });
    const headers = [
      { key: "Authorization", value: "Bearer s" },
      { key: "X-Api-Key", value: "s" },
      { key: "Accept", value: "text/plain" },
    ];
    const ask = async (path: string) => {
      const post = { method: "POST", body: "b", headers };
      return await runTask(here, requestTask({ url: web.url + path, ...post }));
    };
    expect((await ask("/303/here")).output).toMatchObject({ body: "here" });
    expect((await ask("/307/here")).output).toMatchObject({ body: "here" });
    expect((await ask("/308/other")).output).toMatchObject({ body: "there" });
    const at = web.received.filter(({ url }) => url === "/here");
    expect(at.map(({ method, body }) => [method, body])).toEqual([
      ["GET", ""],
      ["POST", "b"],
    ]);
    expect(at.map((request) => request.headers["x-api-key"])).toEqual(["s", "s"]);
    expect(other.received).toMatchObject([{ method: "POST", body: "b", headers: { accept: "text/plain" } }]);
    expect(JSON.stringify(other.received)).not.toMatch(/authorization|api-key/);
  });

  it("is followed five times, and is the answer where it is expected", async () => {
    const web = await startWeb(({ url }, response) => {
      const left = Number(url.slice(1));
      if (left === 0) return response.end("arrived");
      response.writeHead(302, { location: `/${left - 1}` }).end();
    });
    const here = await startTestRunner({ httpAllow: ["127.0.0.1"] });
    expect((await runTask(here, requestTask({ url: `${web.url}/5` }))).output).toMatchObject({
      body: "arrived",
    });
    expect(await runTask(here, requestTask({ url: `${web.url}/6` }))).toMatchObject({
      outcome: "FAILED",
      error: "the request failed: redirected more than 5 times",
    });
    const expected = [{ from: 302, to: 302 }];
    expect(
      (await runTask(here, requestTask({ url: `${web.url}/6`, expect: expected }))).output,
    ).toMatchObject({
      status: 302,
      headers: { location: "/5" },
    });
  });
});
