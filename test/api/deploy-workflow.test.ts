import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestServer, type TestServer } from "../support/server.ts";
import { expectNothingWritten } from "./tables.ts";

const DEPLOY = `mutation ($input: DeployWorkflowInput!) { deployWorkflow(input: $input) {
  created clientMutationId
  workflow { id name updatedAt project { slug } latestVersion { id } }
  workflowVersion { id version source createdBy { username type } }
  userErrors { __typename code message path ... on ValidationFailed { faults { message path line column } } } } }`;

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ runDuties: false });
});
afterAll(async () => await server[Symbol.asyncDispose]());

const deploy = async (source: string, more: object = {}) => {
  const { body } = await server.post({
    query: DEPLOY,
    variables: { input: { projectId: "default", source, ...more } },
  });
  expect(body.errors ?? []).toEqual([]);
  return body.data.deployWorkflow;
};

const flow = (name: string, command = "true") =>
  `name: ${name}\nstages:\n  - name: a\n    steps: [{ ref: x, run: "${command}" }]\n`;

const audit = async (name: string) =>
  await server.database.query<{ action: string; target: string; version: number; actor: string }>(
    `select e.action, e.target, (e.details ->> 'version')::integer as version, a.username as actor
      from audit_entry e join account a on a.id = e.actor_id where e.details ->> 'name' = $1 order by e.id`,
    [name],
  );

describe("a deployment", () => {
  it("of a new name makes a workflow with version 1", async () => {
    const source = flow("fresh");
    const answer = await deploy(source, { clientMutationId: "m-1" });
    expect(answer).toMatchObject({
      created: true,
      clientMutationId: "m-1",
      userErrors: [],
      workflow: { name: "fresh", project: { slug: "default" } },
      workflowVersion: { version: 1, source, createdBy: { type: "USER" } },
    });
    expect(answer.workflow.id).toMatch(/^wf_/);
    expect(answer.workflow.latestVersion.id).toBe(answer.workflowVersion.id);
    const {
      actor: { username },
    } = (await server.post({ query: "{ viewer { actor { username } } }" })).body.data.viewer;
    expect(await audit("fresh")).toEqual([
      { action: "deployWorkflow", target: answer.workflow.id, version: 1, actor: username },
    ]);
  });

  it("of the same source changes nothing and says so", async () => {
    const first = await deploy(flow("same"));
    expect(await deploy(flow("same"))).toEqual({ ...first, created: false });
    expect(await audit("same")).toHaveLength(1);
  });

  it("of another source makes the next version; an older source is another source again", async () => {
    const versions = [];
    for (const command of ["one", "two", "one"]) versions.push(await deploy(flow("changing", command)));
    expect(versions.map(({ created, workflowVersion: { version } }) => [created, version])).toEqual([
      [true, 1],
      [true, 2],
      [true, 3],
    ]);
    expect(new Set(versions.map(({ workflow }) => workflow.id)).size).toBe(1);
    expect(new Set(versions.map(({ workflowVersion }) => workflowVersion.id)).size).toBe(3);
    expect((await audit("changing")).map(({ version }) => version)).toEqual([1, 2, 3]);
  });

  it("may be written in JSON", async () => {
    const source = JSON.stringify({
      name: "json",
      stages: [{ name: "a", steps: [{ ref: "x", run: "true" }] }],
    });
    expect(await deploy(source)).toMatchObject({ created: true, workflow: { name: "json" } });
  });

  it("takes the project by id as well as by slug", async () => {
    const { project } = (await server.post({ query: `{ project(id: "default") { id } }` })).body.data;
    const bySlug = await deploy(flow("by-slug"));
    const byId = await deploy(flow("by-slug"), { projectId: project.id });
    expect(byId).toMatchObject({ created: false, workflow: { id: bySlug.workflow.id } });
  });

  it("to a project that does not exist is refused, also for who may do everything", async () => {
    for (const projectId of ["nowhere", "prj_00000000000000000000000000", "prj_broken", "wf_1", ""]) {
      const answer = await expectNothingWritten(
        server.database,
        async () => await deploy(flow("lost"), { projectId }),
      );
      expect(answer).toMatchObject({
        workflow: null,
        workflowVersion: null,
        created: null,
        userErrors: [{ __typename: "NotFound", code: "NOT_FOUND", path: "input.projectId" }],
      });
    }
  });
});

