import type { BlendWeights } from '../blend/blend.js';
import type { LikenessWeights } from '../content/likeness.js';
import type { Model } from '../model.js';
import { leaningOf } from './leaning.js';
import type { TimedHistory } from './newest.js';

/** Weights that a domain's block holds: of popularity alike for all, then of popularity by leaning. */
export const STACK_ROWS = 2;

/** Weights of the block of likeness: of categories, and of words. */
export const LIKENESS_ROWS = 2;

/** Likeness of a kind weighs from nothing to this. */
export const MOST_LIKENESS = 64;

/** Popularity weighs from nothing to this: whoever ranked by little of it would find what nobody has touched. */
export const MOST_POPULARITY = 4;

/**
 * What is learned of the blend of a domain's scores, beside the weights that are set (blend/blend.ts). With x the
 * leaning of a user who has events there (leaning.ts) log(1 + c_j) weighs
 *
 *     min(4, max(0, π + w x))
 *
 * in place of π. w lies in the block `stack/<t>`, begins at 0 and is learned by probes (probes.ts). Beside it stands
 * w_0, what popularity would weigh more for everybody if events were to be as likely as can be among random others:
 * without it, w would be learned to stand in for that. Ranking goes without it: the best of a list are another matter,
 * and π was chosen by those.
 */
export class Stack {
  private readonly model: Model;

  constructor(model: Model) {
    this.model = model;
  }

  /** w of a domain. */
  leaningWeight(domain: number): number {
    return this.values(domain)[1]!;
  }

  /** What likeness weighs more in a domain than is set, by kind. */
  likenessWeights(domain: number): LikenessWeights {
    const [categories, words] = this.model.block(likenessKey(this.model, domain));
    return { categories: categories!, words: words! };
  }

  /** The weights of a score, given those that are set and what the user did. */
  weightsFor(base: BlendWeights, domain: number, histories: readonly TimedHistory[]): BlendWeights {
    const weight = this.leaningWeight(domain);
    const compared = this.compared(base, domain);
    return weight === 0 ? compared : more(compared, weight * leaningOf(this.model, histories));
  }

  /** Those that are learned with: w_0 counts too. */
  probedWeights(base: BlendWeights, domain: number, leaning: number): BlendWeights {
    const by = this.values(domain)[0]! + this.leaningWeight(domain) * leaning;
    return more(this.compared(base, domain), by);
  }

  /** With what was learned of likeness. */
  private compared(base: BlendWeights, domain: number): BlendWeights {
    const { categories, words } = this.likenessWeights(domain);
    if (categories === 0 && words === 0) return base;
    return {
      ...base,
      categories: within(base.categories + categories, MOST_LIKENESS),
      words: within(base.words + words, MOST_LIKENESS),
    };
  }

  private values(domain: number): Float32Array {
    return this.model.block(stackKey(this.model, domain));
  }
}

/** Adds dLoss/dw_0 and dLoss/dw to the gradient of a block, given that by the weight of popularity. */
export function addToStack(gradient: Float32Array, leaning: number, byPopularity: number): void {
  gradient[0]! += byPopularity;
  gradient[1]! += byPopularity * leaning;
}

export function likenessKey(model: Model, domain: number): string {
  return `likeness/${model.domainName(domain)}`;
}

export function stackKey(model: Model, domain: number): string {
  return `stack/${model.domainName(domain)}`;
}

function more(base: BlendWeights, by: number): BlendWeights {
  return { ...base, popularity: within(base.popularity + by, MOST_POPULARITY) };
}

function within(weight: number, most: number): number {
  return Math.min(most, Math.max(0, weight));
}
