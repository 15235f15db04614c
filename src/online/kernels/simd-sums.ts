import {
  type Memory,
  PAGE_BYTES,
  type SimdExports,
  type SimdModule,
  simdModule,
} from './simd-module.js';

/** Adds rows of whole numbers up in a memory of its own. */
export class SimdSums {
  private readonly memory: Memory;
  private readonly kernels: SimdExports;
  private readonly start: number;

  constructor(module: SimdModule) {
    const { memory, kernels } = module.instantiate(1);
    this.memory = memory;
    this.kernels = kernels;
    this.start = (kernels.ownEnd() + 15) & ~15;
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
    const sumsAt = this.start;
    const placesAt = sumsAt + ((size * width * 4 + 15) & ~15);
    const valuesAt = placesAt + ((most * 4 + 15) & ~15);
    const missing = valuesAt + most * width * 4 - this.memory.buffer.byteLength;
    if (missing > 0) this.memory.grow(Math.ceil(missing / PAGE_BYTES));
    const words = new Int32Array(this.memory.buffer);
    words.fill(0, sumsAt / 4, sumsAt / 4 + size * width);
    for (const { values, places } of columns) {
      words.set(places, placesAt / 4);
      words.set(values, valuesAt / 4);
      this.kernels.addWords(places.length, width, valuesAt, placesAt, sumsAt);
    }
    return words.slice(sumsAt / 4, sumsAt / 4 + size * width);
  }

  /** Bits that are set in the magnitude of any of the values: of v from 0 on, -v - 1 below. */
  magnitudes(values: Int32Array): number {
    const words = new Int32Array(this.memory.buffer, this.start, CHUNK);
    let all = 0;
    for (let from = 0; from < values.length; from += CHUNK) {
      const n = Math.min(CHUNK, values.length - from);
      words.set(n < values.length ? values.subarray(from, from + n) : values);
      words.fill(0, n, (n + 3) & ~3);
      all |= this.kernels.magnitudes(this.start, (n + 3) & ~3);
    }
    return all;
  }
}

/** Values that are looked at in one call: so few that they stay in the nearest cache. */
const CHUNK = 4096;

/** Made when it is first needed, for all: it keeps nothing from call to call. */
let sums: SimdSums | null | undefined;

/** Sums by a kernel, or null where there is no WebAssembly with SIMD. */
export function simdSums(): SimdSums | null {
  if (sums === undefined) {
    const module = simdModule();
    sums = module === null ? null : new SimdSums(module);
  }
  return sums;
}
