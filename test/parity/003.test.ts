/**
 * The CI runs of reference 003. Its words here: pipeline -> workflow, application -> project, commitHash -> commit, user
 * -> createdBy (userId -> username, avatar -> avatarUrl), step -> stepRef and name, limit and skip -> first and offset,
 * sort -> orderBy on CREATED_AT, author -> createdBy, sourceRun -> sourceRunId, abort -> cancelWorkflowRun;
 * notstarted -> PENDING or QUEUED, started and running -> RUNNING, finished -> the terminal statuses.
 */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeToken } from "../api/accounts.ts";
import { type Answer, type Fields, RunningSystem, stagesOf, TERMINAL } from "./running-system.ts";
import { isAlive } from "./scene.ts";

const PUBLIC_URL = "https://runcast.example";
const RUN = `id url branch commit createdAt envVars { key value } finishedAt message commits { sha message author at }
  progress result startedAt status createdBy { username name type avatarUrl } workflow { id name createdAt }`;
const GET = `query ($id: ID!) { workflowRun(id: $id) { ${RUN} } }`;
const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);

let system: RunningSystem;
/** Of the user who makes the runs. */
let token: string;
beforeAll(async () => {
  system = await RunningSystem.start({ publicUrl: PUBLIC_URL });
  const user = { username: "tonnu", name: "Toon", avatarUrl: "https://avatars.example/bb95.png" };
  const { account } = await system.act("createUser", user, "account { id }");
  await system.act("createProject", { slug: "ci", name: "CI" }, "project { id }");
  for (const projectId of ["default", "ci"]) {
    const member = { projectId, account: { id: account.id }, role: "PROJECT_SUPERUSER" };
    await system.act("setProjectMember", member, "member { role }");
  }
  // People get their first token from whoever operates the installation.
  token = await makeToken(system.server, { username: user.username });
});
afterAll(async () => await system[Symbol.asyncDispose]());

/** A repository with two commits on `trunk` and one more on `side`. */
class Repository {
  readonly folder: string;
  readonly url: string;

  constructor(folder: string) {
    this.folder = folder;
    this.url = pathToFileURL(folder).href;
    execFileSync("git", ["init", "--quiet", "-b", "trunk", folder]);
  }

  commit(text: string): string {
    writeFileSync(join(this.folder, "file"), `${text}\n`);
    this.git("add", ".");
    this.git("commit", "--quiet", "-m", text);
    return this.git("rev-parse", "HEAD");
  }

  git(...args: string[]): string {
    const person = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"];
    return execFileSync("git", [...person, "-C", this.folder, ...args], { encoding: "utf8" }).trim();
  }
}

