import type { BlendWeights } from '../blend/blend.js';
import { dotsOfRows } from '../kernels/simd-dots.js';
import type { ItemTable } from '../table.js';
import type { Walk } from '../wide/walk.js';
import { baseOf, type DomainPriors } from './priors.js';
import type { ScanTarget } from './scan.js';
import type { Scored } from './wide.js';

/** Items of a user's ring that a list may have, for what they score less (repeats/repeats.ts). */
export interface HeldBack {
  readonly rows: Iterable<number>;
  /** What they score more: below 0. */
  readonly by: number;
}

/**
 * The n best of a ranking from which some items were left out, and of those. They are scored by
 * themselves, since bounds of a scan know of nothing that takes from a score.
 *
 * @param query (.., d), times the weight of the deep part.
 */
export function withHeldBack(
  ranked: readonly Scored[],
  held: HeldBack,
  items: ItemTable,
  priors: DomainPriors,
  { walk, weights }: { readonly walk: Walk; readonly weights: BlendWeights },
  query: Float32Array,
  { at, popularity }: ScanTarget,
  n: number,
): readonly Scored[] {
  const { rows: rowsOfDomain, length, places } = priors;
  // Of what nobody liked no list speaks.
  const rows = Int32Array.from(
    [...new Set(held.rows)].filter((row) => {
      const place = places[row]!;
      return place < length && rowsOfDomain[place] === row;
    }),
  );
  const dots = new Float32Array(rows.length);
  dotsOfRows(items, rows, rows.length, query, at, dots);
  const scored = Array.from(rows, (row, i) => {
    const index = places[row]!;
    const dense = dots[i]! + baseOf(priors, index, popularity);
    return { index, score: dense + walk.added(row, weights) + held.by };
  });
  return [...ranked, ...scored].sort((a, b) => b.score - a.score || a.index - b.index).slice(0, n);
}
