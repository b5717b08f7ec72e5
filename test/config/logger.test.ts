import { describe, expect, it } from "vitest";
import { correlationId } from "../../src/observability/correlation-id.ts";
import { createLogger, type LoggerConfig } from "../../src/observability/logger.ts";

function logged(config: LoggerConfig, write: (logger: ReturnType<typeof createLogger>) => void): string {
  let text = "";
  write(
    createLogger(config, {
      write: (line) => {
        text += line;
      },
    }),
  );
  return text;
}

describe("createLogger", () => {
  it("writes one JSON object a line from its level on", () => {
    const text = logged({ logLevel: "info", logFormat: "json" }, (logger) => {
      logger.debug("quiet");
      logger.info({ runId: "run_1" }, "started");
    });
    expect(text.trim().split("\n")).toHaveLength(1);
    expect(JSON.parse(text)).toEqual({
      level: "info",
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      runId: "run_1",
      msg: "started",
    });
  });

  it.each(["json", "pretty"] as const)("shows no secret, however deep it is (%s)", (logFormat) => {
    const text = logged({ logLevel: "info", logFormat }, (logger) => {
      logger.info(
        {
          token: "hunter2",
          config: { databaseUrl: "postgres://me:hunter2@db/x", runner: { secret: "hunter2" } },
          req: { headers: { authorization: "hunter2", cookie: "hunter2", "x-access-token": "hunter2" } },
          err: Object.assign(new Error("refused"), { request: { headers: { "set-cookie": "hunter2" } } }),
        },
        "request",
      );
      logger.child({ password: "hunter2" }).info("child");
    });
    expect(text).toContain("[redacted]");
    expect(text).not.toContain("hunter2");
  });

  it("leaves the logged object as it was", () => {
    const account = { name: "ann", password: "hunter2" };
    logged({ logLevel: "info", logFormat: "json" }, (logger) => logger.info({ account }));
    expect(account.password).toBe("hunter2");
  });

  it("writes for people: time, level, message, fields and the stack of an error", () => {
    const text = logged({ logLevel: "info", logFormat: "pretty" }, (logger) => {
      logger.warn({ port: 4000, host: "a b" }, "listening");
      logger.error({ err: new Error("broken pipe") });
    });
    expect(text).toMatch(/^\d\d:\d\d:\d\d\.\d{3} WARN {2}listening port=4000 host="a b"\n/);
    expect(text).toMatch(/ERROR broken pipe\n {4}Error: broken pipe\n {8}at /);
  });
});

describe("correlationId", () => {
  it("takes over a plain id and makes one otherwise", () => {
    expect(correlationId("req-42:a.b")).toBe("req-42:a.b");
    for (const bad of [undefined, "", "x".repeat(65), "a\nb", ["a"]]) {
      expect(correlationId(bad)).toMatch(/^[0-9a-f]{32}$/);
    }
  });
});