describe("a run", () => {
  it("003: trigger, and what it answers", async () => {
    const envVars = [{ key: "SOME_VAR", value: "SOME VALUE" }];
    const scene = system.scene();
    const stages = stagesOf([[scene.step("a", `echo "$SOME_VAR" >> ${scene.path("told")}`)]]);
    const workflow = await system.deploy({ name: "initial-build", stages });
    const input = { workflowId: workflow, envVars, message: "My custom message!", start: "MANUAL" };
    const { workflowRun } = await system.act("triggerWorkflowRun", input, `workflowRun { ${RUN} }`, token);
    expect(workflowRun).toEqual({
      id: expect.stringMatching(/^run_/),
      url: `${PUBLIC_URL}/runs/${workflowRun.id}`,
      branch: null,
      commit: null,
      createdAt: TIME,
      envVars,
      finishedAt: null,
      message: "My custom message!",
      commits: [],
      progress: 0,
      result: "UNKNOWN",
      startedAt: null,
      status: "PENDING",
      createdBy: {
        username: "tonnu",
        name: "Toon",
        type: "USER",
        avatarUrl: "https://avatars.example/bb95.png",
      },
      workflow: { id: workflow, name: "initial-build", createdAt: TIME },
    });
    await system.act("startWorkflowRun", { workflowRunId: workflowRun.id });
    await system.ended(workflowRun.id);
    expect(scene.lines("told")).toEqual(["SOME VALUE"]);
  });

  it("003: trigger, environment variables in order, stronger than the workflow's", async () => {
    const scene = system.scene();
    const told = `echo "$A|$B|$C|$D|$E" >> ${scene.path("told")}`;
    const env = { A: "workflow", D: "workflow" };
    const step = scene.step("a", told, { env: { B: "step", E: "step" } });
    const envVars = [
      { key: "A", value: "first" },
      { key: "C", value: "${A}-seen" },
      { key: "B", value: "${C}-too" },
      { key: "A", value: "last" },
    ];
    const { id } = await system.begin([[step]], { envVars }, { env });
    expect((await system.ended(id)).status).toBe("SUCCEEDED");
    expect((await system.ask(GET, { id })).envVars).toEqual(envVars);
    expect(scene.lines("told")).toEqual(["last|first-seen-too|first-seen|workflow|step"]);
  });

  it("003: artifactsUrl of a step, and trigger with sourceRunId: its artifacts are there", async () => {
    const make = { ref: "make", run: "mkdir dist; echo built > dist/app", artifacts: ["dist/**"] };
    const source = await system.begin([[make]]);
    expect((await system.ended(source.id)).status).toBe("SUCCEEDED");
    const { stepRuns } = await system.ask(
      `query ($id: ID!) { workflowRun(id: $id) { stepRuns { nodes { artifactsArchiveUrl artifacts { nodes { path sizeBytes } } } } } }`,
      { id: source.id },
    );
    const [{ artifactsArchiveUrl, artifacts }] = stepRuns.nodes;
    expect(artifacts.nodes).toEqual([{ path: "dist/app", sizeBytes: 6 }]);
    // The address that people see is another one here.
    const archive = await fetch(artifactsArchiveUrl.replace(PUBLIC_URL, system.server.url));
    expect([archive.status, archive.headers.get("content-type")]).toEqual([200, "application/gzip"]);
    const use = { ref: "use", run: 'echo "app=$(cat dist/app)" >> "$RUNCAST_OUTPUT"' };
    const { id } = await system.begin([[use]], { sourceRunId: source.id });
    const run = await system.ended(id);
    expect([run.status, run.steps.use.output]).toEqual(["SUCCEEDED", { app: "built" }]);
  });

  it("003: trigger, branch, commitHash and message", async () => {
    const scene = system.scene();
    const repository = new Repository(scene.path("repository"));
    const old = repository.commit("Old");
    const trunk = repository.commit("Newest of trunk");
    repository.git("checkout", "--quiet", "-b", "side");
    const side = repository.commit("Newest of side");
    repository.git("checkout", "--quiet", "trunk");
    const stages = stagesOf([[scene.step("a", `cat file >> ${scene.path("seen")}`)]]);
    const workflow = await system.deploy({ source: { git: repository.url }, stages });
    const ran = async (input: Fields) => {
      const { id } = await system.trigger(workflow, input);
      expect((await system.ended(id)).status).toBe("SUCCEEDED");
      return await system.ask(GET, { id });
    };
    expect(await ran({})).toMatchObject({ branch: "trunk", commit: trunk, message: "Newest of trunk" });
    const onSide = await ran({ branch: "side" });
    expect(onSide).toMatchObject({ branch: "side", commit: side, message: "Newest of side" });
    const given = { branch: "trunk", commit: old, message: "mine" };
    expect(await ran(given)).toMatchObject(given);
    expect(scene.lines("seen")).toEqual(["Newest of trunk", "Newest of side", "Old"]);
    const refusal = await system.refused("triggerWorkflowRun", { workflowId: workflow, commit: old });
    expect(refusal).toMatchObject({ __typename: "ValidationFailed", faults: [{ path: "input.commit" }] });

    // Those since the branch's run before.
    const [one, two] = [repository.commit("One more"), repository.commit("Two more")];
    await ran({ branch: "trunk", commit: trunk });
    const later = await ran({ branch: "trunk" });
    expect(later.commits.map(({ sha }: Answer) => sha).sort()).toEqual([one, two].sort());
    expect(later.commits.find(({ sha }: Answer) => sha === two)).toEqual({
      sha: two,
      message: "Two more",
      author: expect.stringContaining("Ada"),
      at: TIME,
    });
  });

  // Its artifacts are handed over by a later version.
  it("003: trigger, from a source run", async () => {
    const scene = system.scene();
    const source = await system.begin([[scene.step("a")]]);
    await system.ended(source.id);
    const { id } = await system.begin([[scene.step("b")]], { sourceRunId: source.id });
    const query = "query ($id: ID!) { workflowRun(id: $id) { sourceRun { id } trigger { type } } }";
    expect(await system.ask(query, { id })).toEqual({
      sourceRun: { id: source.id },
      trigger: { type: "CHAIN" },
    });
    expect((await system.ended(id)).status).toBe("SUCCEEDED");
    const foreign = source.id.replace(/.{4}$/, "0000");
    const { workflow } = await system.ask(GET, { id });
    const refusal = await system.refused("triggerWorkflowRun", {
      workflowId: workflow.id,
      sourceRunId: foreign,
    });
    expect(refusal).toMatchObject({ __typename: "NotFound", path: "input.sourceRunId" });
  });

  it("003: get run, every field from start to end", async () => {
    const scene = system.scene();
    const { id } = await system.begin([[scene.step("a")], [scene.heldStep("b")]]);
    await system.processes(scene, id, "b");
    const running = await system.ask(GET, { id });
    expect(running).toMatchObject({ status: "RUNNING", result: "UNKNOWN", progress: 50, finishedAt: null });
    scene.open("b");
    await system.ended(id);
    const run = await system.ask(GET, { id });
    expect(run).toMatchObject({
      status: "SUCCEEDED",
      result: "PASSED",
      progress: 100,
      url: `${PUBLIC_URL}/runs/${id}`,
    });
    expect(run.startedAt).toBe(running.startedAt);
    const times = [run.createdAt, run.startedAt, run.finishedAt].map(Date.parse);
    expect(times).toEqual([...times].sort((one, other) => one - other));
    expect((await system.trouble(GET, { id: "run_nothing" })).code).toBe("NOT_FOUND");
  });

  it("003: get steps for run", async () => {
    const scene = system.scene();
    const steps = [scene.step("get-code", "echo got", { name: "get code" }), scene.step("setup", "exit 1")];
    const { id } = await system.begin([steps, [scene.step("never")]]);
    await system.ended(id);
    const query = `query ($id: ID!) { stepRuns(filter: { runIds: [$id] }) { nodes {
      id createdAt finishedAt order result startedAt status stepRef name } } }`;
    const { nodes } = await system.ask(query, { id });
    const [first, second, third] = [...nodes].sort((a: Answer, b: Answer) => a.order - b.order);
    const step = { id: expect.stringMatching(/^step_/), createdAt: TIME, finishedAt: TIME, startedAt: TIME };
    expect(first).toEqual({
      ...step,
      order: 0,
      result: "PASSED",
      status: "SUCCEEDED",
      stepRef: "get-code",
      name: "get code",
    });
    expect(second).toMatchObject({ ...step, order: 1, result: "FAILED", status: "FAILED", stepRef: "setup" });
    expect(third).toMatchObject({ order: 2, result: "UNKNOWN", status: "SKIPPED", startedAt: null });
    const inRun = "query ($id: ID!) { workflowRun(id: $id) { stepRuns { nodes { id } } } }";
    const ordered = (await system.ask(inRun, { id })).stepRuns.nodes.map((node: Answer) => node.id);
    expect(ordered).toEqual([first.id, second.id, third.id]);
  });

  it("003: abort run", async () => {
    const scene = system.scene();
    const { id } = await system.begin([[scene.step("a")], [scene.heldStep("b")], [scene.step("c")]]);
    const processes = await system.processes(scene, id, "b");
    await system.act("cancelWorkflowRun", { workflowRunId: id }, undefined, token);
    await system.ended(id);
    expect(processes.filter(isAlive)).toEqual([]);
    expect(await system.ask(GET, { id })).toMatchObject({
      id,
      status: "CANCELED",
      result: "ABORTED",
      progress: expect.any(Number),
      finishedAt: TIME,
    });
    expect(scene.executions()).toEqual(["a", "b"]);
  });
});

