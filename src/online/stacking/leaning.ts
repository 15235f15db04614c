import type { Model } from '../model.js';
import { log1pCount } from '../serving/priors.js';

/** A user's newest liked items that a leaning is taken from. */
const NEWEST = 5;

/** Items of one history, oldest first, with weights in [0, 1] and times in milliseconds. */
export interface TimedHistory {
  /** Index of the domain. */
  readonly domain: number;
  readonly rows: ArrayLike<number>;
  readonly weights: ArrayLike<number>;
  readonly times: ArrayLike<number>;
}

/**
 * How far up or down the ranking by popularity a user is just now: the mean, over the newest 5 items i that the
 * user liked, wherever that was, of
 *
 *     log(1 + c_i) - log(1 + Σ_j c_j² / N)
 *
 * with the sum over the items of i's domain: what is subtracted is the popularity that the item of an event there
 * has in the mean, so 0 is an ordinary user of any domain. 0 without liked items.
 */
export function leaningOf(model: Model, histories: readonly TimedHistory[]): number {
  const { counts } = model.items;
  const next = histories.map(({ rows }) => rows.length - 1);
  let sum = 0;
  let taken = 0;
  while (taken < NEWEST) {
    const from = newest(histories, next);
    if (from < 0) break;
    const { domain, rows } = histories[from]!;
    const row = rows[next[from]!--]!;
    sum += log1pCount(counts[row]!) - Math.log1p(model.meanCountOf(domain));
    taken++;
  }
  return taken === 0 ? 0 : sum / taken;
}

/** The history whose item `next` says is the newest of all that were liked; of equal ones the first; -1: none is left. */
function newest(histories: readonly TimedHistory[], next: number[]): number {
  let best = -1;
  let time = Number.NEGATIVE_INFINITY;
  for (let h = 0; h < histories.length; h++) {
    const { weights, times } = histories[h]!;
    while (next[h]! >= 0 && !(weights[next[h]!]! > 0)) next[h]!--;
    if (next[h]! < 0) continue;
    const at = times[next[h]!]!;
    if (best >= 0 && at <= time) continue;
    best = h;
    time = at;
  }
  return best;
}
