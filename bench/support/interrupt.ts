const controller = new AbortController();

/** Aborted by Ctrl-C or a request to end: measuring stops, and what was started is ended in order. */
export const interrupted: AbortSignal = controller.signal;

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    process.exitCode = 1;
    controller.abort(new Error(`interrupted by ${signal}`));
  });
}
