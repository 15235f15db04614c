import {
  type Memory,
  PAGE_BYTES,
  type SimdExports,
  type SimdModule,
  simdModule,
} from './simd-module.js';

/** The compiler keeps the first bytes for itself. */
const START = 1024;

/**
 * Matrix products by SIMD kernels, over a small memory of its own: operands are copied in and the
 * product is copied out, which costs a few percent from d = 16 on. Entries are float32, summed by
 * rising index, the same bits on every platform.
 */
export class SimdMatMul {
  private readonly memory: Memory;
  private readonly kernels: SimdExports;
  private floats: Float32Array;

  constructor(module: SimdModule) {
    const { memory, kernels } = module.instantiate(8);
    this.memory = memory;
    this.kernels = kernels;
    this.floats = new Float32Array(memory.buffer);
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
    const rows = transposeA ? aColumns : aRows;
    const steps = transposeA ? aRows : aColumns;
    const columns = transposeB ? bRows : bColumns;
    if (steps !== (transposeB ? bColumns : bRows)) {
      throw new RangeError(`A product of (${rows}, ${steps}) with B (${bRows}, ${bColumns})`);
    }
    const padded = (columns + 3) & ~3;
    const placeA = START / 4;
    const placeB = placeA + ((rows * steps + 3) & ~3);
    const placeC = placeB + steps * padded;
    this.reserve(placeC + rows * padded);
    const { floats } = this;
    floats.set(a.subarray(0, rows * steps), placeA);
    if (!transposeB && padded === columns) floats.set(b.subarray(0, steps * columns), placeB);
    else layOut(b, steps, columns, transposeB, floats, placeB, padded);
    this.kernels.multiply(
      placeA * 4,
      transposeA ? 4 : steps * 4,
      transposeA ? rows * 4 : 4,
      placeB * 4,
      placeC * 4,
      rows,
      steps,
      padded,
    );
    if (padded === columns) return floats.slice(placeC, placeC + rows * columns);
    const out = new Float32Array(rows * columns);
    for (let r = 0; r < rows; r++) {
      const from = placeC + r * padded;
      out.set(floats.subarray(from, from + columns), r * columns);
    }
    return out;
  }

  private reserve(floats: number): void {
    const missing = floats * 4 - this.memory.buffer.byteLength;
    if (missing <= 0) return;
    this.memory.grow(Math.ceil(missing / PAGE_BYTES));
    this.floats = new Float32Array(this.memory.buffer);
  }
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
    out.fill(0, to + columns, to + padded);
  }
}

/** Products by SIMD, or null where there is no WebAssembly with SIMD. */
export function simdMatMul(): SimdMatMul | null {
  const module = simdModule();
  return module === null ? null : new SimdMatMul(module);
}
