import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestServer, type TestServer } from "../support/server.ts";
import { deploy } from "../support/workflows.ts";
import { auditOf, carry, read } from "./management.ts";
import { expectNothingWritten } from "./tables.ts";

const WORKFLOW = "workflow { id name archivedAt revision }";
const DEPLOYED = `version created workflowVersion { version } ${WORKFLOW}`;
const flow = (name: string, command = "true") =>
  `name: ${name}\nstages: [{ name: a, steps: [{ ref: x, run: "${command}" }] }]\n`;

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ runDuties: false });
});
afterAll(async () => await server[Symbol.asyncDispose]());

const deployed = async (input: object) =>
  await carry(server, "deployWorkflow", { projectId: "default", ...input }, DEPLOYED);
const listed = async (more = "") =>
  (await read(server, `{ workflows(projectId: "default"${more}) { nodes { name } totalCount { value } } }`))
    .workflows;

describe("an archived workflow", () => {
  it("is hidden from lists and takes no deployment until it is taken out again", async () => {
    const workflowId = await deploy(server.admin, flow("old"));
    await deploy(server.admin, flow("young"));
    const archive = async () => await carry(server, "archiveWorkflow", { workflowId }, WORKFLOW);
    const archived = await archive();
    expect(archived.workflow).toMatchObject({ archivedAt: expect.any(String), revision: 2 });
    expect(await archive()).toEqual(archived);
    expect(await listed()).toEqual({ nodes: [{ name: "young" }], totalCount: { value: 1 } });
    expect((await listed(", includeArchived: true")).totalCount.value).toBe(2);
    const attempt = async () => await deployed({ source: flow("old", "other") });
    expect(await expectNothingWritten(server.database, attempt)).toMatchObject({
      userErrors: [{ __typename: "InvalidState", current: "ARCHIVED" }],
    });
    const { can } = (await read(server, `{ workflow(id: "${workflowId}") { can { action allowed } } }`))
      .workflow;
    expect(can).toContainEqual({ action: "triggerWorkflowRun", allowed: false });
    const back = await carry(server, "unarchiveWorkflow", { workflowId, expectedRevision: 2 }, WORKFLOW);
    expect(back.workflow).toMatchObject({ archivedAt: null, revision: 3 });
    expect(await attempt()).toMatchObject({ version: 2, userErrors: [] });
    expect(await auditOf(server, "archiveWorkflow", "unarchiveWorkflow")).toHaveLength(2);
  });

  it("makes no runs", async () => {
    const workflowId = await deploy(server.admin, flow("asleep"));
    await carry(server, "archiveWorkflow", { workflowId }, WORKFLOW);
    const attempt = async () =>
      await carry(server, "triggerWorkflowRun", { workflowId }, "workflowRun { id }");
    expect(await expectNothingWritten(server.database, attempt)).toMatchObject({
      userErrors: [{ __typename: "InvalidState", current: "ARCHIVED", path: "input.workflowId" }],
    });
  });
});

describe("a rename", () => {
  it("changes the name that files find the workflow by", async () => {
    const workflowId = await deploy(server.admin, flow("before"));
    const rename = async (name: string, more: object = {}) =>
      await carry(server, "renameWorkflow", { workflowId, name, ...more }, WORKFLOW);
    expect(await rename("after", { dryRun: true })).toMatchObject({
      userErrors: [],
      workflow: { name: "before" },
    });
    expect((await rename("after")).workflow).toMatchObject({ id: workflowId, name: "after", revision: 2 });
    expect((await deployed({ source: flow("after", "x") })).workflow.id).toBe(workflowId);
    expect((await deployed({ source: flow("before") })).workflow.id).not.toBe(workflowId);
    expect(await auditOf(server, "renameWorkflow")).toEqual([
      { action: "renameWorkflow", target: workflowId, details: { before: "before", name: "after" } },
    ]);
    for (const name of ["before", "-x", ""]) {
      const refused = await expectNothingWritten(server.database, async () => await rename(name));
      expect(refused.userErrors).toMatchObject([{ __typename: "ValidationFailed" }]);
    }
    expect(await rename("late", { expectedRevision: 2 })).toMatchObject({
      userErrors: [{ __typename: "RevisionConflict", revision: 3 }],
    });
  });
});

