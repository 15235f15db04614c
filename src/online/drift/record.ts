import type { BlockDelta } from '../types.js';
import { type DriftState, NO_SAMPLES } from './detector.js';

/**
 * How a state lies in the model: the accumulators of the block `drift/<s>/<t>`, in this order, as whole
 * numbers. So it is a part of the log like all that is learned, and a replica, or a restart, goes on
 * from the same state.
 */
const FIELDS = ['weight', 'sum', 'squares', 'excess', 'boost', 'drifts'] as const;

export const DRIFT_ROWS = FIELDS.length;

/** All but the count of drifts are in multiples of this. */
const UNIT = 2 ** -20;

/**
 * The state that accumulators stand for. Where several tasks learn at once each adds what it saw to the same state, so
 * what two of them took away may be below 0: that is nothing.
 */
export function driftState(accumulators: Float64Array): DriftState {
  const [weight, sum, squares, excess, boost, drifts] = accumulators as unknown as number[];
  if (!(weight! > 0)) return { ...NO_SAMPLES, boost: boostOf(boost!), drifts: drifts! };
  return {
    weight: weight! * UNIT,
    sum: sum! * UNIT,
    squares: squares! * UNIT,
    excess: Math.max(0, excess!) * UNIT,
    boost: boostOf(boost!),
    drifts: drifts!,
  };
}

function boostOf(units: number): number {
  return Math.max(0, Math.min(1, units * UNIT));
}

/** What is to be added to the accumulators of a block so that they stand for a state. */
export function driftDelta(key: string, from: Float64Array, to: DriftState): BlockDelta {
  const accumulators = new Float64Array(DRIFT_ROWS);
  for (const [row, field] of FIELDS.entries()) {
    const units = field === 'drifts' ? to.drifts : Math.round(to[field] / UNIT);
    accumulators[row] = units - from[row]!;
  }
  return { key, values: new Int32Array(DRIFT_ROWS), accumulators };
}
