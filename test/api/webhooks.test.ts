import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Answer, CREATE, Hooks, MAPPING, ROTATE, UPDATE, WEBHOOK } from "./hooks.ts";
import { expectNothingWritten } from "./tables.ts";

let hooks: Hooks;
beforeAll(async () => {
  hooks = await Hooks.start();
});
afterAll(async () => await hooks[Symbol.asyncDispose]());

describe("the secret", () => {
  it("is in no answer but the first, in no log and nowhere in the database", async () => {
    const hook = await hooks.create();
    const rotated = (await hooks.ask(ROTATE, { input: { webhookId: hook.id } })).secret as string;
    expect(rotated).not.toBe(hook.secret);
    await hooks.send(hook.url, hooks.sign(hook));
    await hooks.send(hook.url, { ...hooks.sign({ ...hook, secret: rotated }), body: "no json" });
    await hooks.send(hook.url, hooks.sign({ ...hook, secret: rotated }, "no json"));
    hooks.answered.push(
      JSON.stringify([await hooks.look(hook), await hooks.ask(`{ webhooks { nodes { ${WEBHOOK} } } }`)]),
    );
    const { body } = await hooks.server.post({ query: "{ webhooks { nodes { secret } } }" });
    expect(body.errors).toHaveLength(1);
    const tables = await hooks.server.database.query<{ name: string }>(
      "select tablename as name from pg_tables where schemaname = 'public'",
    );
    let stored = "";
    for (const { name } of tables) {
      const rows = await hooks.server.database.query(`select t::text as row from "${name}" t`);
      stored += JSON.stringify(rows);
    }
    expect(stored).toContain("rotateWebhookSecret");
    for (const secret of [hook.secret, rotated]) {
      const base64 = secret.slice("whsec_".length);
      const bytes = Buffer.from(base64, "base64").toString("hex");
      const text = Buffer.from(secret).toString("hex");
      for (const trace of [base64, bytes, text]) {
        for (const place of [...hooks.answered, ...hooks.logged, stored])
          expect(place.includes(trace)).toBe(false);
      }
    }
  });

  it("that was replaced signs nothing any more", async () => {
    const hook = await hooks.create();
    const input = { webhookId: hook.id, expectedRevision: 1 };
    const { secret, webhook } = await hooks.ask(ROTATE, { input });
    expect(webhook.revision).toBe(2);
    expect((await hooks.send(hook.url, hooks.sign(hook))).status).toBe(401);
    expect((await hooks.send(hook.url, hooks.sign({ ...hook, secret }))).status).toBe(202);
    const again = await expectNothingWritten(
      hooks.server.database,
      async () => await hooks.ask(ROTATE, { input }),
    );
    expect(again).toMatchObject({ secret: null, userErrors: [{ __typename: "RevisionConflict" }] });
  });

  it("is sealed for its own webhook: in the row of another it opens nothing", async () => {
    const hook = await hooks.create({ name: "from" });
    const other = await hooks.create({ name: "to" });
    await hooks.server.database.query(
      "update webhook set secret = (select secret from webhook where name = 'from') where name = 'to'",
    );
    expect((await hooks.send(other.url, hooks.sign(hook))).status).toBe(401);
    expect((await hooks.send(other.url, hooks.sign(other))).status).toBe(401);
  });

  it("is shown once under an idempotency key, and not by a dry run", async () => {
    const workflowId = await hooks.newWorkflow();
    const input = { workflowId, name: "once", mapping: MAPPING, idempotencyKey: `key-${workflowId}` };
    const dry = await expectNothingWritten(
      hooks.server.database,
      async () => await hooks.ask(CREATE, { input: { ...input, dryRun: true } }),
    );
    expect(dry).toMatchObject({ webhook: null, secret: null, userErrors: [] });
    const [first, second] = [await hooks.ask(CREATE, { input }), await hooks.ask(CREATE, { input })];
    expect(first.secret).toMatch(/^whsec_/);
    expect(second).toEqual({ ...first, secret: null });
  });
});

