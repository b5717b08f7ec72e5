import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { describeConfig } from "../../src/config/describe-config.ts";
import { renderEnvExample } from "../../src/config/env-example.ts";
import { ConfigError, type Environment, loadConfig } from "../../src/config/load-config.ts";
import { SETTING_LIST } from "../../src/config/settings.ts";

const machine = { isTTY: false, hostname: "build-7.local" };
const load = (environment: Environment) => loadConfig(environment, machine);

function faultsOf(environment: Environment): readonly string[] {
  try {
    load(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

describe("loadConfig", () => {
  it("has a default for everything that can have one", () => {
    expect(load({})).toMatchObject({
      host: "127.0.0.1",
      port: 4000,
      publicUrl: null,
      allowedOrigins: [],
      databaseUrl: null,
      encryptionKey: null,
      redisUrl: null,
      dbPoolSize: 10,
      dataDir: resolve(".runcast"),
      logLevel: "info",
      logFormat: "json",
      shutdownGraceMs: 30_000,
      allowFileSources: false,
      url: null,
      token: null,
      runnerName: "build-7.local",
      runnerQueues: ["default"],
      runnerLabels: [],
      runnerCapacity: 4,
      runnerHttpAllow: [],
      runnerWorkDir: resolve(".runcast/work"),
      warnings: [],
    });
  });

  it("reads every setting", () => {
    const config = load({
      RUNCAST_HOST: "::1",
      RUNCAST_PORT: "0",
      RUNCAST_PUBLIC_URL: "https://ci.example.org/runcast/",
      RUNCAST_ALLOWED_ORIGINS: "https://App.example.org, http://localhost:5173/",
      DATABASE_URL: "postgresql://me:pw@db:5432/runcast?sslmode=require",
      REDIS_URL: "rediss://redis:6380",
      RUNCAST_DB_POOL_SIZE: "25",
      RUNCAST_DATA_DIR: "/var/lib/runcast",
      RUNCAST_LOG_LEVEL: "debug",
      RUNCAST_LOG_FORMAT: "pretty",
      RUNCAST_SHUTDOWN_GRACE: "2m",
      RUNCAST_ALLOW_FILE_SOURCES: "Yes",
      RUNCAST_URL: "http://127.0.0.1:4000/",
      RUNCAST_TOKEN: "rct_abc",
      RUNCAST_RUNNER_NAME: "big-one",
      RUNCAST_RUNNER_QUEUES: "default,gpu",
      RUNCAST_RUNNER_LABELS: "linux, gpu=a100",
      RUNCAST_RUNNER_CAPACITY: "16",
      RUNCAST_RUNNER_HTTP_ALLOW: "registry.intern, 10.1.0.0/16,fd00::/8",
    });
    expect(config).toMatchObject({
      host: "::1",
      port: 0,
      publicUrl: "https://ci.example.org/runcast",
      allowedOrigins: ["https://app.example.org", "http://localhost:5173"],
      databaseUrl: "postgresql://me:pw@db:5432/runcast?sslmode=require",
      redisUrl: "rediss://redis:6380",
      dbPoolSize: 25,
      dataDir: "/var/lib/runcast",
      logLevel: "debug",
      logFormat: "pretty",
      shutdownGraceMs: 120_000,
      allowFileSources: true,
      url: "http://127.0.0.1:4000",
      token: "rct_abc",
      runnerName: "big-one",
      runnerQueues: ["default", "gpu"],
      runnerLabels: ["linux", "gpu=a100"],
      runnerCapacity: 16,
      runnerHttpAllow: ["registry.intern", "10.1.0.0/16", "fd00::/8"],
      runnerWorkDir: "/var/lib/runcast/work",
      warnings: [],
    });
  });

  it("takes an empty variable for an absent one and trims the others", () => {
    expect(load({ RUNCAST_PORT: "", DATABASE_URL: "  ", RUNCAST_HOST: " 0.0.0.0 " })).toMatchObject({
      port: 4000,
      databaseUrl: null,
      host: "0.0.0.0",
    });
  });

  it("logs for people on a terminal only", () => {
    expect(loadConfig({}, { ...machine, isTTY: true }).logFormat).toBe("pretty");
    expect(loadConfig({ RUNCAST_LOG_FORMAT: "json" }, { ...machine, isTTY: true }).logFormat).toBe("json");
  });

  it("makes a valid runner name of any host name", () => {
    expect(loadConfig({}, { ...machine, hostname: "Ann's Mac" }).runnerName).toBe("Ann-s-Mac");
  });

  it.each([
    "postgres://user@/runcast?host=/run/postgresql",
    "postgresql:///runcast",
    "postgres://user:p%40ss@[::1]:5433/runcast",
  ])("accepts the database URL %s", (url) => {
    expect(load({ DATABASE_URL: url }).databaseUrl).toBe(url);
  });
});

describe("faults", () => {
  it("come all together, each with variable, value and what is expected", () => {
    expect(
      faultsOf({
        RUNCAST_PORT: "70000",
        RUNCAST_SHUTDOWN_GRACE: "soon",
        RUNCAST_LOG_LEVEL: "loud",
        RUNCAST_RUNNER_QUEUES: ",",
      }),
    ).toEqual([
      'RUNCAST_PORT is "70000"; expected a whole number from 0 to 65535',
      'RUNCAST_LOG_LEVEL is "loud"; expected one of trace, debug, info, warn, error, fatal, silent',
      'RUNCAST_SHUTDOWN_GRACE is "soon"; expected a duration such as 500ms, 30s, 10m, 2h or 1d',
      "RUNCAST_RUNNER_QUEUES is \",\"; expected at least one name of letters, digits, '.', '_' and '-', separated by commas",
    ]);
  });

  it("are all in the message too", () => {
    expect(() => load({ RUNCAST_PORT: "x", RUNCAST_HOST: "a b" })).toThrow(/RUNCAST_HOST[\s\S]*RUNCAST_PORT/);
  });

  it.each([
    ["DATABASE_URL", "mysql://root:hunter2@db/x"],
    ["REDIS_URL", "hunter2"],
    ["RUNCAST_TOKEN", "hunter2 with spaces"],
    ["RUNCAST_URL", "https://me:hunter2@ci.example.org"],
    ["RUNCAST_PUBLIC_URL", "ftp://me:hunter2@ci.example.org"],
  ])("never repeat a secret: %s", (variable, value) => {
    const faults = faultsOf({ [variable]: value });
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(variable);
    expect(faults[0]).not.toContain("hunter2");
  });

  it.each([
    ["RUNCAST_PORT", "-1"],
    ["RUNCAST_PORT", "1e3"],
    ["RUNCAST_PORT", "80.5"],
    ["RUNCAST_DB_POOL_SIZE", "0"],
    ["RUNCAST_RUNNER_CAPACITY", "0"],
    ["RUNCAST_ALLOW_FILE_SOURCES", "maybe"],
    ["RUNCAST_ALLOWED_ORIGINS", "https://a.example/path"],
    ["RUNCAST_ALLOWED_ORIGINS", "*"],
    ["RUNCAST_URL", "127.0.0.1:4000"],
    ["RUNCAST_LOG_FORMAT", "JSON"],
    ["RUNCAST_SHUTDOWN_GRACE", "30"],
    ["RUNCAST_SHUTDOWN_GRACE", "1h30m"],
    ["RUNCAST_RUNNER_LABELS", "two words"],
    ["RUNCAST_RUNNER_HTTP_ALLOW", "http://registry.intern"],
    ["RUNCAST_RUNNER_HTTP_ALLOW", "intern/8"],
    ["RUNCAST_ENCRYPTION_KEY", "correct-horse-battery-staple"],
    ["RUNCAST_ENCRYPTION_KEY", "0".repeat(63)],
    ["RUNCAST_ENCRYPTION_KEY", `${"0".repeat(63)}g`],
  ])("%s=%s is refused", (variable, value) => {
    expect(faultsOf({ [variable]: value })).toHaveLength(1);
  });

  it("quote control characters and cut long values", () => {
    const [fault] = faultsOf({ RUNCAST_HOST: `a\u001b[31m${"x".repeat(500)}` });
    expect(fault).toContain("\\u001b");
    expect(fault!.length).toBeLessThan(200);
  });
});

describe("unknown variables", () => {
  it("are warned about, with the probable name", () => {
    expect(
      load({
        RUNCAST_LOGLEVEL: "debug",
        RUNCAST_DATABASE_URL: "x",
        RUNCAST_RUNER_CAPACITY: "1",
        RUNCAST_COLOUR_SCHEME: "dark",
        PATH: "/bin",
      }).warnings,
    ).toEqual([
      "RUNCAST_COLOUR_SCHEME is no setting and has no effect",
      "RUNCAST_DATABASE_URL is no setting; did you mean DATABASE_URL?",
      "RUNCAST_LOGLEVEL is no setting; did you mean RUNCAST_LOG_LEVEL?",
      "RUNCAST_RUNER_CAPACITY is no setting; did you mean RUNCAST_RUNNER_CAPACITY?",
    ]);
  });

  it("of a step's environment are left alone", () => {
    const { warnings } = load({ RUNCAST_FENCE: "3", RUNCAST_OUTPUT: "/tmp/out", RUNCAST_PROT: "4001" });
    expect(warnings).toEqual(["RUNCAST_PROT is no setting; did you mean RUNCAST_PORT?"]);
  });
});

describe("describeConfig", () => {
  it("names every variable and tells defaults from given values", () => {
    const lines = describeConfig(load({ RUNCAST_PORT: "4001" })).split("\n");
    expect(lines).toHaveLength(SETTING_LIST.length);
    expect(lines.find((line) => line.startsWith("RUNCAST_PORT "))).toMatch(/ {2}4001$/);
    expect(lines.find((line) => line.startsWith("RUNCAST_HOST "))).toMatch(
      / {2}127\.0\.0\.1 {2}\(default\)$/,
    );
    expect(lines.find((line) => line.startsWith("RUNCAST_SHUTDOWN_GRACE "))).toMatch(
      / 30000ms {2}\(default\)$/,
    );
  });

  it.each([
    ["postgres://me:hunter2@db:5432/runcast", "postgres://me:***@db:5432/runcast"],
    ["postgres://me@[::1]:5432/runcast", "postgres://me@[::1]:5432/runcast"],
    ["postgres://db/runcast?user=me&password=hunter2", "postgres://db/runcast?***"],
    ["postgres://me:12?hunter2@db/runcast", "***"],
    ["postgres://me:12/hunter2@db/runcast", "***"],
    ["postgres://me:hun@ter2@db/runcast", "***"],
  ])("masks the secrets of %s", (url, shown) => {
    const line = describeConfig(load({ DATABASE_URL: url }))
      .split("\n")
      .find((l) => l.startsWith("DATABASE_URL"));
    expect(line!.split(/\s+/)[1]).toBe(shown);
  });

  it("masks the encryption key whole", () => {
    const key = Buffer.alloc(32, "k");
    for (const text of [key.toString("hex"), key.toString("base64")]) {
      const config = load({ RUNCAST_ENCRYPTION_KEY: text });
      expect(config.encryptionKey).toEqual(key);
      expect(describeConfig(config)).toMatch(/^RUNCAST_ENCRYPTION_KEY +\*\*\*$/m);
    }
    const [fault] = faultsOf({ RUNCAST_ENCRYPTION_KEY: "hunter2" });
    expect(fault).not.toContain("hunter2");
  });

  it("masks tokens whole", () => {
    expect(describeConfig(load({ RUNCAST_TOKEN: "rct_hunter2" }))).not.toContain("hunter2");
  });
});

describe(".env.example", () => {
  it("is what the table says (update it with `npx vitest run test/config --update`)", async () => {
    await expect(renderEnvExample()).toMatchFileSnapshot("../../.env.example");
  });

  it("can be used line by line", () => {
    const assignments = renderEnvExample()
      .split("\n")
      .flatMap((line) => [...line.matchAll(/^# ([A-Z0-9_]+)=(.*)$/g)].map((match) => [match[1]!, match[2]!]));
    expect(assignments.map(([variable]) => variable)).toEqual(SETTING_LIST.map(({ variable }) => variable));
    const { given: _, ...fromExample } = load(Object.fromEntries(assignments));
    const { given: __, ...defaults } = load({});
    expect(fromExample).toEqual(defaults);
  });
});
