import type { Model } from './model.js';
import { TopN } from './serving/top-n.js';

/** Kept at least, so that lists of 10 without 64 touched items need one scan. */
const LEAST_KEPT = 128;

interface Ranking {
  readonly revision: number;
  readonly asked: number;
  readonly rows: readonly number[];
}

/**
 * The most popular items by domain, for users of whom nothing is known. Computed when asked for, once
 * per revision of the model: a scan over the counts, about 2 ns an item; then a look-up.
 */
export class Popularity {
  private readonly model: Model;
  private readonly rankings = new Map<number, Ranking>();
  private readonly best = new TopN(0);

  constructor(model: Model) {
    this.model = model;
  }

  /** At least n rows (all, if there are fewer) by falling count; of equal ones the older first. */
  top(domain: number, n: number): readonly number[] {
    const last = this.rankings.get(domain);
    const { revision } = this.model;
    if (last !== undefined && last.revision === revision && last.asked >= n) return last.rows;
    const asked = Math.max(n, LEAST_KEPT);
    const { rows, length } = this.model.rowsOf(domain);
    const { counts } = this.model.items;
    const { best } = this;
    best.reset(asked);
    let threshold = best.threshold;
    for (let i = 0; i < length; i++) {
      const count = counts[rows[i]!]!;
      if (count > threshold) {
        best.push(i, count);
        threshold = best.threshold;
      }
    }
    const ranking = { revision, asked, rows: best.drain().map(({ index }) => rows[index]!) };
    this.rankings.set(domain, ranking);
    return ranking.rows;
  }
}
