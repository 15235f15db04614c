import type { Model } from '../model.js';
import { Walk } from '../wide/walk.js';
import { type BlendOptions, DEFAULT_BLEND_OPTIONS } from './options.js';

/** Own-history buckets: events that the user had in the target domain. */
export const BUCKETS = 4;
/** What is weighed: popularity, bias, deep, lift, walk. */
export const FEATURES = 5;

/** Weights of what an item's score is the sum of. */
export interface BlendWeights {
  readonly popularity: number;
  readonly bias: number;
  readonly deep: number;
  readonly lift: number;
  readonly walk: number;
}

/** 0: none, 1: 1 to 4, 2: 5 to 19, 3: 20 and more. */
export function bucketOf(count: number): number {
  if (count === 0) return 0;
  if (count < 5) return 1;
  return count < 20 ? 2 : 3;
}

/** `blend/<t>`: (BUCKETS, FEATURES), what the weights have learned beyond what they start from. */
export function blendKey(model: Pick<Model, 'domainName'>, target: number): string {
  return `blend/${model.domainName(target)}`;
}

export function firstWeights(options: BlendOptions): readonly number[] {
  const { blendPopularity, blendBias, blendDeep, blendLift, blendWalk } = options;
  return [blendPopularity, blendBias, blendDeep, blendLift, blendWalk];
}

/**
 * The weights of the blended score of item j of domain t for a user with n events there:
 *
 *     s_j = π log(1 + c_j) + β b_j + δ v_j · q + λ lift(j) + ω walk(j)
 *
 * (lift and walk: wide/walk.ts). They start from the options; what is learned is added, and none is
 * ever below 0.
 */
export function blendWeights(
  model: Model,
  options: BlendOptions,
  target: number,
  bucket: number,
): BlendWeights {
  const first = firstWeights(options);
  const learned = model.block(blendKey(model, target));
  const at = (i: number): number => Math.max(0, first[i]! + learned[bucket * FEATURES + i]!);
  return { popularity: at(0), bias: at(1), deep: at(2), lift: at(3), walk: at(4) };
}

/** A blend's options, its model and the walk that it needs: what whoever scores has. */
export class Blend {
  readonly walk: Walk;
  private readonly model: Model;
  private readonly options: BlendOptions;

  constructor(model: Model, options: Partial<BlendOptions> = {}) {
    this.model = model;
    this.options = { ...DEFAULT_BLEND_OPTIONS, ...options };
    this.walk = new Walk(model, this.options);
  }

  weights(target: number, bucket: number): BlendWeights {
    return blendWeights(this.model, this.options, target, bucket);
  }
}
