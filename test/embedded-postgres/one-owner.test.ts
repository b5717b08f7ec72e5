import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { folderOfTest, makeFolder, query, removeFolder, startForTest } from "./fixtures.ts";
import { type Installation, installForEveryone, type Owner, spawnOwner } from "./owner-process.ts";

describe("one folder", { timeout: 60_000 }, () => {
  let installation: Installation;
  let folder: string;
  beforeAll(async () => {
    folder = await makeFolder();
    installation = await installForEveryone(folder);
  }, 60_000);
  afterAll(() => removeFolder(folder));

  it("refuses a second owner in one line that names the first, and leaves the first alone", async () => {
    const data = await folderOfTest();
    const first = spawnOwner(installation, data);
    const { url } = await first.answer;

    await expect(startForTest(data)).rejects.toMatchObject({
      name: "EmbeddedPostgresError",
      code: "ALREADY_RUNNING",
      message: expect.stringMatching(new RegExp(`^.*process ${first.process.pid}\\b.*$`)),
    });
    expect(await query(url!, "select 1 as one")).toEqual([{ one: 1 }]);

    await first.end("SIGTERM");
    await startForTest(data);
  });

  it("goes to exactly one of several that start at once", async () => {
    const data = await folderOfTest();
    await expectOneWinner(Array.from({ length: 5 }, () => spawnOwner(installation, data)));
  });

  it("goes to exactly one of several that find its owner dead", async () => {
    const data = await folderOfTest();
    const dead = spawnOwner(installation, data);
    await dead.answer;
    await dead.end("SIGKILL");
    await expectOneWinner(Array.from({ length: 5 }, () => spawnOwner(installation, data)));
  });
});

async function expectOneWinner(owners: Owner[]): Promise<void> {
  const answers = await Promise.all(owners.map((owner) => owner.answer));
  const winners = owners.filter((_, index) => answers[index]!.url !== undefined);
  expect(winners).toHaveLength(1);
  const refused = answers.filter((answer) => answer.url === undefined);
  expect(refused.map((answer) => answer.code)).toEqual(refused.map(() => "ALREADY_RUNNING"));
  for (const { message } of refused) expect(message).toContain(`process ${winners[0]!.process.pid})`);
}
