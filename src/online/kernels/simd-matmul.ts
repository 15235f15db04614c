import {
  growTo,
  type Memory,
  type SimdExports,
  type SimdModule,
  simdModule,
} from './simd-module.js';

/** The compiler keeps the first bytes for itself. */
const START = 1024 / 4;

/**
 * Matrix products by SIMD kernels, over a memory of its own. Operands that lie elsewhere are copied
 * in, and a product that is wanted elsewhere is copied out; those in the kept part of the memory (see
 * `keep`) are taken where they are. Entries are float32, summed by rising index, the same bits on
 * every platform and wherever the operands lie.
 */
export class SimdMatMul {
  private readonly memory: Memory;
  readonly kernels: SimdExports;
  private floats: Float32Array;
  /** Index of the first float behind the kept part. */
  private free = START;

  constructor(module: SimdModule) {
    const { memory, kernels } = module.instantiate(8);
    this.memory = memory;
    this.kernels = kernels;
    this.floats = new Float32Array(memory.buffer);
  }

  /**
   * Sets so many floats apart; voids all views that `kept` gave before. `scratch` is the most that
   * one product copies in and out while they are in use.
   */
  keep(floats: number, scratch: number): void {
    this.free = START + ((floats + 3) & ~3);
    this.reserve(this.free + scratch);
  }

  /** A view of kept floats; `start` is to be a multiple of 4. */
  kept(start: number, length: number): Float32Array {
    return this.floats.subarray(START + start, START + start + length);
  }

  /**
   * C = op(A) op(B), row-major, where op transposes or not; A is (aRows, aColumns) as stored, B
   * (bRows, bColumns). Any shapes whose inner sizes agree (a RangeError else); fastest where C has
   * a multiple of 4 columns.
   */
  multiply(
    a: Float32Array,
    aRows: number,
    aColumns: number,
    b: Float32Array,
    bRows: number,
    bColumns: number,
    transposeA: boolean,
    transposeB: boolean,
  ): Float32Array {
    const out = new Float32Array((transposeA ? aColumns : aRows) * (transposeB ? bRows : bColumns));
    this.multiplyInto(out, a, aRows, aColumns, b, bRows, bColumns, transposeA, transposeB);
    return out;
  }

  /** As `multiply`, into `out`, which may be a kept array. */
  multiplyInto(
    out: Float32Array,
    a: Float32Array,
    aRows: number,
    aColumns: number,
    b: Float32Array,
    bRows: number,
    bColumns: number,
    transposeA: boolean,
    transposeB: boolean,
  ): void {
    const rows = transposeA ? aColumns : aRows;
    const steps = transposeA ? aRows : aColumns;
    const columns = transposeB ? bRows : bColumns;
    if (steps !== (transposeB ? bColumns : bRows)) {
      throw new RangeError(`A product of (${rows}, ${steps}) with B (${bRows}, ${bColumns})`);
    }
    const padded = (columns + 3) & ~3;
    const straight = padded === columns;
    const keptA = this.isKept(a);
    const keptB = straight && !transposeB && this.isKept(b);
    const keptC = straight && this.isKept(out);
    const placeA = this.free;
    const placeB = placeA + (keptA ? 0 : (rows * steps + 3) & ~3);
    const placeC = placeB + (keptB ? 0 : steps * padded);
    // Where C will be, B lies before it is transposed.
    this.reserve(placeC + Math.max(keptC ? 0 : rows * padded, transposeB ? steps * columns : 0));
    const { floats } = this;
    if (!keptA) floats.set(sized(a, rows * steps), placeA);
    if (!keptB) {
      if (straight && !transposeB) floats.set(sized(b, steps * columns), placeB);
      else if (straight) {
        floats.set(sized(b, steps * columns), placeC);
        this.kernels.transpose(placeC * 4, columns, steps, placeB * 4);
      } else layOut(b, steps, columns, transposeB, floats, placeB, padded);
    }
    this.kernels.multiply(
      keptA ? a.byteOffset : placeA * 4,
      transposeA ? 4 : steps * 4,
      transposeA ? rows * 4 : 4,
      keptB ? b.byteOffset : placeB * 4,
      keptC ? out.byteOffset : placeC * 4,
      rows,
      steps,
      padded,
    );
    if (keptC) return;
    if (straight) {
      out.set(floats.subarray(placeC, placeC + rows * columns));
      return;
    }
    for (let r = 0; r < rows; r++) {
      const from = placeC + r * padded;
      for (let k = 0; k < columns; k++) out[r * columns + k] = floats[from + k]!;
    }
  }

  /**
   * Byte address of values: that of their own where they are kept, else of a copy, `at` words behind the
   * kept part. There is room for as many as `keep` was told.
   */
  addressOf(values: Float32Array | Int32Array, at: number): number {
    if (this.isKept(values)) return values.byteOffset;
    const start = this.free + at;
    if (values instanceof Float32Array) this.floats.set(values, start);
    else new Int32Array(this.floats.buffer).set(values, start);
    return start * 4;
  }

  /** So many floats from that many words behind the kept part on. */
  scratch(at: number, length: number): Float32Array {
    return this.floats.subarray(this.free + at, this.free + at + length);
  }

  private isKept(values: Float32Array | Int32Array): boolean {
    return values.buffer === this.floats.buffer;
  }

  /** Growing voids all views: see `keep`. */
  private reserve(floats: number): void {
    if (growTo(this.memory, floats * 4)) this.floats = new Float32Array(this.memory.buffer);
  }
}

function sized(values: Float32Array, length: number): Float32Array {
  return values.length === length ? values : values.subarray(0, length);
}

/** Writes op(B) (steps, columns) with rows of `padded`, zeros at their ends. */
function layOut(
  b: Float32Array,
  steps: number,
  columns: number,
  transposed: boolean,
  out: Float32Array,
  at: number,
  padded: number,
): void {
  const across = transposed ? steps : 1;
  const along = transposed ? 1 : columns;
  for (let t = 0; t < steps; t++) {
    const to = at + t * padded;
    for (let c = 0; c < columns; c++) out[to + c] = b[t * along + c * across]!;
    if (padded > columns) out.fill(0, to + columns, to + padded);
  }
}

/** Products by SIMD, or null where there is no WebAssembly with SIMD. */
export function simdMatMul(): SimdMatMul | null {
  const module = simdModule();
  return module === null ? null : new SimdMatMul(module);
}
