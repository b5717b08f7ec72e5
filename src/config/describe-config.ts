import type { Config } from "./load-config.ts";
import { SETTING_LIST, type SettingName, type Settings } from "./settings.ts";

const MASK = "***";

/** Strict on purpose: where an unencoded password could be taken for another part, nothing matches. */
const MASKABLE_URL =
  /^([a-z]+:\/\/)(?:([^:@/?#]*)(:[^@/?#]*)?@)?((?:\[[\d:.a-f]+\]|[^@?#:/]*)(?::\d+)?(?:\/[^@?#]*)?)(\?[^@]*)?$/i;

/** One line per setting: variable, value and whether it is the default. Secrets are masked. */
export function describeConfig(config: Config): string {
  const width = Math.max(...SETTING_LIST.map(({ variable }) => variable.length));
  return SETTING_LIST.map(({ name, variable, kind, secret }) => {
    const text = textOf(config[name], kind.unit);
    const shown = secret && config[name] !== null ? masked(text) : text;
    return `${variable.padEnd(width)}  ${shown}${config.given.has(name) ? "" : "  (default)"}`;
  }).join("\n");
}

function textOf(value: Settings[SettingName], unit = ""): string {
  if (value === null) return "(none)";
  if (Array.isArray(value)) return value.length === 0 ? "(none)" : value.join(",");
  return `${value}${unit}`;
}

/** Of a URL only scheme, user, host and path are shown; of anything else nothing. */
function masked(text: string): string {
  const url = MASKABLE_URL.exec(text);
  if (url === null) return MASK;
  const [, scheme, user, password, rest, query] = url;
  const account = user === undefined ? "" : `${user}${password === undefined ? "" : `:${MASK}`}@`;
  return `${scheme}${account}${rest}${query === undefined ? "" : `?${MASK}`}`;
}
