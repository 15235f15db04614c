import type { Floats } from './phi.js';
import { type RowLoops, rowLoops } from './rows.js';

/**
 * C = op(A) op(B), row-major, where op transposes or not; A is (aRows, aColumns) as stored, B (bRows,
 * bColumns). For A = (1, 2), B = (3, 4)ᵀ: C = (11).
 */
export type Multiply<F extends Floats> = (
  a: F,
  aRows: number,
  aColumns: number,
  b: F,
  bRows: number,
  bColumns: number,
  transposeA: boolean,
  transposeB: boolean,
) => F;

/** Room for the arrays of one pass, in a place from which products are cheap. */
export interface Workspace {
  /**
   * Empties it and makes room for so many floats, in at most `arrays` arrays. No product has more
   * than `scratch` floats in operands and results that are not of the workspace.
   */
  begin(floats: number, arrays: number, scratch: number): void;
  /** The next `length` floats, of any value; good until `begin`. */
  floats(length: number): Float32Array;
  /** As Multiply, into `out`. */
  multiplyInto(out: Float32Array, ...product: Parameters<Multiply<Float32Array>>): void;
  /** What is done with rows of d floats beside products; matrices are to be arrays of its own. */
  rowsOf(d: number): RowLoops;
}

/** What multiplies, and how: the part of a tower that differs from backend to backend. */
export interface Products {
  /** Called once before a pass multiplies. */
  enter(): void;
  workspace(): Workspace;
  readonly multiply: Multiply<Float32Array>;
}

/** As Multiply, in loops, over the floats that `out` is of; `out` is overwritten. */
export function multiplyInLoops<F extends Floats>(
  out: F,
  a: F,
  aRows: number,
  aColumns: number,
  b: F,
  bRows: number,
  bColumns: number,
  transposeA: boolean,
  transposeB: boolean,
): F {
  const rows = transposeA ? aColumns : aRows;
  const steps = transposeA ? aRows : aColumns;
  const columns = transposeB ? bRows : bColumns;
  const across = transposeA ? 1 : aColumns;
  const along = transposeA ? aColumns : 1;
  if (transposeB) {
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        let sum = 0;
        for (let t = 0; t < steps; t++) sum += a[i * across + t * along]! * b[j * steps + t]!;
        out[i * columns + j] = sum;
      }
    }
    return out;
  }
  out.fill(0, 0, rows * columns);
  for (let t = 0; t < steps; t++) {
    const from = t * columns;
    for (let i = 0; i < rows; i++) {
      const value = a[i * across + t * along]!;
      if (value === 0) continue;
      const to = i * columns;
      for (let k = 0; k < columns; k++) out[to + k]! += value * b[from + k]!;
    }
  }
  return out;
}

/** A Multiply in loops that makes its arrays with `zeros`. */
export function loopsOf<F extends Floats>(zeros: (length: number) => F): Multiply<F> {
  return (a, aRows, aColumns, b, bRows, bColumns, transposeA, transposeB) => {
    const rows = transposeA ? aColumns : aRows;
    const columns = transposeB ? bRows : bColumns;
    const out = zeros(rows * columns);
    return multiplyInLoops(out, a, aRows, aColumns, b, bRows, bColumns, transposeA, transposeB);
  };
}

export const multiplyFloat32 = loopsOf<Float32Array>((length) => new Float32Array(length));

/** A workspace in the memory of JavaScript, for products that take their operands from anywhere. */
export class HeapWorkspace implements Workspace {
  private readonly into: Workspace['multiplyInto'];
  private memory = new Float32Array(0);
  private used = 0;

  constructor(into: Workspace['multiplyInto']) {
    this.into = into;
  }

  begin(floats: number): void {
    if (this.memory.length < floats) this.memory = new Float32Array(Math.ceil(floats * 1.25));
    this.used = 0;
  }

  floats(length: number): Float32Array {
    const start = this.used;
    this.used += length;
    return this.memory.subarray(start, this.used);
  }

  multiplyInto(out: Float32Array, ...product: Parameters<Multiply<Float32Array>>): void {
    this.into(out, ...product);
  }

  rowsOf(): RowLoops {
    return rowLoops;
  }
}

/** Products in loops over typed arrays. */
export const loopProducts: Products = {
  enter: () => {},
  workspace: () => new HeapWorkspace(multiplyInLoops),
  multiply: multiplyFloat32,
};
