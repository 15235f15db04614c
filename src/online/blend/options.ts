/** What the blended score starts from and how it is learned; see blend.ts. */
export interface BlendOptions {
  /** First weight of log(1 + c_j). */
  readonly blendPopularity: number;
  /** First weight of the item's bias. */
  readonly blendBias: number;
  /** First weight of v_j · q. */
  readonly blendDeep: number;
  /** First weight of what was seen beside the user's items; 0 with blendWalk 0: deep alone. */
  readonly blendLift: number;
  /** A user's newest liked items, in each domain, that this is taken from. */
  readonly liftItems: number;
  /**
   * First weight of what was seen beside that, in two steps; 0: one step alone. Two steps gain where
   * domains share few users, at many times the cost: not the default.
   */
  readonly blendWalk: number;
  /** Neighbours of an item of the user's, in each domain, that a second step starts from. */
  readonly walkItems: number;
  /** Neighbours of each of those that it goes to. */
  readonly walkNeighbours: number;
  /** Step size of the weights; 0: they stay as they start. */
  readonly blendLearningRate: number;
  /** Part of the events that the weights are learned from. */
  readonly blendShare: number;
  /** Pull of the weights towards where they start, for each example. */
  readonly blendPull: number;
}

export const DEFAULT_BLEND_OPTIONS: BlendOptions = Object.freeze({
  blendPopularity: 0.75,
  blendBias: 0.2,
  blendDeep: 0.7,
  blendLift: 1.2,
  liftItems: 16,
  blendWalk: 0,
  walkItems: 0,
  walkNeighbours: 64,
  blendLearningRate: 0,
  blendShare: 0.125,
  blendPull: 0.4,
});
