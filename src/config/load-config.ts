import { hostname } from "node:os";
import { type Machine, SETTING_LIST, SETTINGS, type SettingName, type Settings } from "./settings.ts";
import { unknownVariables } from "./unknown-variables.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Config extends Settings {
  /** Settings that the environment gave; all others have their default. */
  readonly given: ReadonlySet<SettingName>;
  /** One line each, to be shown to the person who started the process. */
  readonly warnings: readonly string[];
}

/** The environment is unusable. `faults` names every variable at fault, so that one round of repair is enough. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(["The configuration has faults:", ...faults.map((fault) => `  ${fault}`)].join("\n"));
    this.faults = faults;
  }
}

type SettingRow = (typeof SETTING_LIST)[number];

const thisMachine: Machine = { isTTY: process.stdout.isTTY === true, hostname: hostname() };

/**
 * Reads every setting at once. An empty variable counts as absent, because compose files and shells
 * pass `NAME=` for "not set".
 * @throws ConfigError with all faults together
 */
export function loadConfig(environment: Environment, machine: Machine = thisMachine): Config {
  const faults: string[] = [];
  const given = new Set<SettingName>();
  const values = new Map<SettingName, unknown>();
  const dataDir = textOf(environment, SETTINGS.dataDir.variable) ?? SETTINGS.dataDir.default;
  for (const setting of SETTING_LIST) {
    const text = textOf(environment, setting.variable);
    if (text !== undefined) given.add(setting.name);
    const source = text ?? defaultText(setting, machine, dataDir);
    if (source === null) {
      values.set(setting.name, null);
      continue;
    }
    const parsed = setting.kind.schema.safeParse(source);
    if (parsed.success) values.set(setting.name, parsed.data);
    else faults.push(faultOf(setting, source));
  }
  faults.push(...incompleteStore(given));
  if (faults.length > 0) throw new ConfigError(faults);
  const settings = Object.fromEntries(values) as unknown as Settings;
  return { ...settings, given, warnings: unknownVariables(environment) };
}

const STORE = ["s3Endpoint", "s3Bucket", "s3AccessKeyId", "s3SecretAccessKey"] as const;

/** Half a store would be none, and nobody would notice before the folder is full. */
function incompleteStore(given: ReadonlySet<SettingName>): string[] {
  const set = STORE.find((name) => given.has(name));
  if (set === undefined) return [];
  return STORE.filter((name) => !given.has(name)).map(
    (name) => `${SETTINGS[name].variable} is missing; ${SETTINGS[set].variable} needs it`,
  );
}

function textOf(environment: Environment, variable: string): string | undefined {
  const text = environment[variable]?.trim();
  return text === "" ? undefined : text;
}

function defaultText({ default: value }: SettingRow, machine: Machine, dataDir: string): string | null {
  return value === null || typeof value === "string" ? value : value.from(machine, dataDir);
}

function faultOf(setting: SettingRow, text: string): string {
  const shown = setting.secret ? "is set to something else (not shown)" : `is ${JSON.stringify(echo(text))}`;
  return `${setting.variable} ${shown}; expected ${setting.kind.expects}`;
}

const LONGEST_ECHO = 80;

/** A mistyped URL may still carry a password, also where none is allowed. */
function echo(text: string): string {
  const harmless = text.replace(/\/\/[^/\s]*@/g, "//***@");
  return harmless.length > LONGEST_ECHO ? `${harmless.slice(0, LONGEST_ECHO)}...` : harmless;
}
