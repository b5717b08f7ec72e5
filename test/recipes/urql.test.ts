import { it } from "vitest";
import { createUrqlClient, followRun } from "../../examples/clients/urql/run-events.ts";
import { expectEachEventOnce } from "./followed-run.ts";

it("urql sees each event of a run once and in order, however often the connection is cut", async () => {
  await expectEachEventOnce((options) =>
    followRun(createUrqlClient(options), options.variables, options.onMessage, options.onError),
  );
});
