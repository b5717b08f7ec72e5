const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

export const DURATION_PATTERN = /^[0-9]{1,10}(ms|s|m|h|d)$/;

export const MAX_DURATION_MS = 30 * UNIT_MS.d;

/** Milliseconds of "500ms", "30s", "10m", "2h" or "1d"; null when the text is not written like that. */
export function parseDuration(text: string): number | null {
  const unit = DURATION_PATTERN.exec(text)?.[1];
  if (unit === undefined) return null;
  return Number(text.slice(0, -unit.length)) * UNIT_MS[unit as keyof typeof UNIT_MS];
}
