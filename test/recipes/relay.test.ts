import type { Environment } from "relay-runtime";
import { expect, it } from "vitest";
import { createEnvironment, followRun } from "../../examples/clients/relay/relay-client.ts";
import { expectEachEventOnce } from "./followed-run.ts";

it("Relay sees each event of a run once and in order, and its store is what they say", async () => {
  let environment: Environment;
  const id = await expectEachEventOnce((options) => {
    environment = createEnvironment(options);
    return followRun(environment, options.variables, options.onMessage, options.onError);
  });
  expect(environment!.getStore().getSource().get(id)).toMatchObject({ status: "SUCCEEDED" });
});
