export const MAX_GLOB_LENGTH = 500;

/** Why a glob cannot name files of the workspace, in words that follow it; null when it can. */
export function refuseGlob(glob: string): string | null {
  if (glob.trim() === "") return "is empty";
  if (glob.length > MAX_GLOB_LENGTH) return `is longer than ${MAX_GLOB_LENGTH} characters`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused
  if (/[\u0000-\u001f]/.test(glob)) return "holds control characters";
  if (/^([/\\~]|[A-Za-z]:)/.test(glob)) return "is absolute";
  return /(^|[/\\{,(|])\.\.([/\\},)|]|$)/.test(glob) ? "leads out of the workspace" : null;
}
