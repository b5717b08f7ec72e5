import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ManualClock } from "../support/manual-clock.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { makeToken } from "./accounts.ts";
import { auditOf, carry, read } from "./management.ts";
import { expectNothingWritten } from "./tables.ts";

/** Roles and tokens are remembered for 5 s. */
const NOTICED_AFTER_MS = 5_001;
const HOUR_MS = 3_600_000;
const TOKEN =
  "token apiToken { id description expiresAt revokedAt project { slug } owner { username type } }";

const clock = new ManualClock();
let server: TestServer;
let ann: string;
beforeAll(async () => {
  server = await startTestServer({ runDuties: false, clock });
  const member = { project: "own", role: "PROJECT_ADMIN" } as const;
  ann = await makeToken(server, { username: "ann", member });
  await makeToken(server, { username: "ann", member: { project: "second", role: "PROJECT_USER" } });
  await makeToken(server, { username: "eve", member: { project: "foreign", role: "PROJECT_ADMIN" } });
});
afterAll(async () => await server[Symbol.asyncDispose]());

const create = async (input: object, token = ann) =>
  await carry(server, "createToken", { description: "test", ...input }, TOKEN, token);
const slugsOf = async (token: string) =>
  (await read(server, "{ projects { nodes { slug } } }", token)).projects.nodes.map(
    ({ slug }: { slug: string }) => slug,
  );
const isTaken = async (token: string) =>
  (await server.post({ query: "{ viewer { systemAdmin } }" }, { token })).status === 200;
const inMs = (ms: number) => new Date(clock.now().getTime() + ms).toISOString();

describe("a token of one's own", () => {
  it("can do what its owner can, is shown once, and only its hash is stored", async () => {
    const { token, apiToken, userErrors } = await create({});
    expect(userErrors).toEqual([]);
    expect(token).toMatch(/^runcast_[A-Za-z0-9_-]{43}$/);
    expect(apiToken).toMatchObject({ project: null, expiresAt: null, owner: { username: "ann" } });
    expect(await slugsOf(token)).toEqual(["own", "second"]);
    for (const table of ["api_token", "audit_entry", "idempotency_key"]) {
      const rows = await server.database.query<{ row: string }>(`select t::text as row from ${table} t`);
      expect(rows.filter(({ row }) => row.includes(token.slice(8)))).toEqual([]);
    }
    expect(await auditOf(server, "createToken")).toContainEqual(
      expect.objectContaining({ target: apiToken.id }),
    );
  });

  it("that is limited to a project makes none that can do more, or lasts longer", async () => {
    const { token } = await create({ projectId: "own", expiresAt: inMs(HOUR_MS) });
    expect(await slugsOf(token)).toEqual(["own"]);
    expect(await create({}, token)).toBe("FORBIDDEN");
    expect(await create({ projectId: "second" }, token)).toMatchObject({
      userErrors: [{ __typename: "NotFound", path: "input.projectId" }],
    });
    expect(await create({ projectId: "own", expiresAt: inMs(2 * HOUR_MS) }, token)).toMatchObject({
      userErrors: [{ __typename: "ValidationFailed", path: "input.expiresAt" }],
    });
    const child = await create({ projectId: "own" }, token);
    expect(child.apiToken.expiresAt).toBe(inMs(HOUR_MS));
    const { viewer } = await read(server, "{ viewer { tokens { nodes { project { slug } } } } }", token);
    expect(viewer.tokens.nodes).toEqual([{ project: { slug: "own" } }, { project: { slug: "own" } }]);
  });

  it("is refused for a project that is not one's own, for the past, and for runners", async () => {
    const refused = await expectNothingWritten(server.database, async () => [
      await create({ projectId: "foreign" }),
      await create({ projectId: "nowhere" }),
      await create({ expiresAt: inMs(-1) }),
      await create({ description: "a\0b" }),
    ]);
    expect(refused[0]).toEqual(refused[1]);
    expect(refused.map(({ userErrors }) => userErrors[0].code)).toEqual([
      "NOT_FOUND",
      "NOT_FOUND",
      "VALIDATION_FAILED",
      "VALIDATION_FAILED",
    ]);
    expect(await create({}, await server.runnerToken())).toBe("FORBIDDEN");
  });

  it("is listed, and ends when it is revoked", async () => {
    // Ids of one millisecond come in any order.
    clock.advance(1);
    const { token, apiToken } = await create({ description: "to be revoked" });
    const revoke = async (by: string) =>
      await carry(server, "revokeToken", { tokenId: apiToken.id }, "apiToken { revokedAt }", by);
    const eve = await makeToken(server, { username: "eve" });
    expect(await revoke(eve)).toMatchObject({ userErrors: [{ __typename: "NotFound" }] });
    expect(await isTaken(token)).toBe(true);
    const first = await revoke(ann);
    expect(first.apiToken.revokedAt).toEqual(expect.any(String));
    clock.advance(NOTICED_AFTER_MS);
    expect(await revoke(ann)).toEqual(first);
    expect(await isTaken(token)).toBe(false);
    const query = "{ viewer { tokens(first: 1) { nodes { description revokedAt } totalCount { value } } } }";
    const { tokens } = (await read(server, query, ann)).viewer;
    expect(tokens.nodes).toEqual([{ description: "to be revoked", ...first.apiToken }]);
    expect(await auditOf(server, "revokeToken")).toHaveLength(1);
  });
});

