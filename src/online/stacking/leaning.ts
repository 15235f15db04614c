import type { Model } from '../model.js';
import { log1pCount } from '../serving/priors.js';
import { newestLiked, type TimedHistory } from './newest.js';

/** A user's newest liked items that a leaning is taken from. */
const NEWEST = 5;

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
  const liked = newestLiked(histories, NEWEST);
  let sum = 0;
  for (const row of liked) {
    const ordinary = Math.log1p(model.meanCountOf(model.domainOf(row)));
    sum += log1pCount(model.items.counts[row]!) - ordinary;
  }
  return liked.length === 0 ? 0 : sum / liked.length;
}