describe("a deployment", () => {
  it("in a dry run tells the version that it would make, and the faults that it has", async () => {
    const dry = async (source: string) =>
      await expectNothingWritten(server.database, async () => await deployed({ source, dryRun: true }));
    expect(await dry(flow("rehearsed"))).toEqual({
      version: 1,
      created: true,
      workflow: null,
      workflowVersion: null,
      userErrors: [],
    });
    await deploy(server.admin, flow("rehearsed"));
    expect(await dry(flow("rehearsed", "new"))).toMatchObject({ version: 2, created: true });
    expect(await dry(flow("rehearsed"))).toMatchObject({ version: 1, created: false });
    expect((await dry("name: x")).userErrors[0].__typename).toBe("ValidationFailed");
  });

  it("under a key happens once", async () => {
    const input = { source: flow("keyed"), idempotencyKey: "d-1" };
    const first = await deployed(input);
    expect(first.created).toBe(true);
    expect(await deployed(input)).toEqual(first);
    expect((await deployed({ ...input, source: flow("keyed", "x") })).userErrors).toMatchObject([
      { __typename: "IdempotencyConflict" },
    ]);
  });

  it("to a workflow must be of its name", async () => {
    const workflowId = await deploy(server.admin, flow("exact"));
    expect(await deployed({ workflowId, source: flow("exact", "x") })).toMatchObject({
      version: 2,
      workflow: { id: workflowId, revision: 2 },
    });
    const other = async () => await deployed({ workflowId, source: flow("inexact") });
    expect((await expectNothingWritten(server.database, other)).userErrors).toMatchObject([
      { __typename: "ValidationFailed", path: "input.source" },
    ]);
    const elsewhere = { projectId: "elsewhere", workflowId, source: flow("exact", "y") };
    await carry(server, "createProject", { slug: "elsewhere", name: "E" }, "project { id }");
    expect((await deployed(elsewhere)).userErrors).toMatchObject([
      { __typename: "NotFound", path: "input.workflowId" },
    ]);
  });

  it("may insist on a revision, 0 of a workflow that must be new", async () => {
    const insist = async (expectedRevision: number, command: string) =>
      await deployed({ source: flow("revised", command), expectedRevision });
    expect((await insist(1, "a")).userErrors).toMatchObject([
      { __typename: "RevisionConflict", revision: 0 },
    ]);
    expect(await insist(0, "a")).toMatchObject({ version: 1, userErrors: [] });
    expect((await insist(0, "b")).userErrors).toMatchObject([{ revision: 1 }]);
    expect(await insist(1, "b")).toMatchObject({ version: 2, userErrors: [] });
  });
});

it("a workflow tells its description, its inputs and its versions", async () => {
  const head = `name: told\ndescription: Tells\ninputs:\n  target: { type: choice, options: [a, b], default: a }\n  count: { type: number, required: true, description: How many }\n`;
  const stages = (command: string) => `stages: [{ name: a, steps: [{ ref: x, run: "${command}" }] }]\n`;
  const id = await deploy(server.admin, head + stages("1"));
  await deploy(server.admin, head + stages("2"));
  const query = (args: string) => `{ workflow(id: "${id}") { description
    inputs { name type description required default options }
    versions(${args}) { nodes { version } totalCount { value } pageInfo { endCursor } } } }`;
  const { workflow } = await read(server, query("first: 1"));
  expect(workflow).toMatchObject({
    description: "Tells",
    inputs: [
      {
        name: "target",
        type: "choice",
        required: false,
        default: "a",
        options: ["a", "b"],
        description: null,
      },
      {
        name: "count",
        type: "number",
        required: true,
        default: null,
        options: null,
        description: "How many",
      },
    ],
    versions: { nodes: [{ version: 2 }], totalCount: { value: 2 } },
  });
  const { endCursor } = workflow.versions.pageInfo;
  const next = await read(server, query(`after: "${endCursor}"`));
  expect(next.workflow.versions.nodes).toEqual([{ version: 1 }]);
});
