import type { Model } from '../model.js';
import { Repeats } from '../repeats/repeats.js';
import { log1pCount } from '../serving/priors.js';
import { Trust } from '../trust/trust.js';
import { Walk } from '../wide/walk.js';
import { type BlendOptions, DEFAULT_BLEND_OPTIONS } from './options.js';

/** Weights of what an item's score is the sum of. */
export interface BlendWeights {
  readonly popularity: number;
  readonly bias: number;
  readonly deep: number;
  /** In place of `deep` for users without an event in the domain. */
  readonly deepNew: number;
  readonly lift: number;
  readonly walk: number;
}

/**
 * The weights of the blended score of item j of domain t:
 *
 *     s_j = π log(1 + c_j) + β b_j + δ v_j · q + λ lift(j) + ω walk(j)
 *
 * (lift and walk: wide/walk.ts); what is in the user's ring of t, less: repeats/repeats.ts.
 */
export function blendWeights(options: BlendOptions): BlendWeights {
  return {
    popularity: options.blendPopularity,
    bias: options.blendBias,
    deep: options.blendDeep,
    deepNew: options.blendDeepNew,
    lift: options.blendLift,
    walk: options.blendWalk,
  };
}

/** The weights of a blend, the walk that it needs, and which domains it looks at: what whoever scores has. */
export class Blend {
  readonly weights: BlendWeights;
  readonly walk: Walk;
  readonly trust: Trust;
  readonly repeats: Repeats;
  private readonly model: Model;

  constructor(model: Model, options: Partial<BlendOptions> = {}) {
    const all = { ...DEFAULT_BLEND_OPTIONS, ...options };
    this.model = model;
    this.weights = blendWeights(all);
    this.walk = new Walk(model, all);
    this.trust = new Trust(model, all.distrust);
    this.repeats = new Repeats(model);
  }

  /** δ for a user with so many events in the domain. */
  deepFor(events: number): number {
    return events > 0 ? this.weights.deep : this.weights.deepNew;
  }

  /** π log(1 + c_j) + λ lift(j) + ω walk(j), by the walk at hand. */
  wide(row: number): number {
    const { weights, model, walk } = this;
    return weights.popularity * log1pCount(model.items.counts[row]!) + walk.added(row, weights);
  }

  /** s_j, given δ, v_j · q and what `wide` says. */
  score(row: number, deep: number, dot: number, wide: number): number {
    return deep * dot + this.weights.bias * this.model.items.biases[row]! + wide;
  }
}
