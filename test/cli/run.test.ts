import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { hasRedisServer, startTestRedis } from "../support/redis.ts";
import { removeFolder, runCli, startCli, temporaryFolder } from "./cli-process.ts";

const EXAMPLES = fileURLToPath(new URL("../../examples/", import.meta.url));
const QUICK = "name: quick\nstages: [{ name: one, steps: [{ ref: say, run: echo hi }] }]\n";
/** Names four faults: a bad duration, a ref that stands twice, a need that is nobody's ref, and a cycle. */
const FAULTY = `name: faulty
stages:
  - name: one
    steps:
      - { ref: a, run: "true", timeout: 5 parsecs }
      - { ref: a, run: "true" }
      - { ref: b, run: "true", needs: [ghost] }
      - { ref: c, run: "true", needs: [d] }
      - { ref: d, run: "true", needs: [c] }
`;

describe("runcast run", () => {
  let folder: string;

  beforeAll(() => {
    folder = temporaryFolder();
  });
  afterAll(() => removeFolder(folder));

  it("exits 0 with live lines when the run succeeds, 1 when it fails; a server of its own comes and goes", async () => {
    const hello = await runCli(folder, ["run", join(EXAMPLES, "hello.yaml"), "--input", "who=Ada"]);
    expect(hello.output).toContain("greet | Hello, Ada!");
    expect(hello.output).toMatch(/run #1 of hello SUCCEEDED in/);
    expect(hello.code).toBe(0);

    const failing = await runCli(folder, ["run", join(EXAMPLES, "failing.yaml")]);
    expect(failing.output).toMatch(/unit +test +FAILED/);
    expect(failing.output).toMatch(/publish +release +SKIPPED/);
    expect(failing.output).toContain("FAILED in");
    expect(failing.code).toBe(1);
  });

  it("names every fault of a file with its place and exits 2", async () => {
    const file = join(folder, "faulty.yaml");
    writeFileSync(file, FAULTY);
    const { code, output } = await runCli(folder, ["run", "faulty.yaml"]);
    expect(code).toBe(2);
    const faults = output.split("\n").filter((line) => line.startsWith("faulty.yaml:"));
    expect(faults).toHaveLength(4);
    expect(faults.map((line) => /^faulty\.yaml:(\d+):\d+: /.exec(line)?.[1])).toEqual(["5", "6", "7", "8"]);
  });

  it.each([
    [["run", "nowhere.yaml"], "nowhere.yaml: no such file"],
    [["run", join(EXAMPLES, "hello.yaml"), "--input", "name"], 'takes NAME=VALUE, not "name"'],
  ])("%j exits 2 and says why", async (args, message) => {
    const { code, output } = await runCli(folder, args);
    expect(output).toContain(message);
    expect(code).toBe(2);
  });
});

describe("runcast serve, runner, token on a database of one's own", () => {
  let folder: string;
  let database: TestDatabase;

  beforeAll(async () => {
    folder = temporaryFolder();
    database = await createTestDatabase();
  });
  afterAll(async () => {
    await database[Symbol.asyncDispose]();
    removeFolder(folder);
  });

  it("run a workflow together; each ends when it is asked to", async () => {
    const settings = { DATABASE_URL: database.url };
    const tokenOf = async (...args: string[]) =>
      (await runCli(folder, ["token", ...args], settings)).output.trim();
    const [user, runnerToken] = [
      await tokenOf("--project", "team", "--role", "PROJECT_ADMIN"),
      await tokenOf("--project", "team", "--runner"),
    ];
    expect(user).toMatch(/^runcast_[\w-]{43}$/);
    const server = startCli(folder, ["serve"], { ...settings, RUNCAST_LOG_FORMAT: "json" });
    const url = (await server.wrote(/"url":"(http:[^"]+)"/))[1]!;
    const runner = startCli(folder, ["runner"], { RUNCAST_URL: url, RUNCAST_TOKEN: runnerToken });
    await runner.wrote(/registered/);

    const target = { RUNCAST_URL: url, RUNCAST_TOKEN: user };
    writeFileSync(join(folder, "quick.yaml"), QUICK);
    const run = await runCli(folder, ["run", "quick.yaml", "--project", "team"], target);
    expect(run.output).toContain("SUCCEEDED in");
    expect(run.code).toBe(0);
    const foreign = await runCli(folder, ["run", "quick.yaml", "--project", "default"], target);
    expect(foreign.output).toContain("no such object");
    expect(foreign.code).toBe(2);

    runner.child.kill("SIGTERM");
    expect(await runner.exited).toBe(0);
    server.child.kill("SIGTERM");
    expect(await server.exited).toBe(0);
  });

  it("check-config lists faults together and hides secrets", async () => {
    const faulty = await runCli(folder, ["check-config"], {
      RUNCAST_PORT: "high",
      RUNCAST_LOG_LEVEL: "loud",
    });
    expect(faulty.code).toBe(2);
    expect(faulty.output).toContain("RUNCAST_PORT");
    expect(faulty.output).toContain("RUNCAST_LOG_LEVEL");
    const fine = await runCli(folder, ["check-config"], {
      RUNCAST_TOKEN: "very-secret",
      DATABASE_URL: database.url,
    });
    expect(fine.code).toBe(0);
    expect(fine.output).not.toContain("very-secret");
  });

  it.skipIf(!hasRedisServer)("check-config asks Redis and hides its password", async () => {
    await using redis = await startTestRedis({ password: "very-secret" });
    const REDIS_URL = redis.url;
    const fine = await runCli(folder, ["check-config"], { REDIS_URL });
    expect(fine.output).toMatch(/REDIS_URL: Redis \d+\.\d+\.\d+ answers/);
    expect(fine.code).toBe(0);
    const refused = await runCli(folder, ["check-config"], {
      REDIS_URL: REDIS_URL.replace("secret", "wrong"),
    });
    expect(refused.output).toMatch(/REDIS_URL: Redis does not answer \(WRONGPASS/);
    expect(refused.code).toBe(1);
    await redis.kill();
    const dead = await runCli(folder, ["check-config"], { REDIS_URL });
    expect(dead.output).toMatch(/REDIS_URL: Redis does not answer \(.*ECONNREFUSED/);
    expect(dead.code).toBe(1);
    for (const { output } of [fine, refused, dead]) expect(output).not.toContain("very-");
  });
});
