import {
  type Memory,
  PAGE_BYTES,
  type SimdExports,
  type SimdModule,
  simdModule,
} from './simd-module.js';

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
  private readonly memory: Memory;
  private readonly kernels: SimdExports;
  private readonly start: number;
  /** Address of the first byte behind those of the delta. */
  private end = 0;

  constructor(module: SimdModule) {
    const { memory, kernels } = module.instantiate(1);
    this.memory = memory;
    this.kernels = kernels;
    this.start = (kernels.ownEnd() + 15) & ~15;
  }

  /** Takes the bytes of a delta in, and returns the checksum of the first `length` of them. */
  checksum(bytes: Uint8Array, length: number): number {
    this.end = this.start + length;
    this.reach(this.end + 8);
    new Uint8Array(this.memory.buffer, this.start, length).set(bytes.subarray(0, length));
    return this.kernels.checksum(this.start, length) >>> 0;
  }

  /** The n items that begin at a byte. */
  items(at: number, n: number, dimension: number): DecodedItems | null {
    const width = dimension + 1;
    if (n * width > MOST_VALUES) return null;
    const accumulators = this.behind();
    const values = accumulators + n * 16;
    const counts = values + n * width * 4;
    this.reach(counts + n * 4);
    const { start, end, kernels } = this;
    const to = kernels.readItems(start + at, end, n, dimension, counts, values, accumulators);
    if (to === 0) return null;
    return {
      counts: this.words(counts, n),
      values: this.words(values, n * width),
      accumulators: new Float64Array(this.memory.buffer, accumulators, n * 2).slice(),
      end: to - start,
    };
  }

  /** The columns of pairs of so many items that begin at a byte. */
  pairs(at: number, items: number): DecodedPairs | null {
    const { start, end, kernels } = this;
    // A pair takes a byte at least.
    const most = end - start - at;
    const length = this.behind();
    const froms = length + 4;
    const tos = froms + most * 4;
    const counts = tos + most * 4;
    this.reach(counts + most * 4);
    const to = kernels.readPairs(start + at, end, items, most, froms, tos, counts, length);
    if (to === 0) return null;
    const n = new Int32Array(this.memory.buffer, length, 1)[0]!;
    return {
      from: this.words(froms, n),
      to: this.words(tos, n),
      counts: this.words(counts, n),
      end: to - start,
    };
  }

  private words(address: number, length: number): Int32Array {
    return new Int32Array(this.memory.buffer, address, length).slice();
  }

  /** The first address that is free behind the bytes. */
  private behind(): number {
    return (this.end + 8 + 15) & ~15;
  }

  private reach(end: number): void {
    const missing = end - this.memory.buffer.byteLength;
    if (missing > 0) this.memory.grow(Math.ceil(missing / PAGE_BYTES));
  }
}

/** Made when it is first needed, for all: it is done with one delta before it begins the next. */
let decoding: SimdDecoding | null | undefined;

/** Decoding by kernels, or null where there is no WebAssembly with SIMD. */
export function simdDecoding(): SimdDecoding | null {
  if (decoding === undefined) {
    const module = simdModule();
    decoding = module === null ? null : new SimdDecoding(module);
  }
  return decoding;
}
