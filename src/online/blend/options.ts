import { DEFAULT_FITTING_OPTIONS, type FittingOptions } from '../fitting/options.js';

/** What a score is blended of; see blend.ts. */
export interface BlendOptions extends FittingOptions {
  /** Weight of log(1 + c_j). */
  readonly blendPopularity: number;
  /** Weight of the item's bias. */
  readonly blendBias: number;
  /** Weight of v_j · q. */
  readonly blendDeep: number;
  /** The same for users without an event in the domain: less is known of them there. */
  readonly blendDeepNew: number;
  /** By which v_j · q saturates (saturate.ts) for them: what is far from nothing is seldom as much nearer; 0: not at all. */
  readonly blendSaturationNew: number;
  /** Weight of what was seen beside the user's items; 0 with blendWalk 0: deep alone. */
  readonly blendLift: number;
  /** A user's newest liked items, in each domain, that this is taken from. */
  readonly liftItems: number;
  /** In place of blendLift for users without an event in the domain. */
  readonly blendLiftNew: number;
  /** Weight of what was seen beside that, in two steps; 0: one step alone. */
  readonly blendWalk: number;
  /** In place of blendWalk for users without an event in the domain. */
  readonly blendWalkNew: number;
  /** Weight of how like the user's items it is, for users without an event in the domain; 0: none. */
  readonly blendCosineNew: number;
  /** Weight for them of what is taken off for being seen beside the user's items at all (discount in wide/walk.ts); 0: nothing. */
  readonly blendDiscountNew: number;
  /** Weight of how like what the user liked last it is by its categories (content/likeness.ts). */
  readonly blendCategories: number;
  /** In place of blendCategories for users without an event in the domain. */
  readonly blendCategoriesNew: number;
  /** The same of words: of title and text, and tags. */
  readonly blendWords: number;
  /** In place of blendWords for users without an event in the domain. */
  readonly blendWordsNew: number;
  /** Newest liked items of the user's, in each domain, from whose neighbours a second step leads on. */
  readonly walkItems: number;
  /** In place of liftItems and walkItems for users who have liked nothing in the domain. */
  readonly newcomerItems: number;
  /** In place of walkBridges for them. */
  readonly newcomerBridges: number;
  /** So many of these neighbours at the most. */
  readonly walkBridges: number;
  /** A second step is taken where the first finds less than so much: Σ p1 of wide/walk.ts. */
  readonly walkBelow: number;
  /**
   * Users who have liked nothing in the domain walk a third step where the first two find less than so much: Σ p1 + Σ p2;
   * 0: never.
   */
  readonly thirdStepBelow: number;
  /**
   * A domain is left out of another's lists where it does harm by so many standard errors (trust/trust.ts);
   * 0: never.
   */
  readonly distrust: number;
}

export const DEFAULT_BLEND_OPTIONS: BlendOptions = Object.freeze({
  ...DEFAULT_FITTING_OPTIONS,
  blendPopularity: 0.5,
  blendBias: 0.2,
  blendDeep: 0.6,
  blendDeepNew: 1.5,
  blendSaturationNew: 1,
  blendLift: 1.5,
  blendLiftNew: 0.8,
  liftItems: 16,
  blendWalk: 1.2,
  blendWalkNew: 0.45,
  blendCosineNew: 3.3,
  blendDiscountNew: 0.7,
  blendCategories: 2,
  blendCategoriesNew: 1,
  blendWords: 7,
  blendWordsNew: 3,
  walkItems: 4,
  newcomerItems: 64,
  newcomerBridges: 256,
  walkBridges: 64,
  walkBelow: 20,
  thirdStepBelow: 500,
  distrust: 2,
});
