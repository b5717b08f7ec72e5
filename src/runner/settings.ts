import { join } from "node:path";
import { isAllowable } from "./address-guard.ts";
import type { RunnerOptions } from "./runner.ts";
import { RunnerSetupError } from "./work-directory.ts";

export type RunnerSettings = Pick<
  RunnerOptions,
  | "url"
  | "token"
  | "name"
  | "queues"
  | "labels"
  | "capacity"
  | "workDirectory"
  | "allowFileSources"
  | "httpAllow"
>;

/**
 * The runner's own reading of its few variables: the application's settings module would more than double the
 * size of this process.
 * @throws RunnerSetupError naming every fault at once
 */
export function readRunnerSettings(environment: NodeJS.ProcessEnv, hostname: string): RunnerSettings {
  const faults: string[] = [];
  const read = (name: string, fallback = "") => environment[name]?.trim() || fallback;
  const list = (name: string, fallback = "") =>
    read(name, fallback)
      .split(",")
      .map((item) => item.trim())
      .filter((item) => item !== "");

  const url = read("RUNCAST_URL");
  if (!isHttpUrl(url)) faults.push("RUNCAST_URL must be the http or https URL of the server");
  const token = read("RUNCAST_TOKEN");
  if (token === "") faults.push("RUNCAST_TOKEN must hold a runner token");
  const capacity = Number(read("RUNCAST_RUNNER_CAPACITY", "4"));
  if (!Number.isInteger(capacity) || capacity < 1 || capacity > 1000) {
    faults.push("RUNCAST_RUNNER_CAPACITY must be a whole number from 1 to 1000");
  }
  const httpAllow = list("RUNCAST_RUNNER_HTTP_ALLOW");
  for (const entry of httpAllow.filter((text) => !isAllowable(text))) {
    faults.push(`RUNCAST_RUNNER_HTTP_ALLOW: ${JSON.stringify(entry)} is no host, address or network`);
  }
  if (faults.length > 0) throw new RunnerSetupError(faults.join("; "));
  return {
    url,
    token,
    capacity,
    name: read("RUNCAST_RUNNER_NAME", hostname.replace(/[^\w.-]+/g, "-")),
    queues: list("RUNCAST_RUNNER_QUEUES", "default"),
    labels: list("RUNCAST_RUNNER_LABELS"),
    workDirectory: read("RUNCAST_RUNNER_WORK_DIR", join(read("RUNCAST_DATA_DIR", ".runcast"), "work")),
    httpAllow,
    allowFileSources: /^(?:true|1|yes|on)$/i.test(read("RUNCAST_ALLOW_FILE_SOURCES")),
  };
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}
