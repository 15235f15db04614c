import { FadingGains, gainSums, ROWS_OF_GAINS } from '../fading-gains.js';
import type { Model } from '../model.js';
import type { BlockDelta } from '../types.js';

/** Two series: of gains, and of ones, which count them. */
export const WAY_ROWS = 2 * ROWS_OF_GAINS;
const GAINS = 0;
const ONES = 1;

/** Comparisons fade: about so many of the newest ones of a pair count. */
const MEMORY = 500;
/** M is left where the mean gain is below this, in 1 / log2(rank + 2) among the negatives of an example ... */
const CLEAR = -0.1;
/** ... and surely below 0. */
const STANDARD_ERRORS = 2;

/** What one event told of the two ways from a domain to another. */
export interface WayProbe {
  /** Index of s. */
  readonly source: number;
  /** Index of t. */
  readonly target: number;
  /** How much better the event was ranked through M than through A. */
  readonly gain: number;
}

/**
 * Which way users of s who are new in t go: through M, which is fitted to what people like who are in both
 * (fitting.ts), unless it clearly ranks worse than the tower with A. With n probes, as they fade,
 *
 *     Σ gain < -n / 10   and   Σ gain < -2 √(Σ gain²)
 *
 * A learns from what comes now, and is a little better at foreseeing that, where M is better for who is new; but after
 * what leads from s to t has changed, M tells for long what held before, since most of those who are in both came then. The
 * sums are in the model, so replicas agree and a restart knows them; both ways are compared on, so M comes back.
 */
export function takesFitted(model: Model, source: number, target: number): boolean {
  const { accumulators } = model.blockOf(wayKey(model, source, target));
  const { gain, squares } = gainSums(accumulators, GAINS);
  const { gain: count } = gainSums(accumulators, ONES);
  return gain >= CLEAR * count || gain >= -STANDARD_ERRORS * Math.sqrt(squares);
}

/** What probes add to the sums, as blocks of a delta; that the sums fade is a part of it. */
export function compareWays(model: Model, probes: readonly WayProbe[]): BlockDelta[] {
  const sums = new FadingGains(model, MEMORY);
  for (const { source, target, gain } of probes) {
    const key = wayKey(model, source, target);
    sums.add(key, GAINS, gain);
    sums.add(key, ONES, 1);
  }
  return sums.blocks();
}

function wayKey(model: Model, source: number, target: number): string {
  return `way/${model.domainName(source)}/${model.domainName(target)}`;
}
