import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { forgetOld } from "../../src/duties/forget-old.ts";
import { startTestServer } from "../support/server.ts";
import { BODY, Hooks, MAPPING, ROTATE } from "./hooks.ts";
import { githubDelivery } from "./signed-deliveries.ts";

const DAY = 24 * 60 * 60_000;

let hooks: Hooks;
beforeAll(async () => {
  hooks = await Hooks.start();
});
afterAll(async () => await hooks[Symbol.asyncDispose]());

describe("a delivery", () => {
  it("that is signed after Standard Webhooks starts the workflow with what it says", async () => {
    const hook = await hooks.create();
    expect(hook).toMatchObject({
      id: expect.stringMatching(/^hook_/),
      url: `${hooks.server.url}/hooks/${hook.id}`,
      secret: expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/),
      webhook: { mapping: MAPPING, enabled: true, lastDeliveryAt: null, revision: 1 },
    });
    hooks.clock.advance(1_000);
    const { status, body } = await hooks.send(hook.url, hooks.sign(hook));
    expect(status).toBe(202);
    const runs = await hooks.runsOf(hook);
    expect(runs).toEqual([
      {
        id: body.workflowRunId,
        trigger: { type: "WEBHOOK", ref: hook.id },
        inputs: { number: 17, title: "second", dry: true },
        payload: BODY,
        labels: { sender: "mona", stars: "80" },
        branch: "main",
        commit: BODY.after,
        message: "m".repeat(2_000),
        createdBy: { username: expect.any(String) },
      },
    ]);
    const { actor } = await hooks.ask("{ viewer { actor { username } } }");
    expect(runs[0].createdBy).toEqual(actor);
    expect(await hooks.look(hook)).toEqual({
      ...hook.webhook,
      lastDeliveryAt: hooks.clock.now().toISOString(),
    });
  });

  it("that is signed after GitHub does so as well, whatever its content type says", async () => {
    const hook = await hooks.create();
    const { headers, body } = githubDelivery(hook.secret, BODY);
    for (const [i, type] of [
      "application/json",
      "application/x-www-form-urlencoded",
      "text/plain",
    ].entries()) {
      const delivery = { headers: { ...headers, "content-type": type, "x-github-delivery": `d-${i}` }, body };
      expect((await hooks.send(hook.url, delivery)).status).toBe(202);
    }
    expect(await hooks.runsOf(hook)).toHaveLength(3);
  });

  it("may carry several signatures, of which one is good", async () => {
    const hook = await hooks.create();
    const { headers, body } = hooks.sign(hook);
    const signatures = `v1,AAAA v1a,BBBB ${headers["webhook-signature"]}`;
    const delivery = { headers: { ...headers, "webhook-signature": signatures }, body };
    expect((await hooks.send(hook.url, delivery)).status).toBe(202);
  });

  it("that comes again makes no second run, within a day", async () => {
    const hook = await hooks.create();
    for (const again of [
      () => hooks.sign(hook, BODY, "one"),
      () => githubDelivery(hook.secret, BODY, "one"),
    ]) {
      const first = await hooks.send(hook.url, again());
      expect(first.status).toBe(202);
      hooks.clock.advance(DAY - 60_000);
      await forgetOld.run(hooks.server.app.engine);
      expect(await hooks.send(hook.url, again())).toMatchObject({ status: 200, body: first.body });
      hooks.clock.advance(60_000);
      const later = await hooks.send(hook.url, again());
      expect(later.status).toBe(202);
      expect(later.body).not.toEqual(first.body);
    }
    expect(await hooks.runsOf(hook)).toHaveLength(4);
    hooks.clock.advance(DAY);
    await forgetOld.run(hooks.server.app.engine);
    expect(await hooks.server.database.query("select * from webhook_delivery")).toEqual([]);
  });

  it("that comes twenty times at once, to two replicas, makes one run", async () => {
    const hook = await hooks.create();
    // The replica cannot read the secret unless it has the key of the first.
    const key = randomBytes(32);
    const [one, two] = [
      await startTestServer({
        clock: hooks.clock,
        runDuties: false,
        database: hooks.server.database,
        encryptionKey: key,
      }),
      await startTestServer({
        clock: hooks.clock,
        runDuties: false,
        database: hooks.server.database,
        encryptionKey: key,
      }),
    ];
    const rotated = await hooks.ask(ROTATE, { input: { webhookId: hook.id } }, one);
    const delivery = hooks.sign({ ...hook, secret: rotated.secret });
    const answers = await Promise.all(
      Array.from(
        { length: 20 },
        async (_, i) => await hooks.send(`${(i % 2 ? one : two).url}/hooks/${hook.id}`, delivery),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array<number>(19).fill(200), 202]);
    const runs = await hooks.runsOf(hook);
    expect(runs).toHaveLength(1);
    for (const { body } of answers) expect(body).toEqual({ workflowRunId: runs[0].id });
    await one[Symbol.asyncDispose]();
    await two[Symbol.asyncDispose]();
  });
});

it("text that PostgreSQL cannot store arrives mended", async () => {
  const hook = await hooks.create({ mapping: { inputs: { title: "/title" } } });
  const { status } = await hooks.send(hook.url, hooks.sign(hook, '{"title":"a\\u0000b\\ud800c"}'));
  expect(status).toBe(202);
  expect(await hooks.runsOf(hook)).toMatchObject([{ inputs: { title: "a\ufffdb\ufffdc" } }]);
});

it("what every object inherits is not in a body", async () => {
  const mapping = {
    inputs: { title: "/title" },
    labels: { a: "/constructor/name", b: "/__proto__/x", c: "/title/length" },
  };
  const hook = await hooks.create({ mapping });
  expect((await hooks.send(hook.url, hooks.sign(hook, '{"title":"t","__proto__":{"x":"own"}}'))).status).toBe(
    202,
  );
  expect(await hooks.runsOf(hook)).toMatchObject([{ labels: { b: "own" } }]);
});
