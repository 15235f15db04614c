import type { BlendWeights } from '../blend/blend.js';
import type { Model } from '../model.js';
import { bucketOf, HISTORY_BUCKETS } from '../prequential-summary.js';
import type { TimedHistory } from './newest.js';

/** Parts of a score whose weights deviate from those that are set, in the order of the rows of a block. */
export const PARTS = [
  'deep',
  'popularity',
  'lift',
  'walk',
  'cosine',
  'categories',
  'words',
] as const;

export type BlendPart = (typeof PARTS)[number];

/** Rows of one set of deviations: of the parts, then of the scale that they have in common. */
export const DEVIATION_ROWS = PARTS.length + 1;

/** Evidence of users who have events in the target; newcomers have sets by pair. */
export const KNOWN_BUCKETS = HISTORY_BUCKETS.slice(1);

/** A weight is at the most e times what is set, and at the least one part in e. */
export const MOST_DEVIATION = 1;

/** The scale goes farther: it stands in for what the weights would be bent to otherwise. */
const MOST_SCALE = 3;

/** What the weight of a part is multiplied by. */
export interface BlendFactor {
  /** Empty for users who have been in the domain. */
  readonly source: string;
  readonly bucket: string;
  readonly part: BlendPart;
  readonly factor: number;
}

/** A set of deviations: a block, and its first row there. */
export interface DeviationSet {
  readonly key: string;
  readonly at: number;
}

/**
 * What the weights of a blend are learned to be, beside those that are set: ω exp(δ) in place of ω, δ within ±1, so
 * that signs and zeros stay. Users who have been in t have a set of δ by how many events they have there, in
 * `blend/<t>`; users who are new there one by the domain s in which they liked most, in `blend-new/<s>/<t>`.
 */
export class Deviations {
  private readonly model: Model;

  constructor(model: Model) {
    this.model = model;
  }

  /** The set of users with so many events in the domain, who did that; null: of newcomers who liked nothing. */
  setFor(events: number, domain: number, histories: readonly TimedHistory[]): DeviationSet | null {
    if (events > 0) {
      return { key: knownKey(this.model, domain), at: bucketAt(events) };
    }
    const source = mostLiked(histories);
    return source < 0 ? null : { key: newcomersKey(this.model, source, domain), at: 0 };
  }

  /** With what was learned in place of what is set. */
  weightsFor(base: BlendWeights, set: DeviationSet): BlendWeights {
    const values = this.model.block(set.key);
    let changed: { -readonly [P in keyof BlendWeights]: number } | null = null;
    for (let p = 0; p < PARTS.length; p++) {
      const deviation = values[set.at + p]!;
      if (deviation === 0) continue;
      changed ??= { ...base };
      changed[PARTS[p]!] *= Math.exp(within(deviation, MOST_DEVIATION));
    }
    return changed ?? base;
  }

  /** What weights in scores of a domain are multiplied by, of all sets. */
  factors(domain: number): BlendFactor[] {
    const { model } = this;
    const all = KNOWN_BUCKETS.flatMap((bucket, b) =>
      this.factorsOf(knownKey(model, domain), b * DEVIATION_ROWS, '', bucket),
    );
    for (let source = 0; source < model.domainCount; source++) {
      if (source === domain) continue;
      const key = newcomersKey(model, source, domain);
      all.push(...this.factorsOf(key, 0, model.domainName(source), '0'));
    }
    return all;
  }

  private factorsOf(key: string, at: number, source: string, bucket: string): BlendFactor[] {
    const values = this.model.block(key);
    return PARTS.map((part, p) => {
      const factor = Math.exp(within(values[at + p]!, MOST_DEVIATION));
      return { source, bucket, part, factor };
    });
  }

  /** What scores are multiplied by to be as sure as events are; a ranking is the same without. */
  scaleOf({ key, at }: DeviationSet): number {
    return Math.exp(within(this.model.block(key)[at + PARTS.length]!, MOST_SCALE));
  }

  /**
   * Adds the slopes by δ of the parts and of the scale to the gradient of a set's block, and the pull to 0: each probe pulls a
   * deviation back as a slope as large as it would, so that it settles at minus the mean slope.
   */
  addTo(gradient: Float32Array, { key, at }: DeviationSet, slopes: ArrayLike<number>): void {
    const values = this.model.block(key);
    for (let p = 0; p < DEVIATION_ROWS; p++) {
      const value = values[at + p]!;
      const isScale = p === PARTS.length;
      const slope = slopes[p]!;
      // At its bounds it is not to be pushed on.
      const isFar = Math.abs(value) >= (isScale ? MOST_SCALE : MOST_DEVIATION);
      if (!isFar || slope * value > 0) gradient[at + p]! += slope;
      if (!isScale && slope !== 0) gradient[at + p]! += value;
    }
  }
}

export function knownKey(model: Model, domain: number): string {
  return `blend/${model.domainName(domain)}`;
}

export function newcomersKey(model: Model, source: number, domain: number): string {
  return `blend-new/${model.domainName(source)}/${model.domainName(domain)}`;
}

function bucketAt(events: number): number {
  return KNOWN_BUCKETS.indexOf(bucketOf(events)) * DEVIATION_ROWS;
}

/** The domain of the history with most liked items, of equal ones the first; -1: there are none. */
function mostLiked(histories: readonly TimedHistory[]): number {
  let [most, best] = [0, -1];
  for (const { domain, weights } of histories) {
    let liked = 0;
    for (let i = 0; i < weights.length; i++) if (weights[i]! > 0) liked++;
    if (liked > most) [most, best] = [liked, domain];
  }
  return best;
}

function within(value: number, most: number): number {
  return Math.min(most, Math.max(-most, value));
}