describe("a service account", () => {
  it("acts in its project with tokens that its administrators make and revoke", async () => {
    const bot = { projectId: "own", username: "bot", role: "PROJECT_SUPERUSER" };
    const made = await carry(
      server,
      "createServiceAccount",
      bot,
      "serviceAccount { role account { id type } }",
      ann,
    );
    expect(made.serviceAccount).toMatchObject({ role: bot.role, account: { type: "SERVICE" } });
    const accountId = made.serviceAccount.account.id;
    expect(await create({ accountId })).toMatchObject({ userErrors: [{ path: "input.projectId" }] });
    const { token, apiToken } = await create({ accountId, projectId: "own" });
    expect(await slugsOf(token)).toEqual(["own"]);
    expect(await create({ accountId, projectId: "second" })).toBe("FORBIDDEN");
    const eve = await makeToken(server, { username: "eve" });
    const eves = [accountId, "acct_00000000000000000000000000"].map(
      async (id) => await create({ accountId: id, projectId: "foreign" }, eve),
    );
    const [known, unknown] = await Promise.all(eves);
    expect(known).toMatchObject({ userErrors: [{ __typename: "NotFound", path: "input.accountId" }] });
    expect(known).toEqual(unknown);

    const query = `{ project(id: "own") { serviceAccounts { account { username } tokens { id } } } }`;
    expect((await read(server, query, ann)).project.serviceAccounts).toEqual([
      { account: { username: "bot" }, tokens: [{ id: apiToken.id }] },
    ]);
    const { body } = await server.post({ query }, { token });
    expect(body.errors[0].extensions.code).toBe("FORBIDDEN");
    await carry(server, "revokeToken", { tokenId: apiToken.id }, "apiToken { id }", ann);
    clock.advance(NOTICED_AFTER_MS);
    expect(await isTaken(token)).toBe(false);
  });

  it("cannot take a username that is taken, reserved or of a wrong form", async () => {
    for (const username of ["ann", "System", "a b", ""]) {
      const input = { projectId: "own", username, role: "PROJECT_USER" };
      const attempt = async () =>
        await carry(server, "createServiceAccount", input, "serviceAccount { role }", ann);
      expect((await expectNothingWritten(server.database, attempt)).userErrors[0].__typename).toBe(
        "ValidationFailed",
      );
    }
  });
});

