import { WebSocket } from "ws";
import { SUBSCRIPTION, seqOf } from "./stream-text.ts";

export interface SubscriberOptions {
  readonly url: string;
  /** Null = the server asks for none. */
  readonly token: string | null;
  readonly workflowRunId: string;
  readonly operationId: string;
  /** Whether the server says when history is over. */
  readonly catchesUp: boolean;
  /** Reads each message as a whole: its operation and its moment. Costs too much to be done by all. */
  readonly careful: boolean;
}

export interface SubscriberEvents {
  following(): void;
  received(): void;
  /** The stream is not what it should be. */
  failed(what: string): void;
  /** By the server. */
  closed(code: number, reason: string): void;
}

export type Stage =
  | "connecting"
  | "waiting for connection_ack"
  | "waiting for CaughtUp"
  | "following"
  | "closed";

interface EventMessage {
  readonly id: string;
  readonly payload: { readonly data: { readonly runEvents: { readonly at: string } } };
}

/** One client with one socket and one subscription; each event has to come once, in order, none left out. */
export class Subscriber {
  readonly #options: SubscriberOptions;
  readonly #events: SubscriberEvents;
  readonly #socket: WebSocket;
  stage: Stage = "connecting";
  /** Of its first event; all subscribers have to agree on it. */
  first = Number.NaN;
  received = 0;
  receivedBytes = 0;
  /** Of careful ones: milliseconds from an event's own moment until it was here. */
  readonly latencies: number[] = [];
  /** Of careful ones: the messages as they came. */
  readonly texts: string[] = [];

  constructor(options: SubscriberOptions, events: SubscriberEvents) {
    this.#options = options;
    this.#events = events;
    const cheap = { perMessageDeflate: false, skipUTF8Validation: true };
    this.#socket = new WebSocket(options.url, "graphql-transport-ws", cheap);
    this.#socket.on("open", () => {
      this.#send({ type: "connection_init", payload: credentials(options.token) });
      this.stage = "waiting for connection_ack";
    });
    this.#socket.on("message", (message: Buffer) => this.#receive(message));
    let error = "";
    this.#socket.on("error", ({ message }) => {
      error = message;
    });
    this.#socket.on("close", (code, reason) => {
      const was = this.stage;
      this.stage = "closed";
      if (was !== "closed") events.closed(code, String(reason) || error);
    });
  }

  /** Stops reading, as a client that hangs; the rest comes after `resume`. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  leave(): void {
    this.stage = "closed";
    this.#socket.terminate();
  }

  #receive(message: Buffer): void {
    const seq = seqOf(message);
    if (seq === null) {
      this.#control(String(message));
      return;
    }
    if (this.received === 0) this.first = seq;
    const expected = this.first + this.received;
    if (seq !== expected) this.#events.failed(`it was sent event ${seq} where ${expected} comes next`);
    this.received++;
    this.receivedBytes += message.length;
    if (this.#options.careful) this.#read(message);
    this.#events.received();
  }

  #read(message: Buffer): void {
    const text = String(message);
    const { id, payload } = JSON.parse(text) as EventMessage;
    if (id !== this.#options.operationId) this.#events.failed(`it was sent a message of the operation ${id}`);
    this.latencies.push(performance.timeOrigin + performance.now() - Date.parse(payload.data.runEvents.at));
    this.texts.push(text);
  }

  #control(text: string): void {
    const { operationId: id, workflowRunId, catchesUp } = this.#options;
    const { type } = JSON.parse(text) as { type: string };
    if (type === "connection_ack") {
      const payload = { query: SUBSCRIPTION, variables: { id: workflowRunId } };
      this.#send({ id, type: "subscribe", payload });
      if (catchesUp) this.stage = "waiting for CaughtUp";
      else this.#follow();
    } else if (type === "ping") {
      this.#send({ type: "pong" });
    } else if (text.includes('"CaughtUp"')) {
      this.#follow();
    } else {
      this.#events.failed(`it was sent ${text}`);
    }
  }

  #follow(): void {
    this.stage = "following";
    this.#events.following();
  }

  #send(message: object): void {
    this.#socket.send(JSON.stringify(message));
  }
}

function credentials(token: string | null): object {
  return token === null ? {} : { authorization: `Bearer ${token}` };
}
