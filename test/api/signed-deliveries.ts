import { createHmac, randomUUID } from "node:crypto";

export interface Delivery {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A delivery as a sender that follows Standard Webhooks makes it, written from its specification. */
export function signedDelivery(
  secret: string,
  payload: unknown,
  at: Date,
  id: string = randomUUID(),
): Delivery {
  const body = typeof payload === "string" ? payload : JSON.stringify(payload);
  const timestamp = String(Math.floor(at.getTime() / 1_000));
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const signature = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64");
  return {
    headers: { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": `v1,${signature}` },
    body,
  };
}

/** A delivery as GitHub makes it. */
export function githubDelivery(secret: string, payload: unknown, id: string = randomUUID()): Delivery {
  const body = JSON.stringify(payload);
  const signature = createHmac("sha256", secret).update(body).digest("hex");
  return { headers: { "x-hub-signature-256": `sha256=${signature}`, "x-github-delivery": id }, body };
}
