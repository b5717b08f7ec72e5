/** Farther than this, a guess confuses more than it helps. */
const MAX_DISTANCE = 2;

/** The candidate that `word` most likely meant, or null when none is near. */
export function closest(word: string, candidates: Iterable<string>): string | null {
  const limit = Math.min(MAX_DISTANCE, Math.floor(word.length / 2));
  let best: string | null = null;
  let bestDistance = limit + 1;
  for (const candidate of candidates) {
    if (candidate === word || Math.abs(candidate.length - word.length) >= bestDistance) continue;
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase(), bestDistance);
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/**
 * Insertions, deletions, replacements and swaps of neighbours; `limit` when there are at least as many. Only
 * the diagonal band that can stay below the limit is computed: a file may hold 10,000 long refs to compare.
 */
function editDistance(from: string, to: string, limit: number): number {
  let before: number[] = [];
  let above = Array.from({ length: to.length + 1 }, (_, column) => Math.min(column, limit));
  for (let row = 1; row <= from.length; row++) {
    const current = new Array<number>(to.length + 1).fill(limit);
    current[0] = Math.min(row, limit);
    for (let column = Math.max(1, row - limit); column <= Math.min(to.length, row + limit); column++) {
      const replaced = above[column - 1]! + (from[row - 1] === to[column - 1] ? 0 : 1);
      const swapped =
        from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
          ? before[column - 2]! + 1
          : limit;
      current[column] = Math.min(above[column]! + 1, current[column - 1]! + 1, replaced, swapped, limit);
    }
    if (current.every((distance) => distance >= limit)) return limit;
    [before, above] = [above, current];
  }
  return above[to.length]!;
}
