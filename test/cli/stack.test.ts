import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { removeFolder, runCli, startCli, temporaryFolder } from "./cli-process.ts";

const READY = /GraphiQL {2}(http:\/\/127\.0\.0\.1:\d+)\/graphiql\/#token=(\S+)/;

describe("runcast dev", () => {
  let folder: string;

  beforeAll(() => {
    folder = temporaryFolder();
  });
  afterAll(() => removeFolder(folder));

  it("runs the example live, serves other commands, stops on Ctrl-C and keeps its data, token and key", async () => {
    const dev = startCli(folder, ["dev"]);
    const [, url, token] = await dev.wrote(READY);
    await dev.wrote(/run #1 of hello SUCCEEDED/);
    await dev.wrote(/Ready/);
    expect((await fetch(`${url}/readyz`)).status).toBe(200);

    writeFileSync(
      join(folder, "quick.yaml"),
      "name: quick\nstages: [{ name: one, steps: [{ ref: say, run: echo hi }] }]\n",
    );
    const run = await runCli(folder, ["run", "quick.yaml"]);
    expect(run.output).not.toContain("starting one");
    expect(run.output).toContain("say | hi");
    expect(run.code).toBe(0);

    dev.child.kill("SIGINT");
    expect(await dev.exited).toBe(0);

    const keyFile = join(folder, "data", "encryption-key");
    const key = readFileSync(keyFile, "utf8");
    expect(key).toMatch(/^[0-9a-f]{64}\n$/);
    expect(statSync(keyFile).mode & 0o777).toBe(0o600);

    const again = startCli(folder, ["dev", "--no-example"]);
    expect((await again.wrote(READY))[2]).toBe(token);
    again.child.kill("SIGINT");
    expect(await again.exited).toBe(0);
    expect(readFileSync(keyFile, "utf8")).toBe(key);
  });

  it("starts again after the first start was killed", async () => {
    const first = startCli(folder, ["dev", "--no-example"]);
    await first.wrote(READY);
    first.child.kill("SIGKILL");
    await first.exited;
    const second = startCli(folder, ["dev"]);
    await second.wrote(/of hello SUCCEEDED/);
    second.child.kill("SIGINT");
    expect(await second.exited).toBe(0);
  });

  it("says in one line that its port is in use", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => other.once("listening", resolve));
    const { port } = other.address() as AddressInfo;
    const { code, output } = await runCli(folder, ["dev"], { RUNCAST_PORT: String(port) });
    other.close();
    expect(code).toBe(1);
    expect(output.trim().split("\n").at(-1)).toBe(
      `port ${port} of 127.0.0.1 is in use: stop what listens there, or set RUNCAST_PORT`,
    );
  });

  it("says in one line that its data directory holds something else, and deletes nothing", async () => {
    const data = join(folder, "other", "postgres", "data");
    mkdirSync(data, { recursive: true });
    writeFileSync(join(data, "family-photo.jpg"), "precious");
    const { code, output } = await runCli(folder, ["dev"], { RUNCAST_DATA_DIR: join(folder, "other") });
    expect(code).toBe(1);
    const lines = output.trim().split("\n");
    expect(lines).toHaveLength(2);
    expect(lines[1]).toContain(data);
    expect(readFileSync(join(data, "family-photo.jpg"), "utf8")).toBe("precious");
  });
});