describe("a runner's token", () => {
  const createRunner = async (input: object, token = ann) =>
    await carry(server, "createRunnerToken", { description: "r", ...input }, TOKEN, token);

  it("is made by the project's administrators for their project alone", async () => {
    const { apiToken, token } = await createRunner({ projectId: "own" });
    expect(apiToken).toMatchObject({
      project: { slug: "own" },
      owner: { username: "own-runner", type: "RUNNER" },
    });
    expect(await isTaken(token)).toBe(true);
    expect((await createRunner({ projectId: "own" })).userErrors).toEqual([]);
    expect(await createRunner({})).toBe("FORBIDDEN");
    expect((await createRunner({}, server.adminToken)).apiToken.project).toBe(null);
  });

  it("is never of an account that runs another project's steps, or of a person", async () => {
    const eve = await makeToken(server, { username: "eve" });
    for (const username of ["own-runner", "ann"]) {
      const attempt = async () => await createRunner({ projectId: "foreign", username }, eve);
      expect((await expectNothingWritten(server.database, attempt)).userErrors).toMatchObject([
        { __typename: "ValidationFailed", path: "input.username" },
      ]);
    }
  });
});

describe("an account", () => {
  it("is made by system administrators, and can be disabled and enabled", async () => {
    const user = { username: "carl", name: "Carl", avatarUrl: "https://example.org/c.png" };
    const ACCOUNT = "account { id username systemAdmin disabledAt }";
    const { account } = await carry(server, "createUser", user, ACCOUNT);
    expect(account).toMatchObject({ username: "carl", systemAdmin: false, disabledAt: null });
    const token = await makeToken(server, { username: "carl" });
    expect(await isTaken(token)).toBe(true);
    const disabled = await carry(server, "disableAccount", { account: { id: account.id } }, ACCOUNT);
    expect(disabled.account.disabledAt).toEqual(expect.any(String));
    clock.advance(NOTICED_AFTER_MS);
    expect(await isTaken(token)).toBe(false);
    await carry(server, "enableAccount", { account: { username: "carl" } }, ACCOUNT);
    expect(await isTaken(token)).toBe(true);
    expect(await auditOf(server, "createUser", "disableAccount", "enableAccount")).toHaveLength(3);
    for (const avatarUrl of ["javascript:alert(1)", "x"]) {
      const answer = await carry(server, "createUser", { ...user, username: "dora", avatarUrl }, ACCOUNT);
      expect(answer.userErrors[0].faults[0].path).toBe("input.avatarUrl");
    }
  });

  it("cannot disable itself", async () => {
    const { viewer } = await read(server, "{ viewer { actor { username } } }");
    const input = { account: { username: viewer.actor.username } };
    expect(await carry(server, "disableAccount", input, "account { id }")).toMatchObject({
      userErrors: [{ __typename: "ValidationFailed", path: "input.account" }],
    });
  });

  it("is found by its exact username, and searched for by system administrators", async () => {
    expect(await read(server, `{ account(username: "ann") { name } }`, ann)).toEqual({
      account: { name: "ann" },
    });
    expect(await read(server, `{ account(username: "an") { name } }`, ann)).toEqual({ account: null });
    const query = `{ accounts(search: "AN", first: 1) { nodes { username } totalCount { value } } }`;
    const { accounts } = await read(server, query);
    expect(accounts).toEqual({ nodes: [{ username: "ann" }], totalCount: { value: 1 } });
  });
});

describe("the first token of a person", () => {
  it("is made by who administers the installation, and by nobody else", async () => {
    const input = { username: "new-person", name: "New" };
    const { account } = await carry(server, "createUser", input, "account { id }", server.adminToken);
    const refused = await expectNothingWritten(
      server.database,
      async () => await create({ accountId: account.id, projectId: "own" }),
    );
    expect(refused).toMatchObject({ userErrors: [{ __typename: "NotFound", path: "input.accountId" }] });
    const { token, apiToken } = await create({ accountId: account.id }, server.adminToken);
    expect(apiToken.owner).toMatchObject({ username: "new-person", type: "USER" });
    expect(await slugsOf(token)).toEqual([]);
  });
});