describe("a mapping", () => {
  it.each([
    ["names an input that there is not", { inputs: { title: "/t", titel: "/t" } }, "inputs.titel"],
    ["leaves a required input out", { inputs: { number: "/n" } }, "inputs"],
    ["has a pointer without a slash", { inputs: { title: "title" } }, "inputs.title"],
    ["has a pointer with a bare tilde", { inputs: { title: "/a~2" } }, "inputs.title"],
    ["has a commit without a branch", { inputs: { title: "/t" }, commit: "/c" }, "commit"],
    ["has a label that is none", { inputs: { title: "/t" }, labels: { "": "/l" } }, "labels."],
  ])("that %s is refused", async (_what, mapping, place) => {
    const workflowId = await hooks.newWorkflow();
    const answer = await expectNothingWritten(
      hooks.server.database,
      async () => await hooks.ask(CREATE, { input: { workflowId, name: "faulty", mapping } }),
    );
    expect(answer.secret).toBeNull();
    expect(answer.userErrors[0].faults).toMatchObject([{ path: `input.mapping.${place}` }]);
  });

  it.each([[{ inputs: ["/t"] }], [{ inputs: { title: 5 } }], [{ labels: "x" }]])(
    "that is no object of texts is refused: %j",
    async (mapping) => {
      const workflowId = await hooks.newWorkflow();
      const { userErrors } = await hooks.ask(CREATE, { input: { workflowId, name: "faulty", mapping } });
      expect(userErrors).toMatchObject([{ __typename: "ValidationFailed" }]);
    },
  );
});

describe("a webhook", () => {
  it("changes in what is named and in nothing else", async () => {
    const hook = await hooks.create();
    hooks.clock.advance(1_000);
    const input = { webhookId: hook.id, enabled: false };
    const { webhook } = await hooks.ask(UPDATE, { input });
    const updatedAt = hooks.clock.now().toISOString();
    expect(webhook).toEqual({ ...hook.webhook, enabled: false, revision: 2, updatedAt });
    expect((await hooks.send(hook.url, hooks.sign(hook))).status).toBe(401);
    const mapping = { inputs: { title: "/pull_request/titles/0" } };
    const changed = await hooks.ask(UPDATE, { input: { ...input, enabled: true, name: "renamed", mapping } });
    expect(changed.webhook).toMatchObject({
      name: "renamed",
      mapping: { ...mapping, branch: null, commit: null, message: null, labels: {} },
    });
    expect((await hooks.send(hook.url, hooks.sign(hook))).status).toBe(202);
    expect(await hooks.runsOf(hook)).toMatchObject([{ inputs: { title: "first" }, branch: null }]);
    const late = await hooks.ask(UPDATE, { input: { ...input, expectedRevision: 2 } });
    expect(late.userErrors).toMatchObject([{ __typename: "RevisionConflict" }]);
  });

  it("of an archived workflow accepts nothing", async () => {
    const hook = await hooks.create();
    const { userErrors } = await hooks.ask(
      "mutation ($id: ID!) { archiveWorkflow(input: { workflowId: $id }) { userErrors { message } } }",
      { id: hook.workflow },
    );
    expect(userErrors).toEqual([]);
    expect(await hooks.send(hook.url, hooks.sign(hook))).toMatchObject({
      status: 422,
      body: { errors: [{ extensions: { faults: [{ message: expect.stringContaining("archived") }] } }] },
    });
  });

  it("is listed by name, of a workflow or a project", async () => {
    const hook = await hooks.create({ name: "b" });
    const input = { workflowId: hook.workflow, name: "a", mapping: MAPPING };
    expect((await hooks.ask(CREATE, { input })).userErrors).toEqual([]);
    expect((await hooks.ask(CREATE, { input })).userErrors).toMatchObject([{ path: "input.name" }]);
    const list = `query ($id: ID!) { webhooks(workflowId: $id) { nodes { name } totalCount { value } } }`;
    expect(await hooks.ask(list, { id: hook.workflow })).toEqual({
      nodes: [{ name: "a" }, { name: "b" }],
      totalCount: { value: 2 },
    });
    const own = await hooks.ask(
      "query ($id: ID!) { workflow(id: $id) { webhooks(first: 1) { nodes { name } } } }",
      {
        id: hook.workflow,
      },
    );
    expect(own.webhooks.nodes).toEqual([{ name: "a" }]);
    const stranger = await hooks.server.clientWith("elsewhere", "PROJECT_ADMIN");
    const { webhooks } = (await stranger.request("{ webhooks { nodes { name } } }")) as Answer;
    expect(webhooks.nodes).toEqual([]);
  });
});
