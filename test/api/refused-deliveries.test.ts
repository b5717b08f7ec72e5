import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestServer } from "../support/server.ts";
import { type Answer, BODY, CREATE, DELETE, type Hook, Hooks, MAPPING } from "./hooks.ts";
import { type Delivery, githubDelivery, signedDelivery } from "./signed-deliveries.ts";
import { expectNothingWritten } from "./tables.ts";

let hooks: Hooks;
beforeAll(async () => {
  hooks = await Hooks.start();
});
afterAll(async () => await hooks[Symbol.asyncDispose]());

describe("a delivery is refused, and nothing changes,", () => {
  let hook: Hook;
  let other: Hook;
  beforeAll(async () => {
    [hook, other] = [await hooks.create(), await hooks.create()];
  });

  const refused = async (delivery: Delivery, url = hook.url) =>
    await expectNothingWritten(hooks.server.database, async () => await hooks.send(url, delivery));
  const change = ({ headers, body }: Delivery, more: Record<string, string>) => ({
    headers: { ...headers, ...more },
    body,
  });
  const at = (ms: number) => signedDelivery(hook.secret, BODY, new Date(hooks.clock.now().getTime() + ms));

  it.each<[string, () => Delivery]>([
    ["without a signature", () => ({ headers: {}, body: "{}" })],
    ["with the signature of another webhook", () => hooks.sign(other)],
    ["with another body", () => ({ ...hooks.sign(hook), body: `${JSON.stringify(BODY)} ` })],
    ["with another id", () => change(hooks.sign(hook), { "webhook-id": "other" })],
    ["with another time", () => change(hooks.sign(hook), { "webhook-timestamp": "1700000000" })],
    ["without an id", () => change(hooks.sign(hook, BODY, ""), { "webhook-id": "" })],
    ["with a time that is none", () => change(hooks.sign(hook), { "webhook-timestamp": "now" })],
    [
      "with another version of signature",
      () => {
        const { headers, body } = hooks.sign(hook);
        return {
          headers: { ...headers, "webhook-signature": headers["webhook-signature"]!.replace("v1,", "v2,") },
          body,
        };
      },
    ],
    ["that is more than 5 minutes old", () => at(-301_000)],
    ["that is more than 5 minutes early", () => at(301_000)],
    ["with GitHub's signature of another webhook", () => githubDelivery(other.secret, BODY)],
    ["with GitHub's signature of another body", () => ({ ...githubDelivery(hook.secret, BODY), body: "{}" })],
    ["without GitHub's id", () => change(githubDelivery(hook.secret, BODY), { "x-github-delivery": "" })],
  ])("%s", async (_what, delivery) => {
    expect(await refused(delivery())).toMatchObject({
      status: 401,
      body: { errors: [{ extensions: { code: "UNAUTHENTICATED" } }] },
    });
  });

  it("but not when its clock is off by less than 5 minutes", async () => {
    for (const ms of [-299_000, 299_000]) expect((await hooks.send(hook.url, at(ms))).status).toBe(202);
  });

  it("by an unknown, a disabled, a deleted webhook and a bad signature in exactly the same way", async () => {
    const [disabled, deleted] = [await hooks.create({ enabled: false }), await hooks.create()];
    await hooks.ask(DELETE, { input: { webhookId: deleted.id } });
    const answers = [
      await refused(hooks.sign(other)),
      await refused(hooks.sign(disabled), disabled.url),
      await refused(hooks.sign(deleted), deleted.url),
      await refused(hooks.sign(hook), `${hooks.server.url}/hooks/hook_00000000000000000000000000`),
      await refused(hooks.sign(hook), `${hooks.server.url}/hooks/${hook.workflow}`),
      await refused(hooks.sign(hook), `${hooks.server.url}/hooks/junk`),
    ].map(({ status, body }) => {
      delete body.errors[0].extensions.correlationId;
      return { status, body };
    });
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(answers[0]!.status).toBe(401);
  });

  it("when its body is too large", async () => {
    const { status } = await refused(hooks.sign(hook, JSON.stringify("x".repeat(256 * 1024))));
    expect(status).toBe(413);
  });

  it.each([
    ["no JSON", "payload=%7B%7D"],
    ["empty", ""],
    ["nested too deep", "[".repeat(65) + "]".repeat(65)],
    ["nested far too deep", "[".repeat(100_000) + "]".repeat(100_000)],
  ])("when its body is %s", async (_what, body) => {
    expect(await refused(hooks.sign(hook, body))).toMatchObject({
      status: 400,
      body: { errors: [{ extensions: { code: "BAD_REQUEST" } }] },
    });
  });

  it("when its values do not fit, and is not remembered", async () => {
    const body = { ...BODY, pull_request: { number: "17" }, ref: ["main"] };
    const faults = (answer: Answer) => answer.body.errors[0].extensions.faults;
    const listed = await refused(hooks.sign(hook, body, "unfit"));
    expect(listed.status).toBe(422);
    expect(faults(listed)).toEqual([{ path: "branch", message: "the value at /ref must be a text" }]);
    const unfit = await refused(hooks.sign(hook, { ...body, ref: "main" }, "unfit"));
    expect(faults(unfit).map(({ path }: { path: string }) => path)).toEqual([
      "inputs.number",
      "inputs.title",
    ]);
    expect((await hooks.send(hook.url, hooks.sign(hook, BODY, "unfit"))).status).toBe(202);
  });

  it("when there were more than 60 in a minute", async () => {
    const busy = await hooks.create();
    const statuses = [];
    for (let i = 0; i < 60; i++)
      statuses.push((await hooks.send(busy.url, hooks.sign(busy, BODY, "same"))).status);
    expect(new Set(statuses)).toEqual(new Set([200, 202]));
    const { status, headers } = await refused(hooks.sign(busy), busy.url);
    expect([status, headers.get("retry-after")]).toEqual([429, "1"]);
    expect((await hooks.send(hook.url, hooks.sign(hook))).status).toBe(202);
    hooks.clock.advance(1_000);
    expect((await hooks.send(busy.url, hooks.sign(busy))).status).toBe(202);
  });

  it("when the server's key is another one, or there is none", async () => {
    const options = { clock: hooks.clock, runDuties: false, database: hooks.server.database };
    const rekeyed = await startTestServer({ ...options, encryptionKey: randomBytes(32) });
    expect((await refused(hooks.sign(hook), `${rekeyed.url}/hooks/${hook.id}`)).status).toBe(401);
    await rekeyed[Symbol.asyncDispose]();
    const keyless = await startTestServer({ ...options, encryptionKey: null });
    expect((await refused(hooks.sign(hook), `${keyless.url}/hooks/${hook.id}`)).status).toBe(503);
    const input = { workflowId: hook.workflow, name: "keyless", mapping: MAPPING };
    const answer = await expectNothingWritten(
      hooks.server.database,
      async () => await hooks.ask(CREATE, { input }, keyless),
    );
    expect(answer).toMatchObject({
      webhook: null,
      secret: null,
      userErrors: [
        { __typename: "ValidationFailed", message: expect.stringContaining("RUNCAST_ENCRYPTION_KEY") },
      ],
    });
    await keyless[Symbol.asyncDispose]();
  });
});
