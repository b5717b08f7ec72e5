import { it } from "vitest";
import { pollRun } from "../../examples/clients/polling/run-events.ts";
import { createRuncastClient, type RuncastClient } from "../../src/client/runcast-client.ts";
import { expectEachEventOnce } from "./followed-run.ts";

it("a client that only polls sees each event of a run once and in order", async () => {
  await expectEachEventOnce(({ url, token, variables, onMessage, onError }) => {
    const runcast = createRuncastClient({ url, token });
    onMessage({ __typename: "CaughtUp" });
    void poll(runcast, variables.id, onMessage).catch(onError);
  });
});

async function poll(
  runcast: RuncastClient,
  id: string,
  onMessage: (message: { __typename: string; seq: number }) => void,
): Promise<void> {
  for await (const event of pollRun(runcast, id, { everyMs: 5 })) onMessage(event);
}
