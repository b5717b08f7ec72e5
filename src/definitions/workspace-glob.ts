export const MAX_GLOB_LENGTH = 500;

/** Why a glob cannot name files of the workspace, in words that follow it; null when it can. */
export function refuseGlob(glob: string): string | null {
  if (glob === "") return "names no files";
  if (/^(\/|~|[A-Za-z]:[\\/])/.test(glob)) return "must be relative to the workspace";
  if (glob.split(/[\\/]/).includes("..")) return 'must not lead out of the workspace with ".."';
  return glob.includes("\0") ? "holds a NUL character" : null;
}