describe("many runs", () => {
  const LIST = `query ($filter: WorkflowRunFilter, $first: Int, $offset: Int, $orderBy: WorkflowRunOrder) {
    workflowRuns(projectId: "ci", filter: $filter, first: $first, offset: $offset, orderBy: $orderBy) {
      nodes { id status result url branch commit createdAt finishedAt startedAt message progress
        createdBy { username name type avatarUrl } workflow { id name createdAt } } } }`;
  const names = new Map<string, string>();
  const ids = new Map<string, string>();
  const commit = "cd74a9994712960f19b4b563491f860f98fa7bb5";
  let passing: string;

  beforeAll(async () => {
    const other = await system.server.tokenWith("ci", "PROJECT_SUPERUSER");
    const scene = system.scene();
    passing = await system.deploy({ name: "pass", stages: stagesOf([[scene.step("a")]]) }, "ci");
    const failing = await system.deploy({ stages: stagesOf([[scene.step("a", "exit 1")]]) }, "ci");
    const held = await system.deploy(
      { stages: stagesOf([[{ ref: "ask", type: "delay", duration: "1h" }]]) },
      "ci",
    );
    const add = async (name: string, workflow: string, input: Fields, by = token) => {
      const { id } = await system.trigger(workflow, input, by);
      names.set(id, name);
      ids.set(name, id);
      return id;
    };
    await system.ended(await add("passed", passing, { branch: "master", commit }));
    await system.ended(await add("failed", failing, { branch: "master", commit: "a".repeat(40) }));
    await add("notstarted", passing, { start: "MANUAL", branch: "feature/x" });
    const aborted = await add("aborted", held, {}, other);
    await system.act("cancelWorkflowRun", { workflowRunId: aborted });
    await system.ended(await add("chained", passing, { sourceRunId: ids.get("passed") }, other));
  });

  const found = async (filter: Fields, more: Fields = {}): Promise<(string | undefined)[]> =>
    (await system.ask(LIST, { filter, ...more })).nodes.map(({ id }: Answer) => names.get(id));
  const NEWEST_FIRST = ["chained", "aborted", "notstarted", "failed", "passed"];

  it("003: list, sorted, limited and skipping", async () => {
    expect(await found({})).toEqual(NEWEST_FIRST);
    const ascending = { orderBy: { field: "CREATED_AT", direction: "ASC" } };
    expect(await found({}, ascending)).toEqual([...NEWEST_FIRST].reverse());
    expect(await found({}, { first: 2, offset: 1 })).toEqual(["aborted", "notstarted"]);
    expect(await found({}, { first: 20, offset: 4 })).toEqual(["passed"]);
    expect(await found({}, { first: 2, offset: 1, ...ascending })).toEqual(["failed", "notstarted"]);
  });

  it("003: list, every parameter", async () => {
    expect(await found({ status: ["PENDING", "QUEUED"] })).toEqual(["notstarted"]);
    expect(await found({ status: TERMINAL })).toEqual(["chained", "aborted", "failed", "passed"]);
    expect(await found({ status: ["RUNNING"] })).toEqual([]);
    expect(await found({ result: ["ABORTED"] })).toEqual(["aborted"]);
    expect(await found({ result: ["UNKNOWN"] })).toEqual(["notstarted"]);
    expect(await found({ result: ["PASSED"] })).toEqual(["chained", "passed"]);
    expect(await found({ result: ["FAILED"] })).toEqual(["failed"]);
    expect(await found({ branch: "master" })).toEqual(["failed", "passed"]);
    expect(await found({ branch: "feature/x" })).toEqual(["notstarted"]);
    expect(await found({ workflowIds: [passing] })).toEqual(["chained", "notstarted", "passed"]);
    expect(await found({ commit })).toEqual(["passed"]);
    expect(await found({ commit: commit.slice(0, 7) })).toEqual(["passed"]);
    expect(await found({ sourceRunId: ids.get("passed") })).toEqual(["chained"]);
    expect(await found({ createdBy: "tonnu" })).toEqual(["notstarted", "failed", "passed"]);
    expect(await found({ createdBy: "nobody" })).toEqual([]);
    const all = { status: TERMINAL, result: ["PASSED"], branch: "master", commit, createdBy: "tonnu" };
    expect(await found({ ...all, workflowIds: [passing] }, { first: 20, offset: 0 })).toEqual(["passed"]);
  });

  it("003: list, every field", async () => {
    const filter = { ids: [ids.get("passed")] };
    const { nodes } = await system.ask(LIST, { filter });
    expect(nodes).toEqual([
      {
        id: ids.get("passed"),
        status: "SUCCEEDED",
        result: "PASSED",
        url: `${PUBLIC_URL}/runs/${ids.get("passed")}`,
        branch: "master",
        commit,
        createdAt: TIME,
        finishedAt: TIME,
        startedAt: TIME,
        message: null,
        progress: 100,
        createdBy: {
          username: "tonnu",
          name: "Toon",
          type: "USER",
          avatarUrl: "https://avatars.example/bb95.png",
        },
        workflow: { id: passing, name: "pass", createdAt: TIME },
      },
    ]);
  });
});
