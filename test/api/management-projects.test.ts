import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestServer, type TestServer } from "../support/server.ts";
import { deploy } from "../support/workflows.ts";
import { makeToken } from "./accounts.ts";
import { auditOf, carry, read } from "./management.ts";
import { FLOW } from "./root-field.ts";
import { expectNothingWritten } from "./tables.ts";

const PROJECT = "project { id slug name archivedAt revision }";
const MEMBER = "member { role actor { username } }";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ runDuties: false });
});
afterAll(async () => await server[Symbol.asyncDispose]());

const create = async (slug: string, more: object = {}) =>
  await carry(server, "createProject", { slug, name: `Project ${slug}`, ...more }, PROJECT);

describe("a project", () => {
  it("is made, renamed with the right revision, and each is audited", async () => {
    const { project } = await create("alpha");
    expect(project).toMatchObject({ slug: "alpha", name: "Project alpha", archivedAt: null, revision: 1 });
    const rename = { projectId: project.id, slug: "beta", expectedRevision: 1 };
    const renamed = await carry(server, "updateProject", rename, PROJECT);
    expect(renamed).toEqual({ userErrors: [], project: { ...project, slug: "beta", revision: 2 } });
    const again = await expectNothingWritten(
      server.database,
      async () => await carry(server, "updateProject", { ...rename, name: "No" }, PROJECT),
    );
    expect(again).toMatchObject({
      project: null,
      userErrors: [{ __typename: "RevisionConflict", revision: 2, path: "input.expectedRevision" }],
    });
    const audit = await auditOf(server, "createProject", "updateProject");
    expect(audit.map(({ action, target }) => [action, target])).toEqual([
      ["createProject", project.id],
      ["updateProject", project.id],
    ]);
  });

  it("is made once under a key, and not at all in a dry run", async () => {
    const dry = await expectNothingWritten(
      server.database,
      async () => await create("keyed", { dryRun: true }),
    );
    expect(dry).toEqual({ project: null, userErrors: [] });
    const first = await create("keyed", { idempotencyKey: "k" });
    expect(await create("keyed", { idempotencyKey: "k" })).toEqual(first);
    expect(await create("keyed2", { idempotencyKey: "k" })).toMatchObject({
      userErrors: [{ __typename: "IdempotencyConflict" }],
    });
  });

  it.each([
    ["taken", "default", "Name", ["input.slug"]],
    ["like an id", "prj_1", "Name", ["input.slug"]],
    ["of a wrong form, and so is the name", "Upper", " ", ["input.slug", "input.name"]],
  ])("is refused when its slug is %s", async (_what, slug, name, paths) => {
    const answer = await expectNothingWritten(server.database, async () => await create(slug, { name }));
    expect(answer.userErrors[0].__typename).toBe("ValidationFailed");
    expect(answer.userErrors[0].faults.map(({ path }: { path: string }) => path)).toEqual(paths);
  });

  it("that is archived takes no deployment until it is taken out again", async () => {
    const { project } = await create("attic");
    const archive = async () => await carry(server, "archiveProject", { projectId: "attic" }, PROJECT);
    const archived = await archive();
    expect(archived.project).toMatchObject({ archivedAt: expect.any(String), revision: 2 });
    expect(await archive()).toEqual(archived);
    const attempt = async () =>
      await carry(server, "deployWorkflow", { projectId: "attic", source: FLOW("w") }, "version");
    expect(await expectNothingWritten(server.database, attempt)).toMatchObject({
      userErrors: [{ __typename: "InvalidState", current: "ARCHIVED", path: "input.projectId" }],
    });
    const { can } = (await read(server, `{ project(id: "attic") { can { action allowed } } }`)).project;
    expect(can).toContainEqual({ action: "deployWorkflow", allowed: false });
    const back = await carry(server, "unarchiveProject", { projectId: project.id }, PROJECT);
    expect(back.project).toMatchObject({ archivedAt: null, revision: 3 });
    expect(await attempt()).toMatchObject({ version: 1, userErrors: [] });
    expect(await auditOf(server, "archiveProject", "unarchiveProject")).toHaveLength(2);
    await deploy(server.admin, FLOW("other"), "attic");
  });
});

