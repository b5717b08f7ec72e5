import { graphql } from "relay-runtime";

/**
 * Read by relay-compiler only (`npm run relay`), which writes `__generated__`. With Relay's plugin for Babel or SWC this
 * constant becomes that artifact; without a plugin the artifact is imported by itself, as relay-client.ts does.
 */
export const RunEvents = graphql`
  subscription runEventsSubscription($id: ID!, $after: StreamPosition!) {
    runEvents(workflowRunId: $id, after: $after) {
      __typename
      cursor
      ... on RunEvent {
        seq
        workflowRun {
          id
          status
        }
      }
      ... on StepStatusChanged {
        stepStatus
        stepRun {
          id
          stepRef
          status
        }
      }
    }
  }
`;
