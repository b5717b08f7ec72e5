import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { auditOf, carry, type Payload, read } from "../api/management.ts";
import { expectNothingWritten } from "../api/tables.ts";
import { type ProtocolRunner, startProtocolRunner } from "../support/protocol-runner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { deploy, trigger } from "../support/workflows.ts";

const SECRET = "secret { name revision updatedBy { username } }";
const VALUE = "Tr0ub4dor&3 ist geheim";

let server: TestServer;
let runner: ProtocolRunner;
beforeAll(async () => {
  server = await startTestServer({ runDuties: false });
  runner = await startProtocolRunner(server);
});
afterAll(async () => await server[Symbol.asyncDispose]());

let named = 0;
const newName = (): string => `NAME_${++named}`;
const PROJECT = { projectId: "default" };

async function set(input: object, by?: string): Promise<Payload> {
  return await carry(server, "setSecret", { owner: PROJECT, value: VALUE, ...input }, SECRET, by);
}

async function remove(input: object, by?: string): Promise<Payload> {
  return await carry(server, "deleteSecret", { owner: PROJECT, ...input }, "name", by);
}

/** A workflow of one command with this environment. */
async function workflowWith(env: Readonly<Record<string, string>>, step: object = {}): Promise<string> {
  const steps = [{ ref: "x", run: "make", ...step }];
  const name = `uses-${newName()}`;
  return await deploy(server.admin, JSON.stringify({ name, env, stages: [{ name: "a", steps }] }));
}

function envOf(spec: { readonly env: readonly { key: string; value: string }[] }): Record<string, string> {
  return Object.fromEntries(spec.env.map(({ key, value }) => [key, value]));
}

describe("a secret", () => {
  it("is set, replaced, listed without its value, and deleted", async () => {
    const name = newName();
    expect(await set({ name })).toMatchObject({ secret: { name, revision: 1 }, userErrors: [] });
    expect(await set({ name, value: "another value" })).toMatchObject({ secret: { revision: 2 } });
    const { project } = await read(
      server,
      `{ project(id: "default") { secrets(first: 100) { totalCount { exact } nodes { name revision createdAt updatedAt } } } }`,
    );
    expect(project.secrets.nodes).toContainEqual(expect.objectContaining({ name, revision: 2 }));
    expect(await remove({ name })).toMatchObject({ name, userErrors: [] });
    expect(await remove({ name })).toMatchObject({ name: null, userErrors: [{ code: "NOT_FOUND" }] });
    const audit = (await auditOf(server, "setSecret", "deleteSecret")).filter(
      ({ details }) => details["name"] === name,
    );
    expect(audit.map(({ action, details }) => [action, details])).toEqual([
      ["setSecret", { name, revision: 1 }],
      ["setSecret", { name, revision: 2 }],
      ["deleteSecret", { name }],
    ]);
  });

  it.each([
    ["input.name", { name: "lower" }],
    ["input.name", { name: "1ST" }],
    ["input.name", { name: "" }],
    ["input.name", { name: "X".repeat(101) }],
    ["input.value", { value: "1234567" }],
    ["input.value", { value: `  1234567\n` }],
    ["input.value", { value: "a\0bcdefghijk" }],
    ["input.value", { value: "ä".repeat(32 * 1024 + 1) }],
  ])("is refused for a faulty %s", async (path, input) => {
    const answer = await expectNothingWritten(
      server.database,
      async () => await set({ name: "FINE", ...input }),
    );
    expect(answer).toMatchObject({
      secret: null,
      userErrors: [{ __typename: "ValidationFailed", faults: [{ path }] }],
    });
  });

  it("has a revision, a dry run and a key, and no hash of its value is kept", async () => {
    const name = newName();
    expect(await set({ name, dryRun: true })).toMatchObject({ secret: null, userErrors: [] });
    const once = { name, idempotencyKey: `once-${name}` };
    expect(await set({ ...once, expectedRevision: 0 })).toMatchObject({ secret: { revision: 1 } });
    expect(await set({ ...once, expectedRevision: 0 })).toMatchObject({ secret: { revision: 1 } });
    expect(await set({ ...once, expectedRevision: 0, value: "another value" })).toMatchObject({
      userErrors: [{ code: "IDEMPOTENCY_CONFLICT" }],
    });
    expect(await set({ name, expectedRevision: 7 })).toMatchObject({
      userErrors: [{ code: "REVISION_CONFLICT", revision: 1 }],
    });
    expect(await remove({ name, expectedRevision: 7 })).toMatchObject({
      userErrors: [{ code: "REVISION_CONFLICT", revision: 1 }],
    });
    // The same request again, hashed as other commands are.
    const [row] = await server.database.query<{ hash: Buffer }>(
      "select hash from idempotency_key where key = $1",
      [`once-${name}`],
    );
    const other = await startTestServer({ database: server.database, runDuties: false });
    const again = await carry(
      other,
      "setSecret",
      { owner: PROJECT, value: VALUE, ...once, expectedRevision: 0 },
      SECRET,
      server.adminToken,
    );
    await other[Symbol.asyncDispose]();
    expect(row!.hash).toHaveLength(32);
    expect(again.userErrors).toMatchObject([{ code: "IDEMPOTENCY_CONFLICT" }]);
  });

  it("exists for nobody but the administrators of its project", async () => {
    const name = newName();
    const workflowId = await workflowWith({});
    const superuser = await server.tokenWith("default", "PROJECT_SUPERUSER");
    const stranger = await server.tokenWith("elsewhere", "PROJECT_ADMIN");
    for (const owner of [PROJECT, { workflowId }]) {
      expect(await set({ owner, name }, superuser)).toBe("FORBIDDEN");
      expect(await remove({ owner, name }, superuser)).toBe("FORBIDDEN");
      expect(await set({ owner, name }, stranger)).toMatchObject({ userErrors: [{ code: "NOT_FOUND" }] });
    }
    for (const at of [`project(id: "default")`, `workflow(id: "${workflowId}")`]) {
      const query = `{ ${at} { secrets { nodes { name } } } }`;
      const { body } = await server.post({ query }, { token: superuser });
      expect(body.errors).toMatchObject([{ extensions: { code: "FORBIDDEN" } }]);
    }
  });

  it("needs an encryption key to be set and to be used", async () => {
    const name = newName();
    await set({ name });
    const workflowId = await workflowWith({ A: `\${{ secrets.${name} }}` });
    const without = await startTestServer({
      database: server.database,
      encryptionKey: null,
      runDuties: false,
    });
    const refused = await carry(without, "setSecret", { owner: PROJECT, name, value: VALUE }, SECRET);
    expect(refused.userErrors[0].message).toContain("RUNCAST_ENCRYPTION_KEY");
    const run = await trigger(server.admin, workflowId);
    const keyless = await startProtocolRunner(without);
    expect(await keyless.claim({ waitMs: 0 })).toEqual([]);
    await without[Symbol.asyncDispose]();
    const { workflowRun } = await read(server, `{ workflowRun(id: "${run.id}") { error } }`);
    expect(workflowRun.error).toContain(
      `the secret ${name} cannot be opened: the server has no encryption key`,
    );
  });
});

