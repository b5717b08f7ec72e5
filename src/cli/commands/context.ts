import { pino } from "pino";
import { type Config, loadConfig } from "../../config/load-config.ts";
import { createLogger, type Logger } from "../../observability/logger.ts";

/** Reads the configuration and says on standard error what is odd about it. */
export function readConfig(defaults: Readonly<Record<string, string>> = {}): Config {
  const config = loadConfig({ ...defaults, ...process.env });
  for (const warning of config.warnings) process.stderr.write(`${warning}\n`);
  return config;
}

/** Commands that show something to a person log to standard error, and only what needs their attention. */
export function quietLogger(config: Config): Logger {
  const logLevel = config.given.has("logLevel") ? config.logLevel : "warn";
  return createLogger({ ...config, logLevel }, pino.destination({ fd: 2, sync: true }));
}

/** Resolves with the signal's name when the process is asked to end. A second signal ends it at once. */
export async function askedToEnd(): Promise<NodeJS.Signals> {
  return await new Promise((resolve) => {
    let asked = false;
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.on(signal, () => {
        if (asked) process.exit(1);
        asked = true;
        resolve(signal);
      });
    }
  });
}
