import { type SimdMatMul, simdMatMul } from '../kernels/simd-matmul.js';
import { SimdRows } from '../kernels/simd-rows.js';
import type { Multiply, Products, Workspace } from './products.js';
import { type RowLoops, rowLoops } from './rows.js';

/**
 * Products by our SIMD kernels; null where there is no WebAssembly with SIMD. A pass keeps its arrays
 * in the memory of the kernels, so activations are multiplied where they lie; blocks are copied in.
 */
export function simdProducts(): Products | null {
  const kernels = simdMatMul();
  if (kernels === null) return null;
  return {
    enter: () => {},
    workspace: () => new SimdWorkspace(simdMatMul()!),
    multiply: (...product) => kernels.multiply(...product),
  };
}

class SimdWorkspace implements Workspace {
  private readonly kernels: SimdMatMul;
  private readonly rows: RowLoops;
  private used = 0;

  constructor(kernels: SimdMatMul) {
    this.kernels = kernels;
    this.rows = new SimdRows(kernels);
  }

  begin(floats: number, arrays: number, scratch: number): void {
    this.used = 0;
    // Every array begins at a multiple of 16 bytes.
    this.kernels.keep(floats + arrays * 4, scratch);
  }

  floats(length: number): Float32Array {
    const start = this.used;
    this.used += (length + 3) & ~3;
    return this.kernels.kept(start, length);
  }

  multiplyInto(out: Float32Array, ...product: Parameters<Multiply<Float32Array>>): void {
    this.kernels.multiplyInto(out, ...product);
  }

  rowsOf(d: number): RowLoops {
    return d % 4 === 0 ? this.rows : rowLoops;
  }
}
