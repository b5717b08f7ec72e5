import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Subscription } from "../api/sockets.ts";
import { type Answer, RunningSystem } from "../parity/running-system.ts";
import { waitFor } from "../support/wait-for.ts";
import { scaled } from "./scale.ts";

const TESTS = scaled(2_000);
const FAILING = 20;
const PATIENCE = { timeoutMs: 600_000 };

const STATUSES = `subscription ($id: ID!) { runEvents(workflowRunId: $id, after: { at: START }, until: DELETED,
  types: [RunStatusChanged, RunReopened, RunFinished]) { __typename cursor ... on RunStatusChanged { runStatus }
  ... on RunFinished { success } } }`;
const TEST_RUNS = `query ($id: ID!, $filter: TestRunFilter, $after: String) { node(id: $id) { ... on StepRun {
  testRuns(filter: $filter, first: 100, after: $after) { nodes { id key status attempt regression }
    pageInfo { hasNextPage endCursor } } } } }`;

let system: RunningSystem;

beforeAll(async () => {
  system = await RunningSystem.start();
});
afterAll(async () => await system[Symbol.asyncDispose]());

it(`${TESTS} tests: the run's result follows reruns and reviews live`, async () => {
  const scene = system.scene();
  const mended = scene.path("mended-");
  const workflowId = await system.deploy({
    stages: [
      {
        name: "check",
        steps: [
          {
            ref: "regression",
            type: "test",
            test: {
              discover: `seq -f 'test-%04g' 1 ${TESTS}`,
              run: `n=\${RUNCAST_TEST_ID#test-}; [ "$n" -gt ${FAILING} ] || [ -e "${mended}$RUNCAST_TEST_ID" ]`,
              parallel: 8,
            },
          },
        ],
      },
    ],
  });
  const { id } = await system.trigger(workflowId);
  await using watched = new Subscription(system.server.url, system.server.adminToken, STATUSES, { id });
  const story = () =>
    watched.messages
      .filter(({ __typename }) => __typename !== "CaughtUp")
      .map(({ __typename, runStatus }) => runStatus ?? __typename);
  /** What the subscriber has been told since the last look, once it ends like that. */
  let told = 0;
  const nextChapter = async (...ending: string[]): Promise<string[]> => {
    const chapter = await waitFor(
      `the events ${ending}`,
      () => {
        const news = story().slice(told);
        return news.slice(-ending.length).join() === ending.join() && news;
      },
      PATIENCE,
    );
    told += chapter.length;
    return chapter;
  };

  await nextChapter("FAILED", "RunFinished");
  const step = (await system.run(id)).steps["regression"];
  expect(step.statusReason.code).toBe("GATE");
  const failing = await testsOf(step.id, { status: ["FAILED"] });
  expect(failing.map(({ key }) => key)).toEqual(
    Array.from({ length: FAILING }, (_, i) => `test-${String(i + 1).padStart(4, "0")}`),
  );
  expect(await testsOf(step.id, { status: ["PASSED"] })).toHaveLength(TESTS - FAILING);

  // One is rerun to green: the run goes on, and fails because of the others.
  const [flaky, ...rest] = failing as [Answer, ...Answer[]];
  writeFileSync(`${mended}${flaky.key}`, "");
  await rerun([flaky.id]);
  const rerunning = await nextChapter("FAILED", "RunFinished");
  expect(rerunning[0]).toBe("RunReopened");
  expect(rerunning).toContain("RUNNING");
  expect(await testsOf(step.id, { status: ["FAILED"] })).toHaveLength(FAILING - 1);

  // Approvals are an opinion: nothing changes. Waivers open the gate.
  await review(rest.slice(0, 18), "APPROVED");
  expect((await system.run(id)).status).toBe("FAILED");
  expect(story().slice(told)).toEqual([]);
  await review(rest, "WAIVED");
  expect(await nextChapter("SUCCEEDED", "RunFinished")).toEqual(["RunReopened", "SUCCEEDED", "RunFinished"]);

  const flakyOnes = await system.ask("query ($id: ID!) { flakyTests(workflowId: $id, first: 10) { key } }", {
    id: workflowId,
  });
  expect(flakyOnes).toEqual([{ key: flaky.key }]);
  const [again] = await testsOf(step.id, { search: flaky.key });
  expect(again).toMatchObject({ status: "PASSED", attempt: 2, regression: "FLAKY" });
}, 900_000);

async function testsOf(stepRunId: string, filter: object): Promise<Answer[]> {
  const found: Answer[] = [];
  for (let after: string | null = null; ; ) {
    const { testRuns } = await system.ask(TEST_RUNS, { id: stepRunId, filter, after });
    found.push(...testRuns.nodes);
    if (!testRuns.pageInfo.hasNextPage) return found;
    after = testRuns.pageInfo.endCursor;
  }
}

async function rerun(ids: readonly string[]): Promise<void> {
  await system.act("rerunTestRuns", { tests: { ids } }, "clientMutationId");
}

async function review(tests: readonly Answer[], status: string): Promise<void> {
  const ids = tests.map(({ id }) => id);
  await system.act("reviewTestRuns", { tests: { ids }, status, comment: "seen" }, "clientMutationId");
}
