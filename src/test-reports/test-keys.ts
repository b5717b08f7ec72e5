import { createHash } from "node:crypto";

export const MAX_KEY_LENGTH = 500;
const HASH_LENGTH = 16;
const SEPARATOR = " > ";

/**
 * The keys by which tests are known from run to run: the names of the suites, the class and the test, joined by " > ".
 * A name that repeats the one before it is left out, as tools like to name a suite after its only class. Equal keys
 * are numbered in the order of the report, " #2", " #3"; long ones are cut and end in a hash of the whole.
 */
export class TestKeys {
  private readonly uses = new Map<string, number>();

  keyOf(path: readonly string[]): string {
    const names = path.map(cleanName).filter((name) => name !== "");
    const key = names.filter((name, index) => name !== names[index - 1]).join(SEPARATOR) || "unnamed";
    for (;;) {
      const use = (this.uses.get(key) ?? 0) + 1;
      this.uses.set(key, use);
      if (use === 1) return shortened(key);
      const numbered = `${key} #${use}`;
      // A test may be named like that itself.
      if (this.uses.has(numbered)) continue;
      this.uses.set(numbered, 1);
      return shortened(numbered);
    }
  }
}

function shortened(key: string): string {
  if (key.length <= MAX_KEY_LENGTH) return key;
  const hash = createHash("sha256").update(key).digest("hex").slice(0, HASH_LENGTH);
  // A character of two units must not be cut in half.
  const head = key.slice(0, MAX_KEY_LENGTH - HASH_LENGTH - 1).replace(/[\uD800-\uDBFF]$/, "");
  return `${head}~${hash}`;
}

/** On one line and without what no database stores: control characters and halves of surrogate pairs. */
export function cleanName(name: string): string {
  return name.replaceAll(/[\p{Cc}\p{Cs}\s]+/gu, " ").trim();
}

export function joinNames(names: readonly string[]): string | null {
  return (
    names
      .map(cleanName)
      .filter((name) => name !== "")
      .join(SEPARATOR) || null
  );
}
