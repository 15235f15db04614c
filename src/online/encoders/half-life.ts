import { FadingGains, gainSums, ROWS_OF_GAINS } from '../fading-gains.js';
import type { Model } from '../model.js';
import type { BlockDelta } from '../types.js';

/** Half-lives in days that are compared with never (0): half an hour, a day, two weeks, four months. */
export const HALF_LIVES: readonly number[] = [0.02, 1, 14, 120];

/** By half-life: Σ gain, Σ gain². */
export const HALF_LIFE_ROWS = HALF_LIVES.length * ROWS_OF_GAINS;

/** Comparisons fade: about so many of the newest ones of a domain count. */
const MEMORY = 2000;
/** A half-life is taken where its gain is so many standard errors above 0. */
const STANDARD_ERRORS = 2;

/** What one event told of its user's history in a domain. */
export interface HalfLifeProbe {
  /** Index of the domain. */
  readonly source: number;
  /** By half-life: the loss without fading less that with it, in nats. */
  readonly gains: readonly number[];
}

/**
 * Days after which an entry of a history in the domain counts half, as learned; 0: it never fades. Of
 * the half-lives whose gain is surely above 0,
 *
 *     Σ gain > 2 √(Σ gain²)
 *
 * the one with the largest Σ gain: a function of sums in the model, so replicas agree and a restart knows it.
 * Since the model learns under the half-life in force, another has to be clearly better before it is taken.
 */
export function learnedHalfLife(model: Model, source: number): number {
  const { accumulators } = model.blockOf(halfLifeKey(model.domainName(source)));
  let [best, days] = [0, 0];
  for (const [i, halfLife] of HALF_LIVES.entries()) {
    const { gain, squares } = gainSums(accumulators, i);
    if (gain > best && gain > STANDARD_ERRORS * Math.sqrt(squares)) [best, days] = [gain, halfLife];
  }
  return days;
}

/**
 * What probes add to the sums, as blocks of a delta. The sums fade by 1/2000 with each event, which is a
 * part of what is added.
 */
export function compareHalfLives(model: Model, probes: readonly HalfLifeProbe[]): BlockDelta[] {
  const sums = new FadingGains(model, MEMORY);
  for (const { source, gains } of probes) {
    const key = halfLifeKey(model.domainName(source));
    for (const [i, gain] of gains.entries()) sums.add(key, i, gain);
  }
  return sums.blocks();
}

function halfLifeKey(domain: string): string {
  return `half-life/${domain}`;
}
