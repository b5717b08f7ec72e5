import { REMEMBER_KEYS_MS } from "../actions/command.ts";
import { REMEMBER_DELIVERIES_MS } from "../actions/deliver-webhook.ts";
import { forgetTombstones } from "../persistence/deletion-store.ts";
import { forgetKeys } from "../persistence/idempotency-store.ts";
import { forgetDeliveries } from "../persistence/webhook-store.ts";
import type { Duty } from "./duty.ts";

/** How long lists and resumed streams are told of a deletion. */
const REMEMBER_DELETIONS_MS = 30 * 24 * 60 * 60 * 1_000;

/** Forgets what was kept only to know it when it comes again. What is older counts as new already. */
export const forgetOld: Duty = {
  name: "forget-old",
  everyMs: 10 * 60 * 1_000,
  async run({ database, clock }) {
    const now = clock.now().getTime();
    await forgetKeys(database, new Date(now - REMEMBER_KEYS_MS));
    await forgetDeliveries(database, new Date(now - REMEMBER_DELIVERIES_MS));
    await forgetTombstones(database, new Date(now - REMEMBER_DELETIONS_MS));
    return undefined;
  },
};
