/**
 * Seconds as tools of any locale write them, in milliseconds; null when it is no time. With both signs the last one is
 * the decimal one, a sign that repeats separates thousands, and one alone is the decimal one.
 */
export function parseSeconds(written: string | undefined): number | null {
  if (written === undefined) return null;
  const text = written.replaceAll(/[\s\u00A0\u202F'’_]|s$/g, "");
  const signs = text.replaceAll(/[^.,]/g, "");
  const decimal = new Set(signs).size === 1 && signs.length > 1 ? "" : signs.at(-1);
  const plain = decimal
    ? text.replaceAll(decimal === "," ? "." : ",", "").replace(decimal, ".")
    : text.replaceAll(/[.,]/g, "");
  if (!/^\d*\.?\d+(e[+-]?\d+)?$|^\d+\.$/i.test(plain)) return null;
  const ms = Number(plain) * 1000;
  return Number.isFinite(ms) ? Math.round(ms * 1000) / 1000 : null;
}

const EPOCH = /^\d{9,}(\.\d+)?$/;
const ISO = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?)\s*(Z|[+-]\d\d:?\d\d)?$/i;
/** In seconds, this is the year 5138; in milliseconds, 1973. */
const FIRST_MILLISECONDS = 1e11;

/** ISO 8601, UTC where it names no zone, or seconds or milliseconds since 1970; null when it is neither. */
export function parseTimestamp(written: string | undefined): Date | null {
  const text = written?.trim() ?? "";
  if (EPOCH.test(text)) {
    const number = Number(text);
    return validDate(number < FIRST_MILLISECONDS ? number * 1000 : number);
  }
  const [, day, time, zone = "Z"] = ISO.exec(text) ?? [];
  if (day === undefined || time === undefined) return null;
  const offset = zone.length === 5 ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone.toUpperCase();
  return validDate(Date.parse(`${day}T${time.replace(",", ".")}${offset}`));
}

/** Four digits of the year are what everybody can store. */
const LAST_MS = Date.UTC(9999, 11, 31);

function validDate(ms: number): Date | null {
  return ms >= 0 && ms <= LAST_MS ? new Date(ms) : null;
}
