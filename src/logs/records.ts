/** Reading log records: `<time> <stream> <F|P> <text>`, the format that container runtimes write (CRI). */

export const LOG_STREAMS = ["stdout", "stderr", "system"] as const;
export type LogStream = (typeof LOG_STREAMS)[number];

export interface LogLine {
  /** 1-based, over the whole log of the attempt. */
  readonly number: number;
  readonly at: Date;
  readonly stream: LogStream;
  readonly text: string;
  /** The line goes on in the next record of its stream. */
  readonly partial: boolean;
}

const RECORD = /^(\S+) (stdout|stderr|system) ([FP]) (.*)$/s;

/** A record that does not parse is shown as it is: a log is evidence, and none of it is dropped. */
export function parseRecord(record: string, number: number): LogLine {
  const match = RECORD.exec(record);
  const at = new Date(match?.[1] ?? Number.NaN);
  if (match === null || Number.isNaN(at.getTime())) {
    return { number, at: new Date(0), stream: "system", text: record, partial: false };
  }
  return { number, at, stream: match[2] as LogStream, text: match[4]!, partial: match[3] === "P" };
}

export function formatRecord({ at, stream, text, partial }: Omit<LogLine, "number">): string {
  return `${at.toISOString()} ${stream} ${partial ? "P" : "F"} ${text}\n`;
}

/** How many records end in these bytes. */
export function countNewlines(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) count++;
  return count;
}
