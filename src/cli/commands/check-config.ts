import { describeConfig } from "../../config/describe-config.ts";
import { readConfig } from "./context.ts";

/** Shows every setting with its value and where it comes from; secrets are masked. Fails on a faulty one. */
export function checkConfig(): void {
  process.stdout.write(`${describeConfig(readConfig())}\n`);
}
