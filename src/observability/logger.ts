import { type DestinationStream, type Logger, pino } from "pino";
import type { Config } from "../config/load-config.ts";
import { prettyDestination } from "./pretty-destination.ts";

export type { Logger } from "pino";

const SECRET_KEYS = [
  "authorization",
  "x-access-token",
  "cookie",
  "cookies",
  "set-cookie",
  "token",
  "password",
  "secret",
  "encryptionKey",
  "databaseUrl",
  "redisUrl",
];

/** The library has no "at any depth"; nothing that is logged nests deeper than a request's headers in an error. */
const NESTINGS = ["", "*.", "*.*.", "*.*.*."];

const secretPaths = NESTINGS.flatMap((nesting) =>
  SECRET_KEYS.map((key) =>
    key.includes("-") ? `${nesting.replace(/\.$/, "")}["${key}"]` : `${nesting}${key}`,
  ),
);

export type LoggerConfig = Pick<Config, "logLevel" | "logFormat">;

/** Writes to standard output unless told otherwise. Values under secret-sounding keys are replaced. */
export function createLogger(
  config: LoggerConfig,
  destination: DestinationStream = pino.destination({ fd: 1, sync: true }),
): Logger {
  return pino(
    {
      level: config.logLevel,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: secretPaths, censor: "[redacted]" },
      serializers: { err: pino.stdSerializers.err, error: pino.stdSerializers.err },
    },
    config.logFormat === "pretty" ? prettyDestination(destination) : destination,
  );
}
