import { parse } from "graphql";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RuncastConnectionError, RuncastRequestError } from "../../src/client/errors.ts";
import { createRuncastClient } from "../../src/client/runcast-client.ts";
import { clientOf, failureOf } from "./following.ts";
import { StreamServer } from "./stream-server.ts";

let server: StreamServer;
beforeAll(async () => {
  server = await StreamServer.start();
});
afterAll(() => server.stop());

const client = (token = "good") => clientOf(server.url, token);

describe("request", () => {
  it.each(["", "/", "/graphql", "/graphql/"])(
    "finds the endpoint from the server's URL with %j",
    async (path) => {
      const here = createRuncastClient({ url: server.url + path, token: "good" });
      expect(await here.request('{ greeting(name: "ann") }')).toEqual({ greeting: "hello ann" });
    },
  );

  it("takes texts, parsed documents and generated documents, with variables", async () => {
    const text = "query ($name: String!) { greeting(name: $name) }";
    const generated = Object.assign(new String(text), { __apiType: undefined });
    for (const document of [text, parse(text), generated]) {
      expect(await client().request(document, { name: "bo" })).toEqual({ greeting: "hello bo" });
    }
  });

  it("throws top-level errors with their codes and correlation id", async () => {
    const error = await failureOf(client().request("{ broken }"));
    expect(error).toBeInstanceOf(RuncastRequestError);
    expect(error).toMatchObject({
      codes: ["FORBIDDEN"],
      correlationId: "abc-1",
      status: 200,
      message: "not for you",
    });
  });

  it("keeps what was resolved in spite of an error", async () => {
    expect(await failureOf(client().request("{ halfBroken }"))).toMatchObject({
      codes: ["NOT_FOUND"],
      data: { halfBroken: ["fine", null] },
    });
  });

  it("leaves domain refusals in the data", async () => {
    const data = await client().request('mutation { rename(to: "x") { userErrors { code } } }');
    expect(data).toEqual({ rename: { userErrors: [{ code: "INVALID_STATE" }] } });
  });

  it("tells an HTTP status without a GraphQL answer", async () => {
    expect(await failureOf(client("stale").request('{ greeting(name: "x") }'))).toMatchObject({
      name: "RuncastRequestError",
      codes: ["HTTP_401"],
      status: 401,
    });
  });

  it("says why there was no answer", async () => {
    const gone = await StreamServer.start();
    const { url } = gone;
    await gone.stop();
    const error = await failureOf(createRuncastClient({ url, token: "t" }).request("{ greeting }"));
    expect(error).toBeInstanceOf(RuncastConnectionError);
    expect((error as Error).message).toMatch(/ECONNREFUSED/);
  });

  it("can be aborted", async () => {
    const reason = new Error("enough");
    const aborted = client().request('{ greeting(name: "x") }', {}, { signal: AbortSignal.abort(reason) });
    expect(await failureOf(aborted)).toBe(reason);
  });

  it("refuses a URL that is none", () => {
    expect(() => createRuncastClient({ url: "localhost:4000", token: "t" })).toThrow(
      /not an http or https URL/,
    );
  });
});
