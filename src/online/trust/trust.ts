import { FadingGains, gainSums, ROWS_OF_GAINS } from '../fading-gains.js';
import type { Model } from '../model.js';
import type { BlockDelta } from '../types.js';

/** Two series of gains: of users who have been in the target, and of those who are new there. */
export const TRUST_ROWS = 2 * ROWS_OF_GAINS;

/** Comparisons fade: about so many of the newest ones of a pair count. */
const MEMORY = 4000;

/** A verdict is sure where it is so many times as clear as `distrust` asks for, for or against the domain. */
const SURE = 3;

/** What one event told of how what its user did in s helps to foresee events in t. */
export interface TrustProbe {
  /** Index of s. */
  readonly source: number;
  /** Index of t. */
  readonly target: number;
  /** Whether it was looked at as an event of somebody who is new in t. */
  readonly newcomer: boolean;
  /** How much better the event was ranked with it than without. */
  readonly gain: number;
}

/**
 * Whether a list of t looks at what its user did in s: unless that surely does harm,
 *
 *     Σ gain < -distrust √(Σ gain²)
 *
 * by the probes of a pair (probes.ts), apart for users who have been in t and for those who are new there.
 * The sums are in the model, so replicas agree and a restart knows them. A pair that is left out is
 * probed on, and comes back when it does no more harm.
 */
export class Trust {
  private readonly model: Model;
  private readonly distrust: number;
  private revision = -1;
  private domains = 0;
  /** By pair and kind of user: 0 not looked up yet, 1 trusted, 2 not. */
  private verdicts = new Uint8Array(0);

  /** @param distrust In standard errors; 0: all are trusted. */
  constructor(model: Model, distrust: number) {
    this.model = model;
    this.distrust = distrust;
  }

  /** By indices of domains; what is done in a domain itself is always looked at. */
  of(source: number, target: number, newcomer: boolean): boolean {
    if (source === target || this.distrust === 0) return true;
    const { model } = this;
    if (this.revision !== model.revision || this.domains !== model.domainCount) {
      this.revision = model.revision;
      this.domains = model.domainCount;
      const length = 2 * this.domains ** 2;
      if (this.verdicts.length === length) this.verdicts.fill(0);
      else this.verdicts = new Uint8Array(length);
    }
    const at = 2 * (source * this.domains + target) + seriesOf(newcomer);
    if (this.verdicts[at] === 0) {
      const { accumulators } = model.blockOf(trustKey(model, source, target));
      this.verdicts[at] = this.harms(accumulators, newcomer) ? 2 : 1;
    }
    return this.verdicts[at] === 1;
  }

  /** Σ gain / √(Σ gain²) of a pair's probes; 0 before the first. */
  standardErrors(source: number, target: number, newcomer: boolean): number {
    const { accumulators } = this.model.blockOf(trustKey(this.model, source, target));
    const { gain, squares } = gainSums(accumulators, seriesOf(newcomer));
    return squares === 0 ? 0 : gain / Math.sqrt(squares);
  }

  /** Whether single gains will hardly change what `of` says. */
  isSure(source: number, target: number, newcomer: boolean): boolean {
    return Math.abs(this.standardErrors(source, target, newcomer)) > SURE * this.distrust;
  }

  private harms(accumulators: Float64Array, newcomer: boolean): boolean {
    const { gain, squares } = gainSums(accumulators, seriesOf(newcomer));
    return gain < -this.distrust * Math.sqrt(squares);
  }

  /** Those of a user's histories that a list of t looks at. */
  among<T extends { readonly domain: number }>(
    histories: readonly T[],
    target: number,
  ): readonly T[] {
    const newcomer = !histories.some(({ domain }) => domain === target);
    const trusted = ({ domain }: T): boolean => this.of(domain, target, newcomer);
    return histories.every(trusted) ? histories : histories.filter(trusted);
  }
}

/** What probes add to the sums, as blocks of a delta; that the sums fade is a part of it. */
export function weighProbes(model: Model, probes: readonly TrustProbe[]): BlockDelta[] {
  const sums = new FadingGains(model, MEMORY);
  for (const { source, target, newcomer, gain } of probes) {
    sums.add(trustKey(model, source, target), seriesOf(newcomer), gain);
  }
  return sums.blocks();
}

function seriesOf(newcomer: boolean): 0 | 1 {
  return newcomer ? 1 : 0;
}

function trustKey(model: Model, source: number, target: number): string {
  return `trust/${model.domainName(source)}/${model.domainName(target)}`;
}
