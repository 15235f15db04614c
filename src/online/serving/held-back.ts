import type { BlendWeights } from '../blend/blend.js';
import { saturate } from '../blend/saturate.js';
import { dotsOfRows } from '../kernels/simd-dots.js';
import type { ItemTable } from '../table.js';
import type { Walk } from '../wide/walk.js';
import { baseOf, type DomainPriors, placeOf } from './priors.js';
import type { Ranking } from './ranking.js';
import type { ScanTarget } from './scan.js';

/** Items of a user's ring that a list may have, for what they score less (repeats/repeats.ts). */
export interface HeldBack {
  readonly rows: Iterable<number>;
  /** What they score more: below 0. */
  readonly by: number;
}

/**
 * Ranks the items that were left out of a ranking. They are scored by themselves, since bounds of a scan know of
 * nothing that takes from a score.
 *
 * @param walk That was run for the target.
 * @param query (.., d), times the weight of the deep part.
 */
export function rankHeldBack(
  ranking: Ranking,
  held: HeldBack,
  items: ItemTable,
  priors: DomainPriors,
  { walk, weights }: { readonly walk: Walk; readonly weights: BlendWeights },
  query: Float32Array,
  { at, popularity, saturation }: ScanTarget,
): void {
  // Of what nobody liked no list speaks.
  const rows = Int32Array.from([...new Set(held.rows)].filter((row) => placeOf(priors, row) >= 0));
  const dots = new Float32Array(rows.length);
  dotsOfRows(items, rows, rows.length, query, at, dots);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    const place = placeOf(priors, row);
    const added = walk.added(row, weights);
    const perMass = added === 0 ? 0 : added / walk.mass(row);
    const dense = saturate(dots[i]!, saturation) + baseOf(priors, place, popularity);
    ranking.insert(place, dense + added + held.by, perMass);
  }
}
