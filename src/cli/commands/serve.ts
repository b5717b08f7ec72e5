import { startApp } from "../../app.ts";
import { createLogger } from "../../observability/logger.ts";
import { migrate } from "../../persistence/migrate.ts";
import { askedToEnd, readConfig } from "./context.ts";

/** The API and the duties, on a database of one's own. */
export async function serve(): Promise<void> {
  const config = readConfig();
  const logger = createLogger(config);
  if (config.databaseUrl === null) {
    throw new Error("serve needs DATABASE_URL; for a stack with its own database run: runcast dev");
  }
  await migrate(config.databaseUrl);
  const ending = askedToEnd();
  const app = await startApp({
    config,
    databaseUrl: config.databaseUrl,
    encryptionKey: config.encryptionKey,
    logger,
  });
  logger.info({ url: app.url }, "serving");
  const signal = await ending;
  logger.info({ signal }, "stopping");
  setTimeout(() => {
    logger.error("work in flight did not end in time");
    process.exit(1);
  }, config.shutdownGraceMs).unref();
  await app[Symbol.asyncDispose]();
}
