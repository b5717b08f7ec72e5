import { existsSync, readFileSync } from "node:fs";
import { buildSchema, parse, validate } from "graphql";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestServer, type TestServer } from "../support/server.ts";

const CHROMIUM = process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium";
const PAGE = new URL("../../dist/web/graphiql/index.html", import.meta.url);
const missing = [
  ...(existsSync(CHROMIUM) ? [] : [`no Chromium at ${CHROMIUM} (set CHROMIUM_PATH)`]),
  ...(existsSync(PAGE) ? [] : ["the page is not built (npm run build)"]),
];
if (missing.length > 0) console.warn(`\n!!! THE BROWSER TESTS ARE SKIPPED: ${missing.join("; ")}\n`);

/** No address but the server's is asked for. */
const QUIET = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
];

describe("the welcome text", () => {
  it("holds operations that the API has", () => {
    const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");
    const schema = buildSchema(read("../../schema/schema.graphql"));
    expect(validate(schema, parse(read("../../web/graphiql/welcome.graphql")))).toEqual([]);
  });
});

describe.skipIf(missing.length > 0)("GraphiQL in a browser", () => {
  let server: TestServer;
  let browser: Browser;
  let page: Page;
  const foreign: string[] = [];

  beforeAll(async () => {
    server = await startTestServer();
    browser = await chromium.launch({ executablePath: CHROMIUM, args: QUIET });
    page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    page.on("request", (request) => {
      const url = request.url();
      if (!url.startsWith(server.url) && !url.startsWith("blob:") && !url.startsWith("data:"))
        foreign.push(url);
    });
    await page.goto(`${server.url}/graphiql/#token=${server.adminToken}`);
  });
  afterAll(async () => {
    await browser.close();
    await server[Symbol.asyncDispose]();
  });

  const run = async (operation: string, text: string) => {
    await page.locator(".graphiql-query-editor .view-lines").first().click();
    await page.keyboard.press("Control+A");
    await page.keyboard.insertText(text);
    await page.keyboard.press("Escape");
    // The page reads the text a moment later; only then does it know the operation.
    await page.getByRole("tab", { name: operation }).waitFor();
    await page.keyboard.press("Control+Enter");
  };
  const answerHolds = async (text: RegExp) =>
    await page.locator(".graphiql-response").filter({ hasText: text }).waitFor();

  it("takes the token out of the address and answers a query", async () => {
    await run("Who", "query Who { viewer { systemAdmin } }");
    await answerHolds(/"systemAdmin":\s*true/);
    expect(page.url()).not.toContain("token");
  });

  it("follows a subscription over its WebSocket", async () => {
    const source = "name: page\nstages: [{ name: one, steps: [{ ref: nap, type: delay, duration: 1s }] }]\n";
    const deployed = await server.post({
      query: `mutation ($source: String!) { deployWorkflow(input: { projectId: "default", source: $source }) { workflow { id } } }`,
      variables: { source },
    });
    const triggered = await server.post({
      query: "mutation ($id: ID!) { triggerWorkflowRun(input: { workflowId: $id }) { workflowRun { id } } }",
      variables: { id: deployed.body.data.deployWorkflow.workflow.id },
    });
    const { id } = triggered.body.data.triggerWorkflowRun.workflowRun;
    await run(
      "Watch",
      `subscription Watch { runEvents(workflowRunId: "${id}", after: { at: START }, types: [RunFinished]) { __typename ... on RunFinished { success } } }`,
    );
    await answerHolds(/"success":\s*true/);
  });

  it("asks nobody else for anything", () => {
    expect(foreign).toEqual([]);
  });
});
