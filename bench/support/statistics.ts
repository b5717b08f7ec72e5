/** The value below which `share` (0 to 1) of the sample lies, between the neighbours in proportion. */
export function quantile(sample: readonly number[], share: number): number {
  const sorted = [...sample].sort((a, b) => a - b);
  const position = (sorted.length - 1) * share;
  const below = sorted[Math.floor(position)]!;
  const above = sorted[Math.ceil(position)]!;
  return below + (above - below) * (position % 1);
}

export function median(sample: readonly number[]): number {
  return quantile(sample, 0.5);
}
