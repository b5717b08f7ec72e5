import { createHmac, timingSafeEqual } from "node:crypto";

/** How long a link to a file is good for: long enough to start a download, too short to be worth passing on. */
const VALID_MS = 5 * 60_000;

/**
 * Links to files that carry their own permission, for browsers and download tools that send no token. Whoever may
 * read the object is given one; it is good for its path alone, and for five minutes.
 */
export class SignedLinks {
  readonly #key: Buffer;

  /** @param key the installation's signing key: a link of one replica is good at every other */
  constructor(key: Buffer) {
    this.#key = key;
  }

  /** @returns the path with `expires` (milliseconds since 1970) and `signature` in its query */
  sign(path: string, now: Date): string {
    const expires = String(now.getTime() + VALID_MS);
    return `${path}${path.includes("?") ? "&" : "?"}expires=${expires}&signature=${this.#signatureOf(path, expires)}`;
  }

  /** Whether the address of a request, query included, was signed here and is still good. */
  verify(url: string, now: Date): boolean {
    const found = /^(.*)[?&]expires=(\d{1,15})&signature=([A-Za-z0-9_-]{43})$/.exec(url);
    if (found === null) return false;
    const [, path, expires, signature] = found as unknown as [string, string, string, string];
    const expected = Buffer.from(this.#signatureOf(path, expires));
    return timingSafeEqual(expected, Buffer.from(signature)) && Number(expires) > now.getTime();
  }

  #signatureOf(path: string, expires: string): string {
    return createHmac("sha256", this.#key).update(`link\n${path}\n${expires}`).digest("base64url");
  }
}
