import { buildSchema, type GraphQLSchema } from "graphql";
import type { RedisPubSub } from "graphql-redis-subscriptions";

export const TOPIC = "run_events";

/** The part of the schema that the subscription needs, of the same shape. What it selects is in the payload. */
const SDL = `
  scalar DateTime
  enum StreamEdge { START HEAD }
  enum RunStreamEnd { FINISHED DELETED }
  enum StepRunStatus { PENDING WAITING QUEUED RUNNING CANCELING SUCCEEDED FAILED TIMED_OUT CANCELED SKIPPED }
  input StreamPosition @oneOf { cursor: String, at: StreamEdge }
  interface StreamMessage { cursor: String! }
  interface RunEvent implements StreamMessage { cursor: String! seq: Int! at: DateTime! }
  type StepRun { id: ID! stepRef: String! status: StepRunStatus! }
  type StepStatusChanged implements RunEvent & StreamMessage {
    cursor: String!
    seq: Int!
    at: DateTime!
    stepStatus: StepRunStatus!
    attempt: Int!
    stepRun: StepRun
  }
  type Query { version: String }
  type Subscription {
    runEvents(workflowRunId: ID!, after: StreamPosition!, until: RunStreamEnd! = FINISHED): StreamMessage!
  }
`;

/** As the README of graphql-redis-subscriptions shows it: `subscribe` returns the iterator of the topic. */
export function peerSchema(pubsub: RedisPubSub): GraphQLSchema {
  const schema = buildSchema(SDL);
  const { runEvents } = schema.getSubscriptionType()!.getFields();
  runEvents!.subscribe = () => pubsub.asyncIterator(TOPIC);
  return schema;
}
