import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { folderOfTest, query, readProof, startForTest, writeProof } from "./fixtures.ts";

const ONE_LINE = /^[^\n]+$/;

describe("a data directory that cannot be used", { timeout: 60_000 }, () => {
  const withoutServer: [string, string, Record<string, string>][] = [
    ["files of something else", "DATA_DIRECTORY_BROKEN", { "family-photo.jpg": "precious" }],
    ["an unreadable version", "DATA_DIRECTORY_BROKEN", { PG_VERSION: "\0\0\0" }],
    ["an older major version", "VERSION_MISMATCH", { PG_VERSION: "16\n" }],
    ["no control file", "DATA_DIRECTORY_BROKEN", { PG_VERSION: "18\n", "base.txt": "rows" }],
  ];

  it.each(withoutServer)("holding %s gets one line (%s) and stays as it is", async (_, code, files) => {
    const folder = await folderOfTest();
    const dataDirectory = join(folder, ".runcast/postgres/data");
    await mkdir(dataDirectory, { recursive: true });
    for (const [name, content] of Object.entries(files)) await writeFile(join(dataDirectory, name), content);
    const before = await digest(dataDirectory);

    await expectRefusal(folder, code, dataDirectory);
    expect(await digest(dataDirectory)).toEqual(before);
  });

  it("that is a file gets one line", async () => {
    const folder = await folderOfTest();
    await mkdir(join(folder, ".runcast/postgres"), { recursive: true });
    await writeFile(join(folder, ".runcast/postgres/data"), "precious");
    await expectRefusal(folder, "DATA_DIRECTORY_BROKEN", "data");
    expect(await readFile(join(folder, ".runcast/postgres/data"), "utf8")).toBe("precious");
  });

  const controlFiles: [string, (whole: Buffer) => Buffer][] = [
    ["overwritten", (whole) => Buffer.alloc(whole.length, 0x5a)],
    ["cut short", (whole) => whole.subarray(0, 100)],
  ];

  it.each(controlFiles)(
    "whose control file is %s gets one line, and works again once it is restored",
    async (_, damage) => {
      const folder = await folderOfTest();
      const { url, dataDirectory, stop } = await startForTest(folder);
      await writeProof(url);
      await stop();
      const control = join(dataDirectory, "global/pg_control");
      const whole = await readFile(control);
      await writeFile(control, damage(whole));
      const before = await digest(dataDirectory);

      await expectRefusal(folder, "DATA_DIRECTORY_BROKEN", dataDirectory);
      expect(await digest(dataDirectory)).toEqual(before);

      await writeFile(control, whole);
      expect(await readProof((await startForTest(folder)).url)).toBe("kept");
    },
  );

  it("whose write-ahead log is gone gets one line", async () => {
    const folder = await folderOfTest();
    const { dataDirectory, stop } = await startForTest(folder);
    await stop();
    const log = join(dataDirectory, "pg_wal");
    for (const name of await readdir(log)) await rm(join(log, name), { recursive: true });
    await expectRefusal(folder, "DATA_DIRECTORY_BROKEN", dataDirectory);
  });

  it("whose password is lost or wrong gets one line, and works again once it is restored", async () => {
    const folder = await folderOfTest();
    const { stop } = await startForTest(folder);
    await stop();
    const password = join(folder, ".runcast/postgres/password");
    await rename(password, `${password}.away`);
    await expectRefusal(folder, "DATA_DIRECTORY_BROKEN", "password");

    await writeFile(password, "guess\n");
    await expectRefusal(folder, "DATA_DIRECTORY_BROKEN", "password");

    await rename(`${password}.away`, password);
    expect(await query((await startForTest(folder)).url, "select 1 as one")).toEqual([{ one: 1 }]);
  });
});

async function expectRefusal(folder: string, code: string, names: string): Promise<void> {
  const error: unknown = await startForTest(folder).catch((reason: unknown) => reason);
  expect(error).toMatchObject({
    name: "EmbeddedPostgresError",
    code,
    message: expect.stringMatching(ONE_LINE),
  });
  expect((error as Error).message).toContain(names);
}

/** The content of every file below, except for the note of a server about itself, which one that fails may leave. */
async function digest(directory: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of (await readdir(directory, { recursive: true })).sort()) {
    const path = join(directory, name);
    if (name !== "postmaster.pid" && (await stat(path)).isFile()) {
      found[name] = createHash("sha256")
        .update(await readFile(path))
        .digest("hex");
    }
  }
  return found;
}