describe("members", () => {
  it("are added by username, get another role, are listed and removed", async () => {
    await create("team");
    await makeToken(server, { username: "ann" });
    await makeToken(server, { username: "bob" });
    const set = async (username: string, role: string) =>
      await carry(server, "setProjectMember", { projectId: "team", account: { username }, role }, MEMBER);
    expect(await set("bob", "PROJECT_USER")).toMatchObject({
      member: { role: "PROJECT_USER", actor: { username: "bob" } },
    });
    await set("ann", "PROJECT_ADMIN");
    expect(await set("bob", "PROJECT_SUPERUSER")).toMatchObject({ member: { role: "PROJECT_SUPERUSER" } });
    const list = `{ project(id: "team") { members { totalCount { value } nodes { accountId role actor { username } } } } }`;
    const { members } = (await read(server, list)).project;
    expect(members.totalCount.value).toBe(2);
    expect(members.nodes.map((node: { actor: object; role: string }) => [node.actor, node.role])).toEqual([
      [{ username: "ann" }, "PROJECT_ADMIN"],
      [{ username: "bob" }, "PROJECT_SUPERUSER"],
    ]);
    const page = `{ project(id: "team") { members(first: 1) { pageInfo { endCursor hasNextPage } } } }`;
    const { endCursor } = (await read(server, page)).project.members.pageInfo;
    const next = await read(server, page.replace("first: 1", `first: 1, after: "${endCursor}"`));
    expect(next.project.members.pageInfo.hasNextPage).toBe(false);
    const gone = { projectId: "team", account: { id: members.nodes[1].accountId } };
    expect(await carry(server, "removeProjectMember", gone, MEMBER)).toEqual({
      member: null,
      userErrors: [],
    });
    expect(await carry(server, "removeProjectMember", gone, MEMBER)).toMatchObject({
      userErrors: [{ __typename: "NotFound", path: "input.account" }],
    });
    const audit = await auditOf(server, "setProjectMember", "removeProjectMember");
    expect(audit.map(({ details }) => details["username"])).toEqual(["bob", "ann", "bob", "bob"]);
  });

  it("are named by exactly one of id and username", async () => {
    const account = { id: "acct_1", username: "ann" };
    const input = { projectId: "team", account, role: "PROJECT_USER" };
    expect(await carry(server, "setProjectMember", input, MEMBER)).toBe("BAD_USER_INPUT");
  });

  it("keep their last administrator, whoever asks but a system administrator", async () => {
    await create("lonely");
    const token = await makeToken(server, {
      username: "boss",
      member: { project: "lonely", role: "PROJECT_ADMIN" },
    });
    const demote = { projectId: "lonely", account: { username: "boss" }, role: "PROJECT_USER" };
    const { role: _role, ...remove } = demote;
    for (const [mutation, input] of [
      ["setProjectMember", demote],
      ["removeProjectMember", remove],
    ] as const) {
      expect(await carry(server, mutation, input, MEMBER, token)).toMatchObject({
        userErrors: [{ __typename: "InvalidState", current: "LAST_PROJECT_ADMIN", path: "input.account" }],
      });
    }
    await makeToken(server, { username: "deputy", member: { project: "lonely", role: "PROJECT_ADMIN" } });
    await carry(server, "disableAccount", { account: { username: "deputy" } }, "account { id }");
    expect((await carry(server, "removeProjectMember", remove, MEMBER, token)).userErrors).toHaveLength(1);
    await carry(server, "enableAccount", { account: { username: "deputy" } }, "account { id }");
    expect((await carry(server, "removeProjectMember", remove, MEMBER, token)).userErrors).toEqual([]);
    const last = { projectId: "lonely", account: { username: "deputy" } };
    expect((await carry(server, "removeProjectMember", last, MEMBER)).userErrors).toEqual([]);
  });

  it("two administrators who remove each other at once leave one", async () => {
    await create("duel");
    const member = { project: "duel", role: "PROJECT_ADMIN" } as const;
    const one = await makeToken(server, { username: "one", member });
    const two = await makeToken(server, { username: "two", member });
    const remove = async (username: string, token: string) =>
      await carry(server, "removeProjectMember", { projectId: "duel", account: { username } }, MEMBER, token);
    const answers = await Promise.all([remove("two", one), remove("one", two)]);
    expect(answers.map(({ userErrors }) => userErrors.length).sort()).toEqual([0, 1]);
  });
});
