import { type ApolloClient, gql } from "@apollo/client/core";
import { expect, it } from "vitest";
import { createApolloClient, followRun } from "../../examples/clients/apollo/run-events.ts";
import { expectEachEventOnce } from "./followed-run.ts";

it("Apollo Client sees each event of a run once and in order, and its cache is what they say", async () => {
  let client: ApolloClient;
  const id = await expectEachEventOnce(async (options) => {
    client = await createApolloClient(options);
    return followRun(client, options.variables, options.onMessage, options.onError);
  });
  const run = client!.cache.readFragment({
    id: `WorkflowRun:${id}`,
    fragment: gql`fragment Run on WorkflowRun { status }`,
  });
  expect(run).toMatchObject({ status: "SUCCEEDED" });
});
