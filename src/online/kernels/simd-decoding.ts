import { madeOnce, OwnMemory } from './own-memory.js';
import type { SimdModule } from './simd-module.js';

/** Values that there is room for: more are for the loops, which need no room beside the result. */
const MOST_VALUES = 1 << 26;

/** What is decoded of items. */
export interface DecodedItems {
  readonly counts: Int32Array;
  readonly values: Int32Array;
  readonly accumulators: Float64Array;
  /** Where they end in the bytes. */
  readonly end: number;
}

/** What is decoded of the rows of a block. */
export interface DecodedRows {
  readonly values: Int32Array;
  readonly accumulators: Float64Array;
  readonly end: number;
}

/** What is decoded of pairs. */
export interface DecodedPairs {
  readonly from: Int32Array;
  readonly to: Int32Array;
  readonly counts: Int32Array;
  readonly end: number;
}

/**
 * Reads the bytes of one delta after the other, in a memory of its own. What is wrong with them is left
 * to the loops to say: null then.
 */
export class SimdDecoding {
  protected readonly own: OwnMemory;
  /** Addresses of the first byte of the delta, and of the first one behind. */
  protected readonly start: number;
  protected end = 0;

  /** With so many bytes before those of the delta, a multiple of 16, for whoever knows what to do with them. */
  constructor(module: SimdModule, before = 0) {
    this.own = new OwnMemory(module);
    this.start = this.own.start + before;
  }

  /** Takes the bytes of a delta in, and returns the checksum of the first `length` of them. */
  checksum(bytes: Uint8Array, length: number): number {
    this.end = this.start + length;
    this.own.reach(this.end + 8);
    new Uint8Array(this.own.buffer, this.start, length).set(bytes.subarray(0, length));
    return this.own.kernels.checksum(this.start, length) >>> 0;
  }

  /** The n items that begin at a byte. */
  items(at: number, n: number, dimension: number): DecodedItems | null {
    const width = dimension + 1;
    if (n * width > MOST_VALUES) return null;
    const accumulators = this.behind();
    const values = accumulators + n * 16;
    const counts = values + n * width * 4;
    this.own.reach(counts + n * 4);
    const { kernels } = this.own;
    const { start, end } = this;
    const to = kernels.readItems(start + at, end, n, dimension, counts, values, accumulators);
    if (to === 0) return null;
    return {
      counts: this.words(counts, n),
      values: this.words(values, n * width),
      accumulators: new Float64Array(this.own.buffer, accumulators, n * 2).slice(),
      end: to - start,
    };
  }

  /** The rows of a block that begin at a byte. */
  rows(at: number, rows: number, width: number): DecodedRows | null {
    if (rows * width > MOST_VALUES) return null;
    const accumulators = this.behind();
    const values = accumulators + rows * 8;
    this.own.reach(values + rows * width * 4);
    const { kernels } = this.own;
    const { start, end } = this;
    const to = kernels.readRows(start + at, end, rows, width, values, accumulators);
    if (to === 0) return null;
    return {
      values: this.words(values, rows * width),
      accumulators: new Float64Array(this.own.buffer, accumulators, rows).slice(),
      end: to - start,
    };
  }

  /** The columns of pairs of so many items that begin at a byte. */
  pairs(at: number, items: number): DecodedPairs | null {
    const { kernels } = this.own;
    const { start, end } = this;
    // A pair takes a byte at least.
    const most = end - start - at;
    const length = this.behind();
    const froms = length + 4;
    const tos = froms + most * 4;
    const counts = tos + most * 4;
    this.own.reach(counts + most * 4);
    const to = kernels.readPairs(start + at, end, items, most, froms, tos, counts, length);
    if (to === 0) return null;
    const n = new Int32Array(this.own.buffer, length, 1)[0]!;
    return {
      from: this.words(froms, n),
      to: this.words(tos, n),
      counts: this.words(counts, n),
      end: to - start,
    };
  }

  protected words(address: number, length: number): Int32Array {
    return new Int32Array(this.own.buffer, address, length).slice();
  }

  /** The first address that is free behind the bytes. */
  protected behind(): number {
    return (this.end + 8 + 15) & ~15;
  }
}

/**
 * Decoding by kernels, or null where there is no WebAssembly with SIMD. One for all: it is done with one delta
 * before it begins the next.
 */
export const simdDecoding = madeOnce((module) => new SimdDecoding(module));
