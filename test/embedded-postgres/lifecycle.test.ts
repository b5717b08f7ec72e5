import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import {
  eventually,
  exists,
  folderOfTest,
  makeFolder,
  query,
  readProof,
  removeFolder,
  serverPid,
  startForTest,
  writeProof,
} from "./fixtures.ts";
import {
  type Installation,
  installForEveryone,
  spawnOwner,
  spawnServerWithoutOwner,
} from "./owner-process.ts";

describe("embedded PostgreSQL", { timeout: 60_000 }, () => {
  it("starts from nothing, keeps its data, address and password over a restart, and is durable", async () => {
    const folder = await folderOfTest();
    const first = await startForTest(folder, { durable: true });
    await writeProof(first.url);
    const [settings] = await query(
      first.url,
      "select current_database() as database, current_setting('fsync') as fsync, current_setting('listen_addresses') as listens, current_setting('unix_socket_directories') as sockets, current_setting('max_connections') as connections, current_setting('server_encoding') as encoding",
    );
    expect(settings).toEqual({
      database: "runcast",
      fsync: "on",
      listens: "127.0.0.1",
      sockets: "",
      connections: "100",
      encoding: "UTF8",
    });
    const password = await stat(join(folder, ".runcast/postgres/password"));
    expect(password.mode & 0o777).toBe(0o600);

    await first.stop();
    await first.stop();
    expect(await first.exited).toEqual({ exitCode: 0, signal: null, requested: true });
    await expect(query(first.url, "select 1")).rejects.toThrow("ECONNREFUSED");

    const second = await startForTest(folder, { durable: true });
    expect(second.url).toBe(first.url);
    expect(await readProof(second.url)).toBe("kept");
  });

  it("lets nobody in without the password, and trades safety for speed only when told to", async () => {
    const { url } = await startForTest(await folderOfTest(), { durable: false });
    const stranger = new URL(url);
    stranger.password = "guess";
    await expect(query(stranger.href, "select 1")).rejects.toThrow("password authentication failed");

    const names = ["fsync", "synchronous_commit", "full_page_writes"];
    const [row] = await query(
      url,
      `select ${names.map((name) => `current_setting('${name}') as ${name}`).join()}`,
    );
    expect(row).toEqual({ fsync: "off", synchronous_commit: "off", full_page_writes: "off" });
  });

  it("takes the port that it is given and refuses one in use in one line", async () => {
    const folder = await folderOfTest();
    const { port, close } = await occupyPort();
    await expect(startForTest(folder, { port })).rejects.toMatchObject({
      code: "PORT_IN_USE",
      message: expect.stringMatching(new RegExp(`^.*${port}.*$`)),
    });
    await close();
    const { url } = await startForTest(folder, { port });
    expect(new URL(url).port).toBe(String(port));
  });

  it("takes another port when the one of the last start is in use now", async () => {
    const folder = await folderOfTest();
    const first = await startForTest(folder);
    const port = Number(new URL(first.url).port);
    await first.stop();
    await occupyPort(port);
    const second = await startForTest(folder);
    expect(Number(new URL(second.url).port)).not.toBe(port);
    expect(await query(second.url, "select 1 as one")).toEqual([{ one: 1 }]);
  });

  it("says that the server crashed, and starts again at once", async () => {
    const folder = await folderOfTest();
    const first = await startForTest(folder);
    process.kill(await serverPid(first.dataDirectory), "SIGKILL");
    expect(await first.exited).toEqual({ exitCode: null, signal: "SIGKILL", requested: false });
    await first.stop();
    const second = await startForTest(folder);
    expect(await query(second.url, "select 1 as one")).toEqual([{ one: 1 }]);
  });

  it("is not stopped by the number of a dead server that another program has now", async () => {
    const folder = await folderOfTest();
    const first = await startForTest(folder);
    const file = join(first.dataDirectory, "postmaster.pid");
    const lines = (await readFile(file, "utf8")).split("\n");
    await first.stop();
    await writeFile(file, [process.pid, ...lines.slice(1)].join("\n"));

    const second = await startForTest(folder);
    expect(await query(second.url, "select 1 as one")).toEqual([{ one: 1 }]);
    expect(await exists(`${file}.stale`)).toBe(true);
  });
});

describe("embedded PostgreSQL whose owner is killed", { timeout: 60_000 }, () => {
  let installation: Installation;
  let folder: string;
  beforeAll(async () => {
    folder = await makeFolder();
    installation = await installForEveryone(folder);
  }, 60_000);
  afterAll(() => removeFolder(folder));

  it("goes down with it, and the next start finds all that was committed", async () => {
    const data = await folderOfTest();
    const owner = spawnOwner(installation, data);
    const { url, dataDirectory } = await owner.answer;
    await writeProof(url!);
    await owner.end("SIGKILL");
    await eventually(
      "the server ended by itself",
      async () => !(await exists(join(dataDirectory!, "postmaster.pid"))),
    );

    const next = await startForTest(data);
    expect(await readProof(next.url)).toBe("kept");
  });

  it("starts again while the old server is still on its way down", async () => {
    const data = await folderOfTest();
    for (const _ of [1, 2, 3]) {
      const owner = spawnOwner(installation, data);
      expect(await owner.answer).toHaveProperty("url");
      await owner.end("SIGKILL");
    }
    const next = await startForTest(data);
    expect(await query(next.url, "select 1 as one")).toEqual([{ one: 1 }]);
  });

  it("stops a server that outlived its owner", async () => {
    const data = await folderOfTest();
    const first = await startForTest(data);
    await writeProof(first.url);
    await first.stop();
    const orphan = await spawnServerWithoutOwner(first.dataDirectory, new URL(first.url).port);

    const said: string[] = [];
    const next = await startForTest(data, { logger: { info: (message) => said.push(message) } });
    expect(said).toContainEqual(expect.stringContaining(`process ${orphan.pid}`));
    expect(orphan.exitCode).toBe(0);
    expect(await readProof(next.url)).toBe("kept");
  });

  it("begins anew when its very first start was cut short", async () => {
    const data = await folderOfTest();
    const home = join(data, ".runcast/postgres");
    await mkdir(home, { recursive: true });
    const unfinished = async (): Promise<boolean> =>
      (await readdir(home)).some((name) => name.startsWith("data.unfinished-"));
    const owner = spawnOwner(installation, data);
    await eventually("the first start is under way", unfinished);
    await owner.end("SIGKILL");
    expect(await exists(join(home, "data"))).toBe(false);

    const next = await startForTest(data);
    expect(await query(next.url, "select 1 as one")).toEqual([{ one: 1 }]);
    expect(await unfinished()).toBe(false);
  });
});

async function occupyPort(port = 0): Promise<{ port: number; close(): Promise<void> }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()));
  onTestFinished(close);
  return { port: (server.address() as { port: number }).port, close };
}
