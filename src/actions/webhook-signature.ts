import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

const PREFIX = "whsec_";
const SECRET_BYTES = 32;
/** How far the clocks of sender and receiver may be apart; an older delivery may be a recorded one. */
const TOLERANCE_MS = 5 * 60 * 1_000;
const MAX_ID_LENGTH = 200;

export function newWebhookSecret(): string {
  return PREFIX + randomBytes(SECRET_BYTES).toString("base64");
}

/** One header's text; null when it is missing or came more than once. */
export type HeaderReader = (name: string) => string | null;

/** A delivery as it came over the wire. */
export interface SignedDelivery {
  readonly header: HeaderReader;
  readonly body: Buffer;
}

/**
 * Checks a delivery's signature: that of Standard Webhooks, or GitHub's.
 * @returns what names the delivery, so that it is known when it comes again; null when the signature is not good
 */
export function verifiedDelivery(secret: string, delivery: SignedDelivery, now: Date): string | null {
  return delivery.header("webhook-signature") === null
    ? verifyGithub(secret, delivery)
    : verifyStandard(secret, delivery, now);
}

/** Signs "id.timestamp.body" under the bytes that the secret's text stands for. */
function verifyStandard(secret: string, { header, body }: SignedDelivery, now: Date): string | null {
  const id = idOf(header("webhook-id"));
  const timestamp = header("webhook-timestamp") ?? "";
  if (id === null || !/^\d{1,12}$/.test(timestamp)) return null;
  const key = Buffer.from(secret.slice(PREFIX.length), "base64");
  const expected = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest();
  // While a secret is being replaced a sender may sign under the old one and the new one.
  const given = (header("webhook-signature") ?? "").split(" ").filter((each) => each.startsWith("v1,"));
  const good = given.some((each) => same(Buffer.from(each.slice("v1,".length), "base64"), expected));
  const inTime = Math.abs(now.getTime() - Number(timestamp) * 1_000) <= TOLERANCE_MS;
  return good && inTime ? `standard:${id}` : null;
}

/** Signs the body alone, under the secret's text itself: neither its id nor its time is vouched for. */
function verifyGithub(secret: string, { header, body }: SignedDelivery): string | null {
  const id = idOf(header("x-github-delivery"));
  const [, digest] = /^sha256=([0-9a-f]{64})$/.exec(header("x-hub-signature-256") ?? "") ?? [];
  const expected = createHmac("sha256", secret).update(body).digest();
  const good = same(Buffer.from(digest ?? "", "hex"), expected);
  return good && id !== null ? `github:${id}` : null;
}

function idOf(text: string | null): string | null {
  return text !== null && text !== "" && text.length <= MAX_ID_LENGTH ? text : null;
}

/** In a time that tells nothing about where they differ. */
function same(given: Buffer, expected: Buffer): boolean {
  return given.length === expected.length && timingSafeEqual(given, expected);
}
