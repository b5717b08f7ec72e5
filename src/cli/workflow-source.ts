import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { isMap, isScalar, parseDocument } from "yaml";

/**
 * A workflow file as it is deployed. `git: .`, or any other path of this machine, becomes the file URL of the
 * repository it lies in: the server does not know this machine's folders. Everything else stays byte for byte, so
 * that faults are reported at the places that the author sees.
 */
export function readWorkflowSource(file: string): string {
  const text = readFileSync(file, "utf8");
  const document = parseDocument(text);
  const git = isMap(document.contents) ? document.getIn(["source", "git"], true) : null;
  if (!isScalar(git) || typeof git.value !== "string" || !/^\.{0,2}(\/|$)/.test(git.value) || !git.range)
    return text;
  const [start, end] = git.range;
  const repository = repositoryOf(resolve(dirname(file), git.value));
  return text.slice(0, start) + JSON.stringify(pathToFileURL(repository).href) + text.slice(end);
}

function repositoryOf(folder: string): string {
  try {
    const stdio = ["ignore", "pipe", "ignore"] as const;
    return execFileSync("git", ["rev-parse", "--show-toplevel"], {
      cwd: folder,
      encoding: "utf8",
      stdio: [...stdio],
    }).trim();
  } catch {
    // Git will say what is wrong with it when the step checks it out.
    return folder;
  }
}
