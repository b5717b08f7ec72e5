import type { DestinationStream } from "pino";

interface Entry {
  readonly level: string;
  readonly time: string;
  readonly msg?: string;
  readonly err?: { readonly stack?: string; readonly message?: string };
  readonly [key: string]: unknown;
}

/** Rewrites pino's JSON lines for people: `12:00:01.250 INFO  message key=value`, an error's stack below. */
export function prettyDestination(destination: DestinationStream): DestinationStream {
  return { write: (line) => destination.write(`${pretty(JSON.parse(line) as Entry)}\n`) };
}

function pretty({ level, time, msg, err, ...rest }: Entry): string {
  const fields = Object.entries(rest).map(
    ([key, value]) =>
      `${key}=${typeof value === "string" && /^\S+$/.test(value) ? value : JSON.stringify(value)}`,
  );
  const clock = time.slice("yyyy-mm-ddT".length, -1);
  const line = [clock, level.toUpperCase().padEnd(5), msg ?? err?.message ?? "", ...fields].join(" ");
  return err?.stack === undefined ? line : `${line}\n${err.stack.replace(/^/gm, "    ")}`;
}
