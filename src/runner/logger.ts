/** Where the runner tells its operator what happens; one call is one line. */
export interface RunnerLogger {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

export const SILENT_LOGGER: RunnerLogger = { debug() {}, info() {}, warn() {}, error() {} };

/** Plain lines on standard error: a logging library would double the memory of this small process. */
export function createLineLogger(write: (line: string) => void, verbose: boolean): RunnerLogger {
  const log = (level: string) => (message: string) => {
    write(`${new Date().toISOString()} ${level} runner: ${message}\n`);
  };
  return {
    debug: verbose ? log("debug") : () => {},
    info: log("info"),
    warn: log("warn"),
    error: log("error"),
  };
}
