import { Likeness } from '../content/likeness.js';
import type { Model } from '../model.js';
import { Repeats } from '../repeats/repeats.js';
import { log1pCount } from '../serving/priors.js';
import { Deviations } from '../stacking/deviations.js';
import type { TimedHistory } from '../stacking/newest.js';
import { Stack } from '../stacking/stack.js';
import { Trust } from '../trust/trust.js';
import { Walk } from '../wide/walk.js';
import { type BlendOptions, DEFAULT_BLEND_OPTIONS } from './options.js';
import { saturate } from './saturate.js';

/** Weights of what an item's score is the sum of. */
export interface BlendWeights {
  readonly popularity: number;
  readonly bias: number;
  readonly deep: number;
  /** By which v_j · q saturates before it is weighed; 0: not at all. */
  readonly saturation: number;
  readonly lift: number;
  readonly walk: number;
  readonly cosine: number;
  readonly discount: number;
  readonly categories: number;
  readonly words: number;
}

/**
 * The weights of the blended score of item j of domain t:
 *
 *     s_j = π log(1 + c_j) + β b_j + δ f(v_j · q) + max(0, λ lift(j) + ω walk(j) + κ cosine(j) - ν discount(j)) + χ categories(j) + ψ words(j)
 *
 * (f: saturate.ts; lift, walk, cosine, discount: wide/walk.ts; categories, words: content/likeness.ts); what is in the user's ring of t, less: repeats/repeats.ts.
 */
function weightsOf(options: BlendOptions, isNew: boolean): BlendWeights {
  return {
    popularity: options.blendPopularity,
    bias: options.blendBias,
    deep: isNew ? options.blendDeepNew : options.blendDeep,
    saturation: isNew ? options.blendSaturationNew : 0,
    lift: isNew ? options.blendLiftNew : options.blendLift,
    walk: isNew ? options.blendWalkNew : options.blendWalk,
    // Measured for newcomers only; for the others it would cost another pass over their lists.
    cosine: isNew ? options.blendCosineNew : 0,
    discount: isNew ? options.blendDiscountNew : 0,
    categories: isNew ? options.blendCategoriesNew : options.blendCategories,
    words: isNew ? options.blendWordsNew : options.blendWords,
  };
}

/** By which δ v_j · q saturates, so that it is δ f(v_j · q). */
export function saturationOf({ deep, saturation }: BlendWeights): number {
  return deep === 0 ? 0 : saturation / deep;
}

/** The weights of a blend, the walk that it needs, and which domains it looks at: what whoever scores has. */
export class Blend {
  /** For users who have events in the domain. */
  readonly known: BlendWeights;
  /** For users who are new there, with the same π and β. */
  readonly newcomers: BlendWeights;
  readonly walk: Walk;
  readonly likeness: Likeness;
  readonly trust: Trust;
  readonly repeats: Repeats;
  readonly stack: Stack;
  readonly deviations: Deviations;
  /** Whether newcomers' interests go through mappings that are fitted (fitting/fitting.ts), not through A. */
  readonly isFitted: boolean;
  private readonly model: Model;

  constructor(model: Model, options: Partial<BlendOptions> = {}) {
    const all = { ...DEFAULT_BLEND_OPTIONS, ...options };
    this.model = model;
    this.known = Object.freeze(weightsOf(all, false));
    this.newcomers = Object.freeze(weightsOf(all, true));
    this.walk = new Walk(model, all);
    this.likeness = new Likeness(model);
    this.trust = new Trust(model, all.distrust);
    this.repeats = new Repeats(model);
    this.stack = new Stack(model);
    this.deviations = new Deviations(model);
    this.isFitted = all.fitMemory > 0;
  }

  /** Those for a user with so many events in the domain, who did that: set ones, and what is learned beside them. */
  weightsFor(events: number, domain: number, histories: readonly TimedHistory[]): BlendWeights {
    const set = this.deviations.setFor(events, domain, histories);
    const base = events > 0 ? this.known : this.newcomers;
    const weights = set === null ? base : this.deviations.weightsFor(base, set);
    return events > 0 ? this.stack.weightsFor(weights, domain, histories) : weights;
  }

  /** Takes in what the user did, for scores in a domain with these weights. */
  run(histories: readonly TimedHistory[], domain: number, weights: BlendWeights): void {
    this.walk.run(histories, domain, weights);
    this.likeness.run(histories);
  }

  /**
   * Writes s_j of n rows of a domain by what was taken in, given v_j · q.
   *
   * @param wide room for n values: of π log(1 + c_j) and what the walk adds
   */
  scores(
    rows: ArrayLike<number>,
    n: number,
    domain: number,
    weights: BlendWeights,
    dots: Float32Array,
    out: Float64Array,
    wide: Float64Array,
  ): void {
    const { model, walk, likeness } = this;
    const { counts, biases } = model.items;
    for (let i = 0; i < n; i++) {
      const row = rows[i]!;
      wide[i] = weights.popularity * log1pCount(counts[row]!) + walk.added(row, weights);
      const deep = weights.deep * saturate(dots[i]!, weights.saturation);
      out[i] = deep + weights.bias * biases[row]! + wide[i]!;
    }
    if (likeness.isOn) likeness.addTo(out, rows, n, domain, weights);
  }
}
