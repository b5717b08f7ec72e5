import { chmod, chown, mkdir, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  folderOfTest,
  IS_ROOT,
  makeFolder,
  ordinaryUser,
  query,
  readProof,
  removeFolder,
  startForTest,
  writeProof,
} from "./fixtures.ts";
import { type Installation, installForEveryone, spawnOwner } from "./owner-process.ts";

let folder: string;
let installation: Installation;
beforeAll(async () => {
  folder = await makeFolder();
  installation = await installForEveryone(folder);
}, 60_000);
afterAll(() => removeFolder(folder));

async function folderOf({ uid, gid }: { uid?: number; gid?: number }): Promise<string> {
  const made = await folderOfTest();
  if (uid !== undefined && gid !== undefined) await chown(made, uid, gid);
  return made;
}

describe("an ordinary user", { timeout: 60_000 }, () => {
  it("starts it, starts it again, and again after a kill", async () => {
    const user = ordinaryUser();
    const home = await folderOf(user);
    await chmod(home, 0o700);
    const first = spawnOwner(installation, home, {}, user);
    const { url, dataDirectory } = await first.answer;
    await writeProof(url!);
    expect((await stat(dataDirectory!)).uid).toBe(user.uid ?? process.getuid!());
    await first.end("SIGTERM");

    const second = spawnOwner(installation, home, {}, user);
    expect(await readProof((await second.answer).url!)).toBe("kept");
    await second.end("SIGKILL");

    const third = spawnOwner(installation, home, {}, user);
    expect(await readProof((await third.answer).url!)).toBe("kept");
  });

  it("uses a copy of programs whose package is read-only and lacks its links", async () => {
    const user = ordinaryUser();
    const home = await folderOf(user);
    const library = join(installation.binaryPackage, "native/lib");
    await removeLinks(library);
    await chmod(library, 0o555);
    try {
      const owner = spawnOwner(installation, home, {}, user);
      expect(await query((await owner.answer).url!, "select 1 as one")).toEqual([{ one: 1 }]);
      await owner.end("SIGTERM");
      const inside = await readdir(join(home, ".runcast/postgres"));
      expect(inside).toContainEqual(expect.stringMatching(/^postgresql-18/));
    } finally {
      await chmod(library, 0o755);
    }
  });

  it("is told in one line when the programs are not installed", async () => {
    const away = `${installation.binaryPackage}.away`;
    await rename(installation.binaryPackage, away);
    try {
      const { answer } = spawnOwner(installation, await folderOf(ordinaryUser()), {}, ordinaryUser());
      expect(await answer).toEqual({
        code: "NO_BINARIES",
        message: expect.stringMatching(/^.*DATABASE_URL.*$/),
      });
    } finally {
      await rename(away, installation.binaryPackage);
    }
  });

  it("is told in one line that it may not write there", async () => {
    const home = await folderOf(ordinaryUser());
    await chmod(home, 0o555);
    const { answer } = spawnOwner(installation, home, {}, ordinaryUser());
    expect(await answer).toEqual({
      code: "PERMISSION",
      message: expect.stringMatching(/^[^\n]*\.runcast[^\n]*$/),
    });
    await chmod(home, 0o755);
  });
});

// Only root can act for another user, so nobody else can show what happens then.
describe.runIf(IS_ROOT)("root", { timeout: 60_000 }, () => {
  it("does not run the server as root", async () => {
    const { dataDirectory } = await startForTest(await folderOfTest());
    expect((await stat(dataDirectory)).uid).not.toBe(0);
  });

  it("keeps the data of a closed home elsewhere, for this folder alone, and finds it again", async () => {
    const home = await folderOfTest();
    const [one, other] = [join(home, "one"), join(home, "other")];
    for (const path of [one, other]) await mkdir(path, { mode: 0o700 });
    const sharedRoot = join(home, "shared");
    const first = await startForTest(one, { sharedRoot });
    expect(first.dataDirectory).toMatch(new RegExp(`^${sharedRoot}/[0-9a-f]{16}/data$`));
    await writeProof(first.url);
    await first.stop();

    const stranger = await startForTest(other, { sharedRoot });
    expect(stranger.dataDirectory).not.toBe(first.dataDirectory);

    await rename(one, join(home, "moved"));
    const again = await startForTest(join(home, "moved"), { sharedRoot });
    expect(await readProof(again.url)).toBe("kept");
  });

  it("never starts with an empty database where the data became unreachable or went missing", async () => {
    const home = await folderOfTest();
    const open = await startForTest(home);
    await open.stop();
    await chmod(home, 0o700);
    await expect(startForTest(home)).rejects.toMatchObject({ code: "PERMISSION" });

    const closed = join(home, "closed");
    await mkdir(closed, { mode: 0o700 });
    const sharedRoot = await folderOfTest();
    const elsewhere = await startForTest(closed, { sharedRoot });
    await elsewhere.stop();
    await rename(join(elsewhere.dataDirectory, ".."), join(sharedRoot, "away"));
    await expect(startForTest(closed, { sharedRoot })).rejects.toMatchObject({
      code: "DATA_DIRECTORY_BROKEN",
    });
  });

  it("uses a copy of programs whose package hides from others", async () => {
    const home = await folderOfTest();
    await chmod(installation.binaryPackage, 0o700);
    try {
      const owner = spawnOwner(installation, home);
      expect(await query((await owner.answer).url!, "select 1 as one")).toEqual([{ one: 1 }]);
      const [copy] = await readdir(join(home, "shared"));
      const found = await stat(join(home, "shared", copy!, "native/bin/postgres"));
      expect({ uid: found.uid, mode: found.mode & 0o777 }).toEqual({ uid: 0, mode: 0o755 });
      await owner.end("SIGTERM");
    } finally {
      await chmod(installation.binaryPackage, 0o755);
    }
  });

  it("uses a copy of programs that were installed under a strict umask", async () => {
    const home = await folderOfTest();
    const hidden = join(installation.binaryPackage, "native/share/postgresql/postgres.bki");
    await chmod(hidden, 0o600);
    try {
      const { url } = await spawnOwner(installation, home).answer;
      expect(await query(url!, "select 1 as one")).toEqual([{ one: 1 }]);
    } finally {
      await chmod(hidden, 0o644);
    }
  });

  it("serves the folder of an ordinary user as that user, who can go on without root", async () => {
    const user = ordinaryUser();
    const home = await folderOf(user);
    const before = spawnOwner(installation, home, {}, user);
    await writeProof((await before.answer).url!);
    await before.end("SIGTERM");

    const asRoot = await startForTest(home);
    expect(await readProof(asRoot.url)).toBe("kept");
    await asRoot.stop();

    const after = spawnOwner(installation, home, {}, user);
    expect(await readProof((await after.answer).url!)).toBe("kept");
  });

  it("leaves a folder that an ordinary user is told apart from", async () => {
    const home = await folderOfTest();
    const asRoot = await startForTest(home);
    await asRoot.stop();
    const { answer } = spawnOwner(installation, home, {}, ordinaryUser());
    expect(await answer).toEqual({
      code: "PERMISSION",
      message: expect.stringMatching(/belongs to [^\n]+$/),
    });
    expect(await readFile(join(home, ".runcast/postgres/password"), "utf8")).not.toBe("");
  });
});

async function removeLinks(directory: string): Promise<void> {
  const entries = await readdir(directory, { withFileTypes: true });
  const links = entries.filter((entry) => entry.isSymbolicLink());
  await Promise.all(links.map(({ name }) => rm(join(directory, name))));
}
