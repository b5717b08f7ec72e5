import { isAbsolute } from "node:path";

/** A source that cannot be checked out as it is written; the message is for the workflow's author. */
export class SourceRefused extends Error {
  override readonly name = "SourceRefused";
}

const REMOTE_URL = /^(?:https?|ssh|git):\/\/[^-]/;
/** user@host:path, git's short form for ssh. A second colon would name a transport that runs a command. */
const SSH_SHORT_FORM = /^(?:[\w.-]+@)?\w[\w.-]*:(?!:|\/\/)/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
const FORBIDDEN_IN_URL = /[\u0000-\u0020\u007f]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above; the rest is what git forbids in ref names
const FORBIDDEN_IN_REF = /[\u0000-\u0020\u007f~^:?*[\\]|\.\.|^-|@\{/;

/**
 * Whether the source lies on this machine.
 * @throws SourceRefused when git must not be given the URL
 */
export function isFileSource(url: string, allowFileSources: boolean): boolean {
  if (url === "" || url.startsWith("-") || FORBIDDEN_IN_URL.test(url)) {
    throw new SourceRefused(`the source ${JSON.stringify(url)} is not a repository's URL`);
  }
  if (REMOTE_URL.test(url)) return false;
  if (url.startsWith("file://") || isAbsolute(url)) {
    if (allowFileSources) return true;
    throw new SourceRefused(
      "this runner does not check out sources from its own disk; RUNCAST_ALLOW_FILE_SOURCES=true on the runner allows it",
    );
  }
  if (SSH_SHORT_FORM.test(url)) return false;
  throw new SourceRefused(
    `the source ${JSON.stringify(withoutCredentials(url))} is not an https, ssh, git or file URL`,
  );
}

/** @throws SourceRefused */
export function assertRef(ref: string): void {
  if (ref === "" || FORBIDDEN_IN_REF.test(ref)) {
    throw new SourceRefused(
      `the source's ref ${JSON.stringify(ref)} is not the name of a branch, tag or commit`,
    );
  }
}

export function withoutCredentials(text: string): string {
  return text.replace(/(\w:\/\/)[^/@\s]+@/g, "$1");
}
