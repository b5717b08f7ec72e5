import type { Clock } from "../../domain/clock.ts";
import type { SecretMasker } from "../../domain/mask.ts";
import { LogRecordWriter } from "../log-records.ts";
import type { LogStream } from "../log-stream.ts";
import type { TestResult } from "../protocol-tests.ts";

/** Above this many bytes that the server has not taken, no more reports are read. */
const HIGH_WATER_BYTES = 8 * 1024 * 1024;

export type TestLogPlace = Pick<TestResult, "logPart" | "logLength" | "logCrc32">;

/** The logs of the tests of one task: each gets the next part. */
export class TestLogs {
  private part = 0;
  private open: LogStream[] = [];

  constructor(
    private readonly openLog: (part: number) => LogStream,
    private readonly clock: Clock,
    private readonly masker: SecretMasker,
  ) {}

  next(): TestLog {
    const stream = this.openLog(++this.part);
    this.open.push(stream);
    if (this.open.length > 1_000) this.forgetSettled();
    return new TestLog(this.part, stream, this.clock, this.masker);
  }

  /** Waits until the server has taken enough to go on. */
  async room(signal: AbortSignal): Promise<void> {
    this.forgetSettled();
    const pending = () => this.open.reduce((sum, { pendingBytes }) => sum + pendingBytes, 0);
    while (pending() > HIGH_WATER_BYTES && !signal.aborted) {
      await Promise.race([this.open[0]!.whenSettled(), untilAborted(signal)]);
      this.forgetSettled();
    }
  }

  /** Another may have the step: its server wants nothing of this. */
  abandon(): void {
    for (const stream of this.open) stream.abandon();
  }

  private forgetSettled(): void {
    this.open = this.open.filter((stream) => !stream.settled);
  }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

export class TestLog {
  readonly writer: LogRecordWriter;

  constructor(
    readonly part: number,
    private readonly stream: LogStream,
    clock: Clock,
    masker: SecretMasker,
  ) {
    this.writer = new LogRecordWriter(clock, masker, (records) => stream.append(records));
  }

  backpressure(): Promise<void> | null {
    return this.stream.backpressure();
  }

  end(): TestLogPlace {
    this.writer.end();
    this.stream.finish();
    const { length, crcHex } = this.stream;
    if (length === 0) return NO_LOG;
    return { logPart: this.part, logLength: length, logCrc32: crcHex };
  }
}

export const NO_LOG: TestLogPlace = { logPart: null, logLength: null, logCrc32: null };
