/** How much interest an action shows, and how its `value` is read. */
export interface ActionWeight {
  /** In [0, 1], for an event without a value, and for the largest value. */
  readonly weight: number;
  /** The value that stands for no interest; with `max`, values are scaled between the two. */
  readonly min?: number;
  readonly max?: number;
  /** Smaller values show no interest: weight 0, remembered but not trained. */
  readonly positiveFrom?: number;
}

/** By action; `*` is any action that is not named. */
export type ActionWeights = Readonly<Record<string, ActionWeight>>;

export const DEFAULT_ACTION_WEIGHTS: ActionWeights = Object.freeze({
  view: { weight: 0.25 },
  click: { weight: 0.5 },
  like: { weight: 1 },
  cart: { weight: 0.75 },
  purchase: { weight: 1 },
  rate: { weight: 1, min: 0.5, max: 5, positiveFrom: 4 },
  '*': { weight: 1 },
});

/**
 * Returns the weight of an interaction, in [0, 1], as a float32 (so that the changelog gives back
 * the same bits).
 *
 *     weight(action) * clamp((value - min) / (max - min), 0, 1)     0 below positiveFrom
 *
 * Without bounds, or without a value, it is the action's weight. A rating of 4 stars of 0.5 to 5
 * gives 0.78, one of 3.5 gives 0.
 */
export function weigh(weights: ActionWeights, action: string, value: number | null): number {
  const row = (Object.hasOwn(weights, action) ? weights[action] : weights['*']) ?? { weight: 1 };
  if (value === null) return Math.fround(row.weight);
  if (row.positiveFrom !== undefined && value < row.positiveFrom) return 0;
  if (row.min === undefined || row.max === undefined) return Math.fround(row.weight);
  const share = Math.min(1, Math.max(0, (value - row.min) / (row.max - row.min)));
  return Math.fround(row.weight * share);
}