describe("a task", () => {
  it("carries the secrets that its step mentions, the workflow's before the project's, and masks them", async () => {
    const [shared, own, unused] = [newName(), newName(), newName()];
    for (const name of [shared, own, unused]) await set({ name, value: `${name} of the project` });
    const env = { A: `<\${{ secrets.${shared} }}>`, B: "${A}!" };
    const workflowId = await workflowWith(env, { env: { C: `\${{ secrets.${own} }}` } });
    const owned = await set({ owner: { workflowId }, name: own, value: `${own} of the workflow` });
    expect(owned.userErrors).toEqual([]);
    const run = await trigger(server.admin, workflowId, { envVars: [{ key: "GIVEN", value: "kept" }] });
    const { spec } = await runner.claimOne();
    const values = [`${shared} of the project`, `${own} of the workflow`];
    expect(envOf(spec)).toEqual({ A: `<${values[0]}>`, B: `<${values[0]}>!`, C: values[1], GIVEN: "kept" });
    const { masks, taskToken } = spec as unknown as { masks: string[]; taskToken: string };
    expect(masks).toEqual([...values, taskToken]);
    const { node } = await read(
      server,
      `{ node(id: "${run.id}") { ... on WorkflowRun { envVars { key value } } } }`,
    );
    expect(node.envVars).toEqual([{ key: "GIVEN", value: "kept" }]);
  });

  it("of an http step carries them in its request", async () => {
    const name = newName();
    await set({ name });
    const template = `\${{ secrets.${name} }}`;
    const workflowId = await workflowWith(
      {},
      {
        run: undefined,
        type: "http",
        url: `https://example.org/?token=${template}`,
        headers: { Authorization: `Bearer ${template}` },
        body: { secret: template },
      },
    );
    await trigger(server.admin, workflowId);
    const { spec } = await runner.claimOne();
    expect(spec).toMatchObject({
      masks: [VALUE],
      taskToken: null,
      http: {
        url: `https://example.org/?token=${VALUE}`,
        headers: [{ key: "Authorization", value: `Bearer ${VALUE}` }, {}],
        body: JSON.stringify({ secret: VALUE }),
      },
    });
  });

  it("with a secret that is not set fails its step, and no other", async () => {
    const workflowId = await workflowWith({ A: "${{ secrets.NOT_SET }}" });
    const run = await trigger(server.admin, workflowId);
    expect(await runner.claim({ waitMs: 0 })).toEqual([]);
    const { node } = await read(server, `{ node(id: "${run.id}") { ... on WorkflowRun { status error } } }`);
    expect(node).toEqual({
      status: "FAILED",
      error: 'step "x" failed: the secret NOT_SET is set neither for the workflow nor for its project',
    });
  });
});

it("nothing of a secret is in the database, but for what is sealed for its own row", async () => {
  const [from, to] = [newName(), newName()];
  const value = randomBytes(30).toString("base64url");
  await set({ name: from, value });
  await set({ name: to, value: "something else" });
  const workflowId = await workflowWith({ A: `\${{ secrets.${to} }}` });
  await trigger(server.admin, workflowId);
  expect(envOf((await runner.claimOne()).spec)).toEqual({ A: "something else" });
  await server.database.query(
    "update secret set value = (select value from secret where name = $1) where name = $2",
    [from, to],
  );
  await trigger(server.admin, workflowId);
  expect(await runner.claim({ waitMs: 0 })).toEqual([]);
  const tables = await server.database.query<{ name: string }>(
    "select tablename as name from pg_tables where schemaname = 'public'",
  );
  for (const { name } of tables) {
    const rows = JSON.stringify(await server.database.query(`select t::text as row from "${name}" t`));
    for (const trace of [value, Buffer.from(value).toString("hex")])
      expect([name, rows.includes(trace)]).toEqual([name, false]);
  }
});
