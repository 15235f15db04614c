import type { ItemTable } from '../table.js';
import type { DomainPriors } from './priors.js';
import type { TopN } from './top-n.js';

/** One list to be found: a query, what it must not hold, and where the best go. */
export interface ScanTarget {
  /** Place of the query: query[at .. at + d - 1]. */
  readonly at: number;
  /** Rows that are not recommended. */
  readonly excluded: ReadonlySet<number>;
  /** Takes places in the domain's rows, with v_j · q + base_j as scores. */
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

/** Items that are scored for all targets before the next come: 32 KB of embeddings at d = 32. */
const BLOCK_ITEMS = 256;

/** The scan in plain loops; the oracle of the others. Any d. */
export const plainScan: Scan = (items, priors, query, targets) => {
  for (let from = 0; from < priors.length; from += BLOCK_ITEMS) {
    const to = Math.min(priors.length, from + BLOCK_ITEMS);
    for (const target of targets) scanBlock(items, priors, query, target, from, to);
  }
};

function scanBlock(
  { embeddings, dimension }: ItemTable,
  { rows, base }: DomainPriors,
  query: Float32Array,
  { at, excluded, best }: ScanTarget,
  from: number,
  to: number,
): void {
  let { threshold } = best;
  const whole = dimension & ~3;
  for (let i = from; i < to; i++) {
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
    const score = a + b + (c + e) + base[i]!;
    if (score > threshold && !excluded.has(rows[i]!)) {
      best.push(i, score);
      threshold = best.threshold;
    }
  }
}
