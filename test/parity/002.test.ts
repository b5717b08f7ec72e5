/**
 * The team workflow service of reference 002. Its words here: team -> project, a queued run -> PENDING (made with
 * `start: MANUAL`), withTasks -> whether `stepRuns` is selected, labels `key=value` -> conditions, workflows ->
 * workflowIds, workflowruns -> ids, triggers -> trigger, fromDate and toDate (milliseconds) -> created {gte lt} (ISO),
 * limit and page -> first and offset, order -> orderBy on CREATED_AT, PageWorkflowRun -> a connection.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Answer, type Fields, RunningSystem, stagesOf, stepRef, TERMINAL } from "./running-system.ts";
import { isAlive } from "./scene.ts";

let system: RunningSystem;
beforeAll(async () => {
  system = await RunningSystem.start();
});
afterAll(async () => await system[Symbol.asyncDispose]());

describe("one run", () => {
  it("002: start", async () => {
    const scene = system.scene();
    const { id } = await system.begin([[scene.step("a")]], { start: "MANUAL" });
    expect(await system.run(id)).toMatchObject({
      status: "PENDING",
      phase: "PENDING",
      steps: { a: { attempt: 0 } },
    });
    expect((await system.ended((await system.begin([[scene.step("witness")]])).id)).status).toBe("SUCCEEDED");
    expect(scene.executions()).toEqual(["witness"]);
    await system.act("startWorkflowRun", { workflowRunId: id });
    expect((await system.ended(id)).status).toBe("SUCCEEDED");
    expect(scene.executions()).toEqual(["witness", "a"]);
    const again = await system.refused("startWorkflowRun", { workflowRunId: id });
    expect(again).toMatchObject({ __typename: "InvalidState", current: "SUCCEEDED", allowed: ["PENDING"] });
    expect(scene.count("a")).toBe(1);
  });

  it("002: start, with a body", async () => {
    const scene = system.scene();
    const told = `echo "$WHO $TIMES $COLOR $SHADE $RUNCAST_DEBUG" >> ${scene.path("told")}; exit 1`;
    const inputs = { who: { type: "string", default: "nobody" }, times: { type: "number", default: 1 } };
    const definition = { inputs, env: { COLOR: "red" }, stages: stagesOf([[scene.step("a", told)]]) };
    const made = { start: "MANUAL", inputs: { times: 4 }, labels: { kept: "no" }, message: "first" };
    const { id } = await system.trigger(await system.deploy(definition), made);
    const wrong = { workflowRunId: id, inputs: { unknown: 1 } };
    expect(await system.refused("startWorkflowRun", wrong)).toMatchObject({ __typename: "ValidationFailed" });
    const envVars = [
      { key: "COLOR", value: "blue" },
      { key: "SHADE", value: "dark-${COLOR}" },
    ];
    const body = {
      inputs: { who: "ada" },
      envVars,
      labels: { ticket: "7" },
      annotations: { why: "asked for" },
      message: "second",
      timeoutMs: 90_000,
      stepRetries: 1,
      debug: true,
    };
    await system.act("startWorkflowRun", { workflowRunId: id, ...body });
    const query = `query ($id: ID!) { workflowRun(id: $id) { inputs envVars { key value } labels annotations message
      timeoutMs stepRetries debug createdAt queuedAt expiresAt } }`;
    const run = await system.ask(query, { id });
    expect(run).toMatchObject({ ...body, inputs: { who: "ada", times: 4 } });
    // The time for it counts from its start, not from when it was made.
    const allowed = Date.parse(run.expiresAt) - Date.parse(run.queuedAt);
    expect(allowed).toBeGreaterThanOrEqual(90_000);
    expect(allowed).toBeLessThan(91_000);
    expect((await system.ended(id)).steps.a).toMatchObject({ status: "FAILED", attempt: 2 });
    expect(scene.lines("told")).toEqual(["ada 4 blue dark-blue true", "ada 4 blue dark-blue true"]);
  });

  it("002: cancel", async () => {
    const scene = system.scene();
    const queued = await system.begin([[scene.step("a")]], { start: "MANUAL" });
    const canceled = await system.act("cancelWorkflowRun", { workflowRunId: queued.id });
    expect(canceled).toMatchObject({ id: queued.id, status: "CANCELED", phase: "COMPLETED" });
    const late = await system.refused("startWorkflowRun", { workflowRunId: queued.id });
    expect(late).toMatchObject({ __typename: "InvalidState", current: "CANCELED" });

    const { id } = await system.begin([[scene.heldStep("held")], [scene.step("later")]]);
    const processes = await system.processes(scene, id, "held");
    await system.act("cancelWorkflowRun", { workflowRunId: id, mode: "FORCE" });
    expect((await system.ended(id)).status).toBe("CANCELED");
    expect(processes.filter(isAlive)).toEqual([]);
    expect(scene.executions()).toEqual(["held"]);
  });

  it("002: finalize", async () => {
    const scene = system.scene();
    const { id } = await system.begin([[scene.step("bad", "exit 1")], [scene.step("after")]]);
    await system.ended(id);
    const sealed = await system.act("finalizeWorkflowRun", { workflowRunId: id });
    expect(sealed).toMatchObject({ id, status: "FAILED", phase: "FINALIZED" });
    expect(sealed.finalizedAt).toEqual(expect.any(String));
    const events = await system.events(id);
    const reopening: readonly [string, Fields][] = [
      ["retryStepRun", {}],
      ["replayStepRunSubtree", {}],
      ["skipStepRun", {}],
      ["forceCompleteStepRun", {}],
    ];
    for (const [name, more] of reopening) {
      const refusal = await system.refused(name, { ...stepRef(id, "bad"), ...more });
      expect({ name, ...refusal }).toMatchObject({ name, __typename: "InvalidState", current: "FINALIZED" });
    }
    const again = await system.act("finalizeWorkflowRun", { workflowRunId: id });
    expect(again.finalizedAt).toBe(sealed.finalizedAt);
    expect(await system.events(id)).toEqual(events);
    expect(scene.executions()).toEqual(["bad"]);
  });

  it("002: finalize, of a run that has not ended", async () => {
    const scene = system.scene();
    const { id } = await system.begin([[scene.heldStep("held")]]);
    const processes = await system.processes(scene, id, "held");
    const early = await system.refused("finalizeWorkflowRun", { workflowRunId: id });
    expect(early).toMatchObject({ __typename: "InvalidState", current: "RUNNING", allowed: TERMINAL });
    expect(processes.every(isAlive)).toBe(true);
    await system.act("finalizeWorkflowRun", { workflowRunId: id, force: true });
    const run = await system.until(id, "seal", ({ finalizedAt }) => finalizedAt !== null);
    expect(run).toMatchObject({ status: "CANCELED", phase: "FINALIZED" });
    expect(processes.filter(isAlive)).toEqual([]);
    expect(await system.refused("retryStepRun", stepRef(id, "held"))).toMatchObject({ current: "FINALIZED" });
  });

  it("002: retry, with a body", async () => {
    const scene = system.scene();
    const told = `echo "$WHO $LEVEL $MORE" >> ${scene.path("told")}`;
    const definition = {
      inputs: { who: { type: "string", default: "ada" } },
      stages: stagesOf([[scene.step("a", told)]]),
    };
    const first = await system.trigger(await system.deploy(definition), {
      envVars: [{ key: "LEVEL", value: "low" }],
      labels: { kept: "yes", changed: "no" },
      message: "first",
    });
    await system.ended(first.id);
    const body = {
      inputs: { who: "grace" },
      envVars: [
        { key: "LEVEL", value: "high" },
        { key: "MORE", value: "${LEVEL}er" },
      ],
      labels: { changed: "yes" },
      message: "second",
      timeoutMs: 60_000,
    };
    const { id } = await system.act("retryWorkflowRun", { workflowRunId: first.id, mode: "ALL", ...body });
    expect(await system.ended(id)).toMatchObject({ status: "SUCCEEDED", retryOf: { id: first.id } });
    expect(scene.lines("told").at(-1)).toBe("grace high higher");
    const query =
      "query ($id: ID!) { workflowRun(id: $id) { inputs envVars { key value } labels message timeoutMs } }";
    // Variables of the new run come after those it had, and the last of a name wins.
    expect(await system.ask(query, { id })).toEqual({
      ...body,
      envVars: [{ key: "LEVEL", value: "low" }, ...body.envVars],
      labels: { kept: "yes", changed: "yes" },
    });
    expect((await system.ask(query, { id: first.id })).message).toBe("first");
  });

  it("002: get, with or without tasks", async () => {
    const scene = system.scene();
    const { id } = await system.begin([[scene.step("a")], [scene.step("b")]]);
    await system.ended(id);
    const get =
      "query ($id: ID!, $with: Boolean!) { workflowRun(id: $id) { id status stepRuns @include(if: $with) { nodes { stepRef status } } } }";
    expect(await system.ask(get, { id, with: false })).toEqual({ id, status: "SUCCEEDED" });
    expect((await system.ask(get, { id, with: true })).stepRuns.nodes).toEqual([
      { stepRef: "a", status: "SUCCEEDED" },
      { stepRef: "b", status: "SUCCEEDED" },
    ]);
  });
});

describe("many runs", () => {
  const LIST = `query ($project: ID!, $filter: WorkflowRunFilter, $first: Int, $offset: Int, $orderBy: WorkflowRunOrder) {
    workflowRuns(projectId: $project, filter: $filter, first: $first, offset: $offset, orderBy: $orderBy) {
      nodes { id createdAt } totalCount { value exact } pageInfo { hasNextPage hasPreviousPage } } }`;
  const COUNT = `query ($project: ID!, $filter: WorkflowRunFilter) {
    workflowRunCounts(projectId: $project, filter: $filter, groupBy: { by: STATUS }) { total groups { key count } } }`;
  const project = "team-of-002";
  /** Newest last; each with a name to speak of it. */
  const runs: { name: string; id: string; at: string }[] = [];
  let one: string;
  let two: string;

  beforeAll(async () => {
    await system.server.tokenWith(project, "PROJECT_ADMIN");
    const scene = system.scene();
    const code = { inputs: { code: { type: "string", default: "0" } } };
    one = await system.deploy({ ...code, stages: stagesOf([[scene.step("a", 'exit "$CODE"')]]) }, project);
    two = await system.deploy({ stages: stagesOf([[{ ref: "ask", type: "approval" }]]) }, project);
    const add = async (name: string, workflow: string, input: Fields = {}) => {
      const { id } = await system.trigger(workflow, input);
      const { createdAt: at } = await system.ask("query ($id: ID!) { workflowRun(id: $id) { createdAt } }", {
        id,
      });
      runs.push({ name, id, at });
      return id;
    };
    const organization = { Organization: "Boomerang", customKey: "test" };
    await system.ended(await add("fine", one, { labels: organization }));
    await system.ended(await add("broken", one, { inputs: { code: "2" }, labels: { customKey: "test" } }));
    await system.inStatus(await add("waiting", two, { labels: { Organization: "other" } }), "WAITING");
    await add("queued", two, { start: "MANUAL", labels: organization });
    const sealed = await add("sealed", one, { labels: { Organization: "Boomerang" } });
    await system.ended(sealed);
    await system.act("finalizeWorkflowRun", { workflowRunId: sealed });
    const again = await system.act("retryWorkflowRun", { workflowRunId: sealed, mode: "ALL" });
    await system.ended(again.id);
    const { createdAt } = await system.ask("query ($id: ID!) { workflowRun(id: $id) { createdAt } }", {
      id: again.id,
    });
    runs.push({ name: "again", id: again.id, at: createdAt });
  });

  const at = (name: string) => runs.find((run) => run.name === name)!.at;
  const idOf = (name: string) => runs.find((run) => run.name === name)!.id;
  const found = async (filter: Fields, more: Fields = {}): Promise<string[]> => {
    const { nodes } = await system.ask(LIST, { project, filter, ...more });
    return nodes.map(({ id }: Answer) => runs.find((run) => run.id === id)!.name);
  };
  const ASC = { orderBy: { field: "CREATED_AT", direction: "ASC" } };
  const DESC = { orderBy: { field: "CREATED_AT", direction: "DESC" } };
  const NAMES = ["fine", "broken", "waiting", "queued", "sealed", "again"];
  const label = (key: string, value: string) => ({ key, values: [value] });

  it("002: count by status", async () => {
    const { total, groups } = await system.ask(COUNT, { project });
    expect(total).toBe(6);
    const counts = Object.fromEntries(groups.map(({ key, count }: Answer) => [key, count]));
    const none = { QUEUED: 0, RUNNING: 0, PAUSED: 0, CANCELING: 0, TIMED_OUT: 0, CANCELED: 0, SKIPPED: 0 };
    expect(counts).toEqual({ ...none, PENDING: 1, WAITING: 1, SUCCEEDED: 3, FAILED: 1 });
  });

  it("002: count by status, of labels, workflows and dates", async () => {
    const counted = async (filter: Fields) => {
      const { total, groups } = await system.ask(COUNT, { project, filter });
      const some = groups
        .filter(({ count }: Answer) => count > 0)
        .map(({ key, count }: Answer) => `${key} ${count}`);
      expect(groups).toHaveLength(11);
      return [total, some.sort()];
    };
    const both = [label("Organization", "Boomerang"), label("customKey", "test")];
    expect(await counted({ labels: both })).toEqual([2, ["PENDING 1", "SUCCEEDED 1"]]);
    expect(await counted({ labels: both.slice(0, 1) })).toEqual([4, ["PENDING 1", "SUCCEEDED 3"]]);
    expect(await counted({ labels: both.slice(1) })).toEqual([3, ["FAILED 1", "PENDING 1", "SUCCEEDED 1"]]);
    expect(await counted({ workflowIds: [two] })).toEqual([2, ["PENDING 1", "WAITING 1"]]);
    // Ids are not validated: an unknown workflow has no runs.
    const unknown = two.replace(/.{4}$/, "0000");
    expect(await counted({ workflowIds: [two, unknown] })).toEqual([2, ["PENDING 1", "WAITING 1"]]);
    expect(await counted({ workflowIds: [unknown] })).toEqual([0, []]);
    expect(await counted({ created: { gte: at("broken"), lt: at("queued") } })).toEqual([
      2,
      ["FAILED 1", "WAITING 1"],
    ]);
    const all = { labels: both, workflowIds: [one, two], created: { gte: at("waiting") } };
    expect(await counted(all)).toEqual([1, ["PENDING 1"]]);
  });

  it("002: query, page by page in both orders", async () => {
    const pages = async (order: Fields) => {
      const names: string[][] = [];
      for (let page = 0; page < 3; page++) {
        const answer = await system.ask(LIST, { project, first: 2, offset: 2 * page, ...order });
        expect(answer.totalCount).toEqual({ value: 6, exact: true });
        expect(answer.pageInfo).toEqual({ hasNextPage: page < 2, hasPreviousPage: page > 0 });
        names.push(answer.nodes.map(({ id }: Answer) => runs.find((run) => run.id === id)!.name));
      }
      return names;
    };
    expect(await pages(ASC)).toEqual([NAMES.slice(0, 2), NAMES.slice(2, 4), NAMES.slice(4)]);
    const newest = [...NAMES].reverse();
    expect(await pages(DESC)).toEqual([newest.slice(0, 2), newest.slice(2, 4), newest.slice(4)]);
    expect((await system.ask(LIST, { project, first: 2, offset: 6 })).nodes).toEqual([]);
    const orders = await system.ask(LIST, { project, ...ASC });
    const times = orders.nodes.map(({ createdAt }: Answer) => Date.parse(createdAt));
    expect(times).toEqual([...times].sort((a, b) => a - b));
  });

  it("002: query, every parameter", async () => {
    expect(await found({ status: ["SUCCEEDED", "SKIPPED"] }, ASC)).toEqual(["fine", "sealed", "again"]);
    expect(await found({ status: null }, ASC)).toEqual(NAMES);
    expect(await found({ phase: ["COMPLETED", "FINALIZED"] }, ASC)).toEqual([
      "fine",
      "broken",
      "sealed",
      "again",
    ]);
    expect(await found({ phase: ["FINALIZED"] })).toEqual(["sealed"]);
    expect(await found({ phase: ["PENDING"] })).toEqual(["queued"]);
    expect(await found({ phase: ["RUNNING"] })).toEqual(["waiting"]);
    const ids = [idOf("queued"), idOf("fine"), idOf("fine").replace(/.{4}$/, "0000")];
    expect(await found({ ids }, ASC)).toEqual(["fine", "queued"]);
    expect(await found({ workflowIds: [one] }, ASC)).toEqual(["fine", "broken", "sealed", "again"]);
    expect(await found({ trigger: ["RETRY"] })).toEqual(["again"]);
    expect(await found({ trigger: ["MANUAL"] }, ASC)).toEqual(NAMES.slice(0, 5));
    expect(await found({ labels: [label("customKey", "test")] }, ASC)).toEqual(["fine", "broken", "queued"]);
    const span = { gte: at("broken"), lt: at("sealed") };
    expect(await found({ created: span }, DESC)).toEqual(["queued", "waiting", "broken"]);
  });

  it("002: query, all parameters at once", async () => {
    const filter = {
      status: ["SUCCEEDED", "PENDING", "FAILED"],
      phase: ["COMPLETED", "PENDING"],
      ids: ["fine", "broken", "queued", "again"].map(idOf),
      workflowIds: [one, two],
      trigger: ["MANUAL"],
      labels: [label("customKey", "test")],
      created: { gte: at("fine"), lt: at("sealed") },
    };
    expect(await found(filter, { ...ASC, first: 10, offset: 0 })).toEqual(["fine", "broken", "queued"]);
    expect(await found(filter, { ...ASC, first: 1, offset: 1 })).toEqual(["broken"]);
    expect(await found({ ...filter, created: { ...filter.created, gte: at("broken") } }, ASC)).toEqual([
      "broken",
      "queued",
    ]);
  });

  it("002: x-access-token or bearer", async () => {
    const token = await system.server.tokenWith(project, "PROJECT_USER");
    const body = { query: LIST, variables: { project, first: 1 } };
    const headers: readonly Record<string, string>[] = [
      { "x-access-token": token },
      { authorization: `Bearer ${token}` },
    ];
    for (const given of headers) {
      const answer = await system.server.post(body, { token: null, headers: given });
      expect(answer).toMatchObject({
        status: 200,
        body: { data: { workflowRuns: { totalCount: { value: 6 } } } },
      });
    }
    const wrong = `${token.slice(0, -4)}AAAA`;
    const refused: readonly Record<string, string>[] = [
      {},
      { "x-access-token": wrong },
      { authorization: `Bearer ${wrong}` },
    ];
    for (const given of refused) {
      expect((await system.server.post(body, { token: null, headers: given })).status).toBe(401);
    }
  });

  it("002: team scope", async () => {
    const token = await system.server.tokenWith("another-team", "PROJECT_ADMIN");
    expect(await system.trouble(LIST, { project }, token)).toMatchObject({ code: "NOT_FOUND" });
    expect(await system.trouble(COUNT, { project }, token)).toMatchObject({ code: "NOT_FOUND" });
    const elsewhere = { project: "another-team", filter: { ids: runs.map(({ id }) => id) } };
    expect((await system.ask(LIST, elsewhere, token)).nodes).toEqual([]);
    expect((await system.ask(COUNT, elsewhere, token)).total).toBe(0);
    const queued = { workflowRunId: idOf("queued") };
    for (const name of ["startWorkflowRun", "cancelWorkflowRun", "finalizeWorkflowRun", "retryWorkflowRun"]) {
      expect((await system.refused(name, queued, undefined, token)).__typename).toBe("NotFound");
    }
    expect((await system.run(idOf("queued"))).status).toBe("PENDING");
  });
});
