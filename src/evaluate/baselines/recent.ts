import type { Baseline } from './baseline.js';

/** Events of a domain after which one of its events counts half: the best of 100, 300, 1000 and 3000. */
const HALF_LIFE_EVENTS = 300;

/**
 * What the domain has been taken to of late: with N events of the domain so far, of which the k-th of
 * item j was number n_k,
 *
 *     score_j = Σ_k 2^((n_k - N) / half-life)
 *
 * kept as log2 of it without the common N, so that nothing need be aged.
 */
export function recent(): Baseline {
  const seen: number[] = [];
  const levels = new Map<number, number>();
  return {
    name: 'recent',
    score({ rows, length }, scores) {
      for (let i = 0; i < length; i++) {
        scores[i] = levels.get(rows[i]!) ?? Number.NEGATIVE_INFINITY;
      }
    },
    learn(events) {
      for (const { row, domain } of events) {
        const now = (seen[domain] ?? 0) + 1;
        seen[domain] = now;
        const added = now / HALF_LIFE_EVENTS;
        const before = levels.get(row) ?? Number.NEGATIVE_INFINITY;
        const [low, top] = added < before ? [added, before] : [before, added];
        levels.set(row, top + Math.log2(1 + 2 ** (low - top)));
      }
    },
  };
}
