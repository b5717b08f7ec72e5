import { describeConfig } from "../../config/describe-config.ts";
import { readConfig } from "./context.ts";

/**
 * Shows every setting with its value and where it comes from; secrets are masked. Fails on a faulty one, and if Redis is
 * wanted and does not answer.
 */
export async function checkConfig(): Promise<void> {
  const config = readConfig();
  process.stdout.write(`${describeConfig(config)}\n`);
  if (config.redisUrl !== null) await checkRedis(config.redisUrl);
}

async function checkRedis(url: string): Promise<void> {
  const { pingRedis } = await import("../../realtime/redis-connection.ts");
  const version = await pingRedis(url).catch((error: Error) => {
    throw new Error(`REDIS_URL: Redis does not answer (${error.message})`);
  });
  process.stdout.write(`REDIS_URL: Redis ${version} answers\n`);
}
