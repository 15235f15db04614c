import type { Model } from '../../online/model.js';
import { Neighbours } from '../../online/wide/neighbours.js';
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
  const neighbours = new Neighbours((row) => model.key(row));
  let sums = new Float64Array(0);
  const learnOne = ({ row, domain, liked }: Taken): void => {
    for (const history of liked) {
      for (const other of new Set(history.rows)) {
        if (other === row) continue;
        neighbours.add(row, other, history.domain, 1);
        neighbours.add(other, row, domain, 1);
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
          const list = neighbours.list(own, domain);
          if (list === undefined) continue;
          const each = 1 / Math.sqrt(Math.max(1, items.counts[own]!));
          const { entries, size } = list;
          for (let at = 0; at < size * 2; at += 2) sums[entries[at]!]! += entries[at + 1]! * each;
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