/** Each fault stands on a line of its own, so that a wrong line is seen. */
const FAULTY = `name: faulty
stages:
  - name: build
    steps:
      - ref: first
        run: "true"
        needs: [second]
      - ref: second
        run: "true"
        needs:
          - first
      - ref: third
        run: "true"
        timeout: 10 minutes
      - ref: third
        run: "true"
      - ref: fourth
        run: "true"
        needs: [fith]
`;

describe("a faulty file", () => {
  it("is answered with all of its faults at once, each with line and column, and nothing is written", async () => {
    const answer = await expectNothingWritten(
      server.database,
      async () => await deploy(FAULTY, { clientMutationId: "m" }),
    );
    expect(answer).toMatchObject({
      created: null,
      workflow: null,
      workflowVersion: null,
      clientMutationId: "m",
    });
    const [{ faults, ...error }, ...others] = answer.userErrors;
    expect(others).toEqual([]);
    expect(error).toMatchObject({
      __typename: "ValidationFailed",
      code: "VALIDATION_FAILED",
      path: "input.source",
    });
    const at = Object.fromEntries(
      faults.map(({ message, line, column }: { message: string; line: number; column: number }) => [
        `${line}:${column}`,
        message,
      ]),
    );
    expect(at).toEqual({
      "7:17": expect.stringMatching(/cycle.*first.*second|cycle.*second.*first/s),
      "14:18": expect.stringMatching(/duration/),
      "15:14": expect.stringMatching(/third.*(twice|already|duplicate)/),
      "19:17": expect.stringMatching(/fith/),
    });
  });

  it.each([
    ["no YAML", "name: [", /./],
    ["an empty file", "", /./],
    ["a NUL character", "name: a\0b", /./],
    ["a file that is a list", "- name: x", /./],
    ["an alias bomb", `a: &a [x, x]\nb: &b [*a, *a]\nname: [*b, *b]`, /./],
  ])("%s is refused as a fault of the file", async (_what, source, message) => {
    const answer = await expectNothingWritten(server.database, async () => await deploy(source));
    expect(answer.userErrors).toMatchObject([{ __typename: "ValidationFailed" }]);
    expect(answer.userErrors[0].faults.length).toBeGreaterThan(0);
    expect(answer.userErrors[0].faults[0].message).toMatch(message);
  });
});

describe("deployments at the same time", () => {
  it("of one workflow get versions one after the other", async () => {
    const answers = await Promise.all(
      Array.from({ length: 12 }, async (_, i) => await deploy(flow("contended", `echo ${i}`))),
    );
    const versions = answers.map(({ workflowVersion }) => workflowVersion.version).sort((a, b) => a - b);
    expect(versions).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
    expect(new Set(answers.map(({ workflow }) => workflow.id)).size).toBe(1);
    const [stored] = await server.database.query(
      `select latest_version, (select count(*)::integer from workflow_version v where v.workflow_id = w.id) as versions,
        (select count(*)::integer from workflow_step s join workflow_version v on v.id = s.version_id where v.workflow_id = w.id) as steps
        from workflow w where name = 'contended'`,
    );
    expect(stored).toEqual({ latest_version: 12, versions: 12, steps: 12 });
    expect(await audit("contended")).toHaveLength(12);
  });

  it("of one source make one version", async () => {
    const answers = await Promise.all(Array.from({ length: 12 }, async () => await deploy(flow("agreed"))));
    expect(answers.filter(({ created }) => created)).toHaveLength(1);
    expect(new Set(answers.map(({ workflowVersion }) => workflowVersion.id)).size).toBe(1);
    expect(await audit("agreed")).toHaveLength(1);
  });
});
