import type { Mixture, RowLoops } from '../tower/rows.js';
import type { SimdMatMul } from './simd-matmul.js';

/**
 * The loops of tower/rows.ts by SIMD kernels, the same bits, for a d that is a multiple of 4. Matrices
 * are to be kept arrays, but for what is scattered and what gathered rows go to.
 */
export class SimdRows implements RowLoops {
  private readonly memory: SimdMatMul;

  constructor(memory: SimdMatMul) {
    this.memory = memory;
  }

  scatterRows(from: Float32Array, places: Int32Array, to: Float32Array, d: number): void {
    const { memory } = this;
    const n = places.length;
    const placesAt = memory.addressOf(places, 0);
    const fromAt = memory.addressOf(from, words(n));
    memory.kernels.scatterRows(n, d * 4, fromAt, placesAt, to.byteOffset);
  }

  gatherRows(from: Float32Array, places: Int32Array, to: Float32Array, d: number): void {
    const { memory } = this;
    const n = places.length;
    const placesAt = memory.addressOf(places, 0);
    const out = memory.scratch(words(n), n * d);
    memory.kernels.gatherRows(n, d * 4, from.byteOffset, placesAt, out.byteOffset);
    to.set(out);
  }

  addToRows(rows: Float32Array, row: Float32Array, d: number): void {
    const { memory } = this;
    memory.kernels.addToRows(rows.length / d, d * 4, rows.byteOffset, memory.addressOf(row, 0));
  }

  sumRows(rows: Float32Array, out: Float32Array, d: number): void {
    const { memory } = this;
    const sum = memory.scratch(0, d);
    memory.kernels.sumRows(rows.length / d, d * 4, rows.byteOffset, sum.byteOffset);
    out.set(sum);
  }

  mixRows(mixture: Mixture, y: Float32Array, z: Float32Array, d: number): void {
    const { memory } = this;
    const n = mixture.places.length;
    const { places, examples, gate } = this.addresses(mixture);
    memory.kernels.mixRows(n, d * 4, y.byteOffset, places, examples, gate, z.byteOffset);
  }

  unmixRows(
    mixture: Mixture,
    y: Float32Array,
    dz: Float32Array,
    dy: Float32Array,
    d: number,
  ): Float32Array {
    const { memory } = this;
    const n = mixture.places.length;
    const { places, examples, gate } = this.addresses(mixture);
    const dGate = memory.scratch(3 * words(n), n);
    memory.kernels.unmixRows(
      n,
      d * 4,
      y.byteOffset,
      places,
      examples,
      gate,
      dz.byteOffset,
      dy.byteOffset,
      dGate.byteOffset,
    );
    return dGate.slice();
  }

  private addresses({ places, slotExample, gate }: Mixture) {
    const { memory } = this;
    const size = words(places.length);
    return {
      places: memory.addressOf(places, 0),
      examples: memory.addressOf(slotExample, size),
      gate: memory.addressOf(gate, 2 * size),
    };
  }
}

/** What n words take, so that what follows begins at a multiple of 16 bytes. */
function words(n: number): number {
  return (n + 3) & ~3;
}
