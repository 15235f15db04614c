import type { Model } from '../../online/model.js';
import type { Baseline } from './baseline.js';

/** score_j = c_j, the positive events of item j so far. */
export function popularity(model: Model): Baseline {
  return {
    name: 'popularity',
    score({ rows, length }, scores) {
      const { counts } = model.items;
      for (let i = 0; i < length; i++) scores[i] = counts[rows[i]!]!;
    },
  };
}
