/** The names of files that steps keep: relative to the workspace, parted by `/`, harmless wherever they are unpacked. */

const MAX_PATH_BYTES = 1_024;
const MAX_SEGMENT_BYTES = 255;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused
const UNSAFE_CHARACTERS = /[\u0000-\u001f\u007f\\]|\p{Surrogate}/u;

/** @returns why this cannot be the path of an artifact, to follow its name; null when it can */
export function artifactPathFault(path: string): string | null {
  if (path === "") return "is empty";
  if (byteLength(path) > MAX_PATH_BYTES) return `is longer than ${MAX_PATH_BYTES} bytes`;
  if (UNSAFE_CHARACTERS.test(path)) return "holds control characters, backslashes or broken Unicode";
  if (path.startsWith("/") || /^[A-Za-z]:/.test(path)) return "is absolute";
  const segments = path.split("/");
  if (segments.includes("..")) return "leads out of the workspace";
  if (segments.some((segment) => segment === "" || segment === ".")) return "has empty parts";
  return segments.some((segment) => byteLength(segment) > MAX_SEGMENT_BYTES)
    ? `has a name of more than ${MAX_SEGMENT_BYTES} bytes`
    : null;
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
