import { madeOnce, OwnMemory } from './own-memory.js';
import type { SimdModule } from './simd-module.js';

/** Adds rows of whole numbers up in a memory of its own. */
export class SimdSums {
  private readonly own: OwnMemory;

  constructor(module: SimdModule) {
    this.own = new OwnMemory(module);
  }

  /**
   * The sums (size, width): row places[i] of them gets row i of the values, for all columns of values
   * and their places.
   */
  sum(
    columns: readonly { readonly values: Int32Array; readonly places: Int32Array }[],
    size: number,
    width: number,
  ): Int32Array {
    const most = columns.reduce((sum, { places }) => Math.max(sum, places.length), 0);
    const sumsAt = this.own.start;
    const placesAt = sumsAt + ((size * width * 4 + 15) & ~15);
    const valuesAt = placesAt + ((most * 4 + 15) & ~15);
    this.own.reach(valuesAt + most * width * 4);
    const words = new Int32Array(this.own.buffer);
    words.fill(0, sumsAt / 4, sumsAt / 4 + size * width);
    for (const { values, places } of columns) {
      words.set(places, placesAt / 4);
      words.set(values, valuesAt / 4);
      this.own.kernels.addWords(places.length, width, valuesAt, placesAt, sumsAt);
    }
    return words.slice(sumsAt / 4, sumsAt / 4 + size * width);
  }

  /** Bits that are set in the magnitude of any of the values: of v from 0 on, -v - 1 below. */
  magnitudes(values: Int32Array): number {
    const words = new Int32Array(this.own.buffer, this.own.start, CHUNK);
    let all = 0;
    for (let from = 0; from < values.length; from += CHUNK) {
      const n = Math.min(CHUNK, values.length - from);
      words.set(n < values.length ? values.subarray(from, from + n) : values);
      words.fill(0, n, (n + 3) & ~3);
      all |= this.own.kernels.magnitudes(this.own.start, (n + 3) & ~3);
    }
    return all;
  }
}

/** Values that are looked at in one call: so few that they stay in the nearest cache. */
const CHUNK = 4096;

/** Sums by kernels, or null where there is no WebAssembly with SIMD. One for all: it keeps nothing. */
export const simdSums = madeOnce((module) => new SimdSums(module));
