import type { Model } from '../../online/model.js';
import type { Baseline, Taken } from './baseline.js';

/** Far below any cosine: popularity decides between items that nothing else sets apart. */
const TIE_BREAK = 1e-9;

/**
 * Item-based nearest neighbours, with all counts kept and no limit to the neighbours:
 *
 *     score_j = Σ_{i in the user's rings} n(i, j) / √(n_i n_j)
 *
 * where n(i, j) counts the events of j by users who had i in a ring, and those of i with j there, and
 * n_i the events of i. Popularity breaks ties.
 *
 * Source: B. Sarwar et al., "Item-based collaborative filtering recommendation algorithms" (2001).
 */
export function itemKnn(model: Model): Baseline {
  // By row and domain of the other: n(i, j) by j.
  const lists = new Map<string, Map<number, number>>();
  let sums = new Float64Array(0);
  const count = (row: number, other: number, domain: number): void => {
    const name = `${row}/${domain}`;
    const list = lists.get(name) ?? new Map<number, number>();
    list.set(other, (list.get(other) ?? 0) + 1);
    lists.set(name, list);
  };
  const learnOne = ({ row, domain, liked }: Taken): void => {
    for (const history of liked) {
      for (const other of new Set(history.rows)) {
        if (other === row) continue;
        count(row, other, history.domain);
        count(other, row, domain);
      }
    }
  };
  return {
    name: 'item-knn',
    score({ domain, histories, rows, length }, scores) {
      const { items } = model;
      if (sums.length < items.size) sums = new Float64Array(items.size * 2);
      for (let i = 0; i < length; i++) sums[rows[i]!] = 0;
      for (const history of histories) {
        for (let k = 0; k < history.rows.length; k++) {
          if (!(history.weights[k]! > 0)) continue;
          const own = history.rows[k]!;
          const list = lists.get(`${own}/${domain}`);
          if (list === undefined) continue;
          const each = 1 / Math.sqrt(Math.max(1, items.counts[own]!));
          for (const [other, seen] of list) sums[other]! += seen * each;
        }
      }
      for (let i = 0; i < length; i++) {
        const count = Math.max(1, items.counts[rows[i]!]!);
        scores[i] = sums[rows[i]!]! / Math.sqrt(count) + TIE_BREAK * count;
      }
    },
    learn(events) {
      for (const event of events) learnOne(event);
    },
  };
}
