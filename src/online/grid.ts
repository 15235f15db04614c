/**
 * The grid on which all values lie, so that adding is exact.
 *
 * A float32 has 24 bits of significand, so every multiple of 2^-20 below 16 in magnitude is one, and
 * the sum of two such multiples is exact as long as it stays below 16. Then sums of deltas commute,
 * associate and can be subtracted without a trace. Weights are clamped to ±8 when a delta is
 * computed; what deltas of others add meanwhile has the room between 8 and 16.
 *
 * Accumulators (AdaGrad) are float64 that hold whole multiples of 2^-30, exact up to 2^53 of them
 * (a sum of squares of 8 million).
 */

/** The distance between neighbouring weights. */
export const WEIGHT_UNIT = 2 ** -20;
/** Weights are within ±8 when a delta is computed. */
export const WEIGHT_LIMIT = 8;
/** The distance between neighbouring accumulator values; accumulators are kept in these units. */
export const ACCUMULATOR_UNIT = 2 ** -30;

const UNITS_PER_WEIGHT = 2 ** 20;
const UNITS_PER_ACCUMULATOR = 2 ** 30;

/** The nearest multiple of the weight grid, in units. `toUnits(0.5)` is 524288. */
export function toUnits(weight: number): number {
  return Math.round(weight * UNITS_PER_WEIGHT);
}

/** The weight that so many units are; exact for |units| < 2^24. */
export function fromUnits(units: number): number {
  return units * WEIGHT_UNIT;
}

/** The nearest weight on the grid. */
export function onGrid(weight: number): number {
  return Math.round(weight * UNITS_PER_WEIGHT) * WEIGHT_UNIT;
}

/**
 * The whole number of units that a step adds to a weight:
 * round((clamp(current + step, -8, 8) - current) / 2^-20). A NaN stays one, for the finite check.
 */
export function deltaUnits(current: number, step: number): number {
  let next = current + step;
  if (next > WEIGHT_LIMIT) next = WEIGHT_LIMIT;
  else if (next < -WEIGHT_LIMIT) next = -WEIGHT_LIMIT;
  return Math.round((next - current) * UNITS_PER_WEIGHT);
}

/** The nearest multiple of the accumulator grid, in units. */
export function accumulatorUnits(value: number): number {
  return Math.round(value * UNITS_PER_ACCUMULATOR);
}
