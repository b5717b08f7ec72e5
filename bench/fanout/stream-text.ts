/** The messages that subscribers are sent: those of floor and peer are the subject's own, told anew. */

/** Subscriber 0 has it everywhere, and all subscribers of the floor: its buffer is the same for all. */
export const FIXED_OPERATION = "00000000-0000-4000-8000-000000000000";

export const SUBSCRIPTION = `subscription ($id: ID!) {
  runEvents(workflowRunId: $id, after: { at: HEAD }, until: DELETED) {
    __typename
    cursor
    ... on RunEvent { seq at }
    ... on StepStatusChanged { stepStatus attempt stepRun { id stepRef status } }
  }
}`;

const SEQ = '"seq":';
const DIGITS = 10;

/** The seq of a message; null when it is not an event. Parsing all of it would cost the load more than reading it. */
export function seqOf(message: Buffer): number | null {
  const start = message.indexOf(SEQ);
  if (start === -1) return null;
  return Number.parseInt(message.toString("latin1", start + SEQ.length, start + SEQ.length + DIGITS), 10);
}

/** A message of the subject as if it was the event `seq`, of now. */
export function retold(recorded: readonly string[], seq: number): string {
  const text = recorded[seq % recorded.length];
  if (text === undefined) throw new Error("nothing was recorded to be told again");
  return text
    .replace(/"seq":\d+/, `${SEQ}${seq}`)
    .replace(/"at":"[^"]*"/, `"at":"${new Date().toISOString()}"`);
}
