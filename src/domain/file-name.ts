const MAX_LENGTH = 200;
/** Control characters, also those that turn the direction of text round. */
const HIDDEN = /[\p{Cc}\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/u;

/** What is wrong with the name of a file that somebody sends; null = nothing. It is shown and never used as a path. */
export function fileNameFault(name: string): string | null {
  if (name.trim() === "" || name.length > MAX_LENGTH) return `1 to ${MAX_LENGTH} characters`;
  if (/[/\\]/.test(name) || name === "." || name === "..") return "a name, not a path: no / and no \\";
  if (HIDDEN.test(name)) return "no control characters";
  if (/\.zip$/i.test(name)) return "no zip archive: send the text, or gzip it";
  return null;
}
