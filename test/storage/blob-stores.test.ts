import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { BlobStore } from "../../src/storage/blob-store.ts";
import { FolderStore } from "../../src/storage/folder-store.ts";
import { S3Store } from "../../src/storage/s3-store.ts";
import { S3Server } from "./s3-server.ts";

const MIB = 1024 * 1024;
let folder: string;
let s3: S3Server;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "runcast-blobs-"));
  s3 = await S3Server.start();
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await s3[Symbol.asyncDispose]();
});

async function* chunks(size: number, chunkSize = 100_000): AsyncGenerator<Buffer> {
  for (let at = 0; at < size; at += chunkSize) yield Buffer.alloc(Math.min(chunkSize, size - at), at % 251);
}

async function* broken(size: number): AsyncGenerator<Buffer> {
  yield* chunks(size);
  throw new Error("the source broke");
}

const wholeOf = async (size: number) => await buffer(Readable.from(chunks(size)));

/** What every store does. `names`: everything that it holds, unfinished things included. */
function behavesAsStore(open: () => BlobStore, names: () => string[]): void {
  const read = async (key: string, range?: { start: number; end: number }) => {
    const content = await open().get(key, range);
    return content === null ? null : await buffer(content);
  };
  afterEach(async () => await open().delete(["runs/a/1", "runs/a/2", "runs/b/1"]));

  it.each([0, 1, 300_000, 8 * MIB, 8 * MIB + 1, 17 * MIB])("keeps %i bytes", async (size) => {
    expect(await open().put("runs/a/1", chunks(size))).toBe(size);
    expect((await read("runs/a/1"))!.equals(await wholeOf(size))).toBe(true);
    expect(names()).toHaveLength(1);
  });

  it("gives a part", async () => {
    await open().put("runs/a/1", chunks(300_000));
    const whole = await wholeOf(300_000);
    expect(
      (await read("runs/a/1", { start: 99_999, end: 200_001 }))!.equals(whole.subarray(99_999, 200_001)),
    ).toBe(true);
    expect((await read("runs/a/1", { start: 5, end: 5 }))!.length).toBe(0);
  });

  it("knows nothing of what was never put", async () => {
    expect(await read("runs/a/2")).toBeNull();
    await open().delete(["runs/a/2"]);
  });

  it("removes many and leaves the others", async () => {
    for (const key of ["runs/a/1", "runs/a/2", "runs/b/1"]) await open().put(key, chunks(1));
    await open().delete(["runs/a/1", "runs/b/1", "runs/c/1"]);
    expect([await read("runs/a/1"), (await read("runs/a/2"))?.length, await read("runs/b/1")]).toEqual([
      null,
      1,
      null,
    ]);
  });

  it.each([10, 20 * MIB])("leaves nothing when the source breaks after %i bytes", async (size) => {
    await expect(open().put("runs/a/1", broken(size))).rejects.toThrow("the source broke");
    expect(names()).toEqual([]);
  });

  it("leaves nothing when it is given up", async () => {
    const stop = new AbortController();
    async function* stopped(): AsyncGenerator<Buffer> {
      yield* chunks(9 * MIB);
      stop.abort();
      yield* chunks(9 * MIB);
    }
    await expect(open().put("runs/a/1", stopped(), stop.signal)).rejects.toThrow();
    expect(names()).toEqual([]);
  });

  it.each(["../x", "/x", "a//b", "a/.", "", "a b", "ä"])("takes no key %j", async (key) => {
    await expect(open().put(key, chunks(1))).rejects.toThrow("no key");
    await expect(open().get(key)).rejects.toThrow("no key");
  });
}

describe("a folder", () => {
  const open = () => new FolderStore(folder);
  behavesAsStore(open, () =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => name),
  );

  it("keeps no empty folders", async () => {
    await open().put("runs/a/1", chunks(1));
    await open().delete(["runs/a/1"]);
    expect(readdirSync(folder)).not.toContain("runs");
  });

  it("sweeps what a crash has left, and not what is being written", async () => {
    mkdirSync(join(folder, "unfinished"), { recursive: true });
    for (const name of ["old", "new"]) writeFileSync(join(folder, "unfinished", name), "x");
    utimesSync(join(folder, "unfinished", "old"), 0, 0);
    await open().sweepUnfinished(new Date(1_000));
    expect(readdirSync(join(folder, "unfinished"))).toEqual(["new"]);
    rmSync(join(folder, "unfinished", "new"));
  });
});

describe("an S3-compatible store", () => {
  const open = () => new S3Store(s3.settings);
  behavesAsStore(open, () => [...s3.objects.keys(), ...s3.uploads.keys()]);

  it("puts every key behind the prefix, and sends big blobs in parts", async () => {
    s3.largestBody = 0;
    await open().put("runs/a/1", chunks(30 * MIB));
    expect([...s3.objects.keys()]).toEqual(["runcast/runs/a/1"]);
    expect(s3.largestBody).toBe(8 * MIB);
  });

  it("tries again what may pass, and tells what does not", async () => {
    s3.faults = [503, 500];
    await open().put("runs/a/1", chunks(1));
    s3.faults = [400];
    await expect(open().get("runs/a/1")).rejects.toThrow(/refused GET .* HTTP 400 .*Injected/);
  });

  it("does not take an upload for complete that failed under a status of success", async () => {
    s3.completes = false;
    await expect(open().put("runs/a/1", chunks(9 * MIB))).rejects.toThrow("InternalError");
    s3.completes = true;
    expect([...s3.objects.keys(), ...s3.uploads.keys()]).toEqual([]);
  });

  it("is refused with another secret", async () => {
    const store = new S3Store({ ...s3.settings, secretAccessKey: "other" });
    await expect(store.put("runs/a/1", chunks(1))).rejects.toThrow("SignatureDoesNotMatch");
  });

  it("sweeps uploads that a crash has left", async () => {
    s3.uploads.set("old", { key: "runcast/runs/a/1", at: new Date(0), parts: new Map() });
    s3.uploads.set("new", { key: "runcast/runs/a/2", at: new Date(10_000), parts: new Map() });
    await open().sweepUnfinished(new Date(5_000));
    expect([...s3.uploads.keys()]).toEqual(["new"]);
    s3.uploads.clear();
  });
});
