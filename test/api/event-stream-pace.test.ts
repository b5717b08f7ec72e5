import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { GraphQLError } from "graphql";
import { afterEach, describe, expect, it } from "vitest";
import { PacedResults } from "../../src/http/paced-results.ts";
import { drained, sendEvents } from "../../src/http/send-events.ts";
import { waitFor } from "../support/wait-for.ts";

const MESSAGE = "x".repeat(10_000);
let server: Server;
afterEach(() => server.close().closeAllConnections());

/** Sends 200 MB to whoever comes, over real HTTP. */
async function startSending(stallMs: number) {
  const state = { taken: 0, returned: false, finished: false };
  server = createServer(async (_request, response) => {
    const source = (async function* () {
      try {
        // Far more than any buffer takes, and yet an end for whom nothing holds back.
        while (state.taken < 20_000) {
          state.taken++;
          yield { data: { text: MESSAGE } };
        }
      } finally {
        state.returned = true;
      }
    })();
    const results = new PacedResults(source, {
      ready: async () => await drained(response, stallMs),
      check: () => undefined,
    });
    const texts = (async function* () {
      yield* (async function* () {
        for await (const result of results) yield JSON.stringify(result);
      })();
    })();
    await sendEvents(response, texts);
    state.finished = true;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return state;
}

async function ask(): Promise<Socket> {
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  await once(socket, "connect");
  socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
  return socket;
}

describe("a client that never reads", () => {
  it("holds a bounded number of messages, and is cut off in the end", async () => {
    const state = await startSending(200);
    const socket = await ask();
    socket.pause();
    await waitFor("the end of the stream", () => state.finished && state.returned);
    // What the kernel takes for a connection is some megabytes at most; without pacing it would take all there is.
    expect(state.taken * MESSAGE.length).toBeLessThan(20_000_000);
    socket.destroy();
  });
});

describe("a client that reads", () => {
  it("gets more than any buffer holds, and its source is told to end when it hangs up", async () => {
    const state = await startSending(60_000);
    const socket = await ask();
    let received = 0;
    socket.on("data", (data: Buffer) => {
      received += data.length;
    });
    await waitFor("many megabytes", () => received > 30_000_000);
    socket.destroy();
    await waitFor("the end of the stream", () => state.finished && state.returned);
  });
});

describe("results in their pace", () => {
  const pace = { ready: async () => undefined, check: () => undefined };
  const never = () => {
    let returned = 0;
    const source = {
      next: () => new Promise<never>(() => undefined),
      return: async () => {
        returned++;
        return { done: true as const, value: undefined };
      },
    } as unknown as AsyncGenerator<never, void, void>;
    return { source, returned: () => returned };
  };

  it("end while they are waited for: with an error from outside, which is the last one", async () => {
    const { source, returned } = never();
    const results = new PacedResults(source, pace);
    const next = results.next();
    results.end(new GraphQLError("enough"));
    expect((await next).value!.errors![0]!.message).toBe("enough");
    expect(await results.next()).toEqual({ done: true, value: undefined });
    expect(returned()).toBe(1);
  });

  it("end while they are waited for when nobody wants them any more", async () => {
    const { source, returned } = never();
    const results = new PacedResults(source, pace);
    const next = results.next();
    await results.return();
    expect(await next).toEqual({ done: true, value: undefined });
    expect(returned()).toBe(1);
  });

  it("make an error of their source the last one", async () => {
    const source = (async function* () {
      yield { data: { n: 1 } };
      throw new Error("broke");
    })();
    const seen = [];
    for await (const result of new PacedResults(source, pace)) seen.push(result);
    expect(seen).toMatchObject([{ data: { n: 1 } }, { errors: [{ originalError: { message: "broke" } }] }]);
  });
});
