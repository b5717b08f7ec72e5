import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SETTINGS } from "../config/settings.ts";

const NAME = "encryption-key";
const KEY_BYTES = 32;

/** The key of a stack on one's own machine: made at its first start, the same from then on. */
export function openEncryptionKey(dataDir: string): Buffer {
  const file = join(dataDir, NAME);
  if (!existsSync(file)) {
    // Whoever comes second takes the key of the first: what that has sealed must stay readable.
    try {
      writeFileSync(file, `${randomBytes(KEY_BYTES).toString("hex")}\n`, { mode: 0o600, flag: "wx" });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
  const { success, data } = SETTINGS.encryptionKey.kind.schema.safeParse(readFileSync(file, "utf8").trim());
  // A new key would make every secret that is stored unreadable for good.
  if (!success)
    throw new Error(`${file} holds no encryption key: restore it, or remove it and make new secrets`);
  return data;
}
