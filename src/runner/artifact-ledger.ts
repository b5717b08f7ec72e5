import { appendFile, readFile } from "node:fs/promises";
import type { RunDirectory } from "./workspace.ts";

/**
 * Which artifacts this host's workspace of a run holds already, because it made them or because they were placed: each
 * is placed once, so that what later steps do to a file is not undone.
 */
export class ArtifactLedger {
  private constructor(
    private readonly file: string,
    private readonly ids: Set<string>,
  ) {}

  static async open({ artifactLedger: file }: RunDirectory): Promise<ArtifactLedger> {
    const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return "";
      throw error;
    });
    // A line that a crash has cut short names no artifact: that one is placed again.
    return new ArtifactLedger(file, new Set(text.split("\n")));
  }

  has(id: string): boolean {
    return this.ids.has(id);
  }

  async add(id: string): Promise<void> {
    this.ids.add(id);
    await appendFile(this.file, `${id}\n`);
  }
}
