import { createCipheriv, createDecipheriv, createHmac, randomBytes } from "node:crypto";

const CIPHER = "aes-256-gcm";
/** Stands before everything sealed, so that another cipher can come later. */
const FORMAT = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
export const KEY_BYTES = 32;

/**
 * Encrypts what the database must hold but not show. What is sealed opens only under the same key and the same
 * `purpose`, so a sealed text copied into another row is worth nothing there.
 */
export class SecretBox {
  readonly #key: Buffer;

  constructor(key: Buffer) {
    if (key.length !== KEY_BYTES) throw new Error(`an encryption key has ${KEY_BYTES} bytes`);
    this.#key = key;
  }

  seal(secret: string, purpose: string): Buffer {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, this.#key, nonce).setAAD(Buffer.from(purpose));
    const body = Buffer.concat([cipher.update(secret, "utf8"), cipher.final()]);
    return Buffer.concat([Buffer.of(FORMAT), nonce, cipher.getAuthTag(), body]);
  }

  /** Tells equal values apart from others, and nobody without the key what they are. */
  fingerprint(value: Buffer): Buffer {
    return createHmac("sha256", this.#key).update(value).digest();
  }

  /** Null when it was sealed under another key or for another purpose, or was changed since. */
  open(sealed: Buffer, purpose: string): string | null {
    const tagAt = 1 + NONCE_BYTES;
    const bodyAt = tagAt + TAG_BYTES;
    if (sealed.length < bodyAt || sealed[0] !== FORMAT) return null;
    const nonce = sealed.subarray(1, tagAt);
    const decipher = createDecipheriv(CIPHER, this.#key, nonce, { authTagLength: TAG_BYTES })
      .setAAD(Buffer.from(purpose))
      .setAuthTag(sealed.subarray(tagAt, bodyAt));
    try {
      return Buffer.concat([decipher.update(sealed.subarray(bodyAt)), decipher.final()]).toString("utf8");
    } catch {
      return null;
    }
  }
}
