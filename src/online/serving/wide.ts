import type { BlendWeights } from '../blend/blend.js';
import { saturate } from '../blend/saturate.js';
import { dotsOfRows } from '../kernels/simd-dots.js';
import type { ItemTable } from '../table.js';
import type { Walk } from '../wide/walk.js';
import { MOST_FOUND } from '../wide/words.js';
import type { Excluded } from './exclusion.js';
import { baseOf, type DomainPriors, placeOf } from './priors.js';
import type { Ranking } from './ranking.js';
import { reachOf, type ScanTarget } from './scan.js';

/** Whether anything is scored by walks. */
export function addsAny({ lift, walk, cosine }: BlendWeights): boolean {
  return lift + walk + cosine !== 0;
}

/** For the rounding of float32 sums: far above it, far below what matters. */
export const SLACK = 1e-4;

/**
 * Ranks those rows of a domain that a walk reaches, by dense score and what the walk adds. Exact: a row is passed over
 * only where a bound of its score is below the n-th best so far.
 */
export class ReachedRows {
  /** Rows that are scored at once; after each lot the bar is higher. */
  private readonly rows = new Int32Array(MOST_FOUND);
  private readonly places = new Int32Array(MOST_FOUND);
  private readonly dots = new Float32Array(MOST_FOUND);
  /** What the walk adds to their scores at most. */
  private readonly most = new Float64Array(MOST_FOUND);
  /** By row of the table: 1 if it is excluded. All 0 between calls. */
  private isPassed = new Uint8Array(0);

  /**
   * @param query (.., d), times the weight of the deep part.
   * @param walk That was run for the target.
   * @param ranking Takes the best.
   */
  rank(
    items: ItemTable,
    priors: DomainPriors,
    walk: Walk,
    weights: BlendWeights,
    query: Float32Array,
    { at, excluded, popularity, saturation }: ScanTarget,
    ranking: Ranking,
  ): void {
    if (!addsAny(weights)) return;
    this.pass(items.size, excluded, 1);
    const { isPassed, rows, places, dots, most } = this;
    const reach = { reach: reachOf(query, at, items.dimension), saturation };
    let { bar } = ranking;
    for (let from = 0; from < walk.length; ) {
      const least = bar - priors.more - SLACK;
      const { found, next } = walk.reaching(from, weights, reach, least, rows, most);
      from = next;
      let taken = 0;
      for (let i = 0; i < found; i++) {
        const row = rows[i]!;
        const place = placeOf(priors, row);
        if (place < 0 || isPassed[row] === 1) continue;
        rows[taken] = row;
        most[taken] = most[i]!;
        places[taken++] = place;
      }
      if (taken === 0) continue;
      dotsOfRows(items, rows, taken, query, at, dots);
      for (let i = 0; i < taken; i++) {
        const index = places[i]!;
        const row = rows[i]!;
        const dense = saturate(dots[i]!, saturation) + baseOf(priors, index, popularity);
        if (dense + most[i]! < bar - SLACK) continue;
        const added = walk.added(row, weights);
        const score = dense + added;
        if (score < bar) continue;
        ranking.insert(index, score, added / walk.mass(row));
        bar = ranking.bar;
      }
    }
    this.pass(items.size, excluded, 0);
  }

  /** Notes which rows are not to be taken, or (0) forgets it. */
  private pass(size: number, excluded: Excluded, mark: 0 | 1): void {
    if (this.isPassed.length < size) this.isPassed = new Uint8Array(Math.ceil(size * 1.25));
    for (const row of excluded.rows) this.isPassed[row] = mark;
  }
}
