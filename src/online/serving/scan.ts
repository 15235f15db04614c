import { saturate } from '../blend/saturate.js';
import type { ItemTable } from '../table.js';
import type { Excluded } from './exclusion.js';
import { baseOf, type DomainPriors } from './priors.js';
import type { TopN } from './top-n.js';

/** One list to be found: a query, what it must not hold, and where the best go. */
export interface ScanTarget {
  /** Place of the query: query[at .. at + d - 1]. */
  readonly at: number;
  /** What popularity weighs more than in the priors: π_u - π. */
  readonly popularity: number;
  /** Rows that are not recommended. */
  readonly excluded: Excluded;
  /** By which v_j · q saturates. */
  readonly saturation: number;
  /** Takes places in the domain's rows, with f(v_j · q) + base_j + popularity · log(1 + c_j) as scores (f: blend/saturate.ts). */
  readonly best: TopN;
}

/**
 * Scores every item of a domain for every target and keeps the best of each. Exact: an item is left
 * out only if it is excluded or worse than those kept.
 */
export type Scan = (
  items: ItemTable,
  priors: DomainPriors,
  query: Float32Array,
  targets: readonly ScanTarget[],
) => void;

/** What v_j · q comes to at the most: |v_j| times `reach`, as it saturates. */
export interface Reach {
  readonly reach: number;
  readonly saturation: number;
}

/** For the rounding of float32 sums: far above it, far below what matters. */
const SLACK = 1e-5;

/** What to multiply |v_j| with for a bound of v_j · q: |q| and some slack for rounding. */
export function reachOf(query: Float32Array, at: number, d: number): number {
  let squares = 0;
  for (let k = at; k < at + d; k++) squares += query[k]! * query[k]!;
  return Math.sqrt(squares) * (1 + SLACK);
}

/**
 * Writes the places in from .. to - 1 whose score may be above the threshold to `out`, and returns
 * how many, with base_j for a user of whom popularity weighs so much more: v_j · q <= |v_j| |q| (Cauchy-Schwarz), and what saturates
 * rises with it, so the others cannot, and their embeddings need not be read.
 */
export function withinReach(
  { base, logs, norms }: DomainPriors,
  { reach, saturation }: Reach,
  popularity: number,
  threshold: number,
  from: number,
  to: number,
  out: Int32Array,
): number {
  let n = 0;
  const least = threshold - SLACK;
  for (let i = from; i < to; i++) {
    out[n] = i;
    // Not "> least": what is NaN is left to the scoring.
    const most = saturate(reach * norms[i]!, saturation);
    if (!(base[i]! + popularity * logs[i]! + most <= least)) n++;
  }
  return n;
}

/** Items that are scored for all targets before the next come: 32 KB of embeddings at d = 32. */
const BLOCK_ITEMS = 256;

/** The scan in plain loops; the oracle of the others. Any d. */
export const plainScan: Scan = (items, priors, query, targets) => {
  const reaches = targets.map(({ at, saturation }) => ({
    reach: reachOf(query, at, items.dimension),
    saturation,
  }));
  const places = new Int32Array(BLOCK_ITEMS);
  for (let from = 0; from < priors.length; from += BLOCK_ITEMS) {
    const to = Math.min(priors.length, from + BLOCK_ITEMS);
    for (const [i, target] of targets.entries()) {
      const { popularity, best } = target;
      const n = withinReach(priors, reaches[i]!, popularity, best.threshold, from, to, places);
      scanPlaces(items, priors, query, target, places, n);
    }
  }
};

function scanPlaces(
  { embeddings, dimension }: ItemTable,
  priors: DomainPriors,
  query: Float32Array,
  { at, popularity, saturation, excluded, best }: ScanTarget,
  places: Int32Array,
  n: number,
): void {
  const { rows } = priors;
  let { threshold } = best;
  const whole = dimension & ~3;
  for (let p = 0; p < n; p++) {
    const i = places[p]!;
    const row = rows[i]! * dimension;
    let a = 0;
    let b = 0;
    let c = 0;
    let e = 0;
    for (let k = 0; k < whole; k += 4) {
      a += embeddings[row + k]! * query[at + k]!;
      b += embeddings[row + k + 1]! * query[at + k + 1]!;
      c += embeddings[row + k + 2]! * query[at + k + 2]!;
      e += embeddings[row + k + 3]! * query[at + k + 3]!;
    }
    for (let k = whole; k < dimension; k++) a += embeddings[row + k]! * query[at + k]!;
    const score = saturate(a + b + (c + e), saturation) + baseOf(priors, i, popularity);
    if (score > threshold && !excluded.has(rows[i]!)) {
      best.push(i, score);
      threshold = best.threshold;
    }
  }
}
