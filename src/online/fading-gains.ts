import type { Model } from './model.js';
import type { BlockDelta } from './types.js';

/** Accumulators that the sums of one series of gains take: Σ gain, Σ gain². */
export const ROWS_OF_GAINS = 2;

/** Sums lie in the model as whole numbers of these. */
const UNIT = 2 ** -20;

/** What is known of a series of gains. */
export interface GainSums {
  readonly gain: number;
  readonly squares: number;
}

/**
 * The sums of a block's series. Where several tasks learn at once each fades the same sums, so the squares may
 * come out below 0: that is nothing.
 */
export function gainSums(accumulators: Float64Array, series: number): GainSums {
  const at = series * ROWS_OF_GAINS;
  return {
    gain: accumulators[at]! * UNIT,
    squares: Math.max(0, accumulators[at + 1]!) * UNIT,
  };
}

/**
 * Adds gains to the sums that lie in accumulators of the model's blocks, and tells what that adds to the model. The
 * sums of a series fade by 1 / `memory` with each of its gains, which is a part of what is added.
 */
export class FadingGains {
  private readonly model: Model;
  private readonly kept: number;
  private readonly byKey = new Map<string, Float64Array>();

  constructor(model: Model, memory: number) {
    this.model = model;
    this.kept = 1 - 1 / memory;
  }

  add(key: string, series: number, gain: number): void {
    let sums = this.byKey.get(key);
    if (sums === undefined) {
      sums = this.model.blockOf(key).accumulators.map((units) => units * UNIT);
      this.byKey.set(key, sums);
    }
    const at = series * ROWS_OF_GAINS;
    sums[at] = sums[at]! * this.kept + gain;
    sums[at + 1] = sums[at + 1]! * this.kept + gain * gain;
  }

  blocks(): BlockDelta[] {
    return Array.from(this.byKey, ([key, sums]) => {
      const { accumulators: before } = this.model.blockOf(key);
      const accumulators = sums.map((sum, row) => Math.round(sum / UNIT) - before[row]!);
      return { key, values: new Int32Array(sums.length), accumulators };
    });
  }
}
