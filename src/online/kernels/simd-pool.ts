import type { Histories, Pooled } from '../encoders/encoder.js';
import { SCRATCH_BYTES, type SimdMemory } from './memory.js';

/**
 * Pools histories of rows of the table as the loop of the mean encoder does, to the last bit, in the
 * scratch of the table's memory: as many slots at once as it holds. Null where it holds not even one.
 */
export function poolByKernel(
  memory: SimdMemory,
  { slots, offsets, rows, weights }: Histories,
  d: number,
): Pooled<Float32Array> | null {
  const room = SCRATCH_BYTES - memory.scratchStart - 64;
  const bytesOf = (from: number, to: number): number =>
    (offsets[to]! - offsets[from]!) * 12 + (to - from) * (d * 4 + 12);
  const x = new Float32Array(slots * d);
  const scales = new Float64Array(slots);
  for (let from = 0; from < slots; ) {
    let to = from;
    while (to < slots && bytesOf(from, to + 1) <= room) to++;
    if (to === from) return null;
    const [first, last] = [offsets[from]!, offsets[to]!];
    const n = last - first;
    const count = to - from;
    const { buffer, scratchStart } = memory;
    const ownScales = new Float64Array(buffer, scratchStart, count);
    const ownWeights = new Float64Array(buffer, scratchStart + count * 8, n);
    const ownX = new Float32Array(buffer, ownWeights.byteOffset + n * 8, count * d);
    const ownRows = new Int32Array(buffer, ownX.byteOffset + count * d * 4, n);
    const ownOffsets = new Int32Array(buffer, ownRows.byteOffset + n * 4, count + 1);
    ownRows.set(rows.subarray(first, last));
    ownWeights.set(weights.subarray(first, last));
    for (let slot = 0; slot <= count; slot++) ownOffsets[slot] = offsets[from + slot]! - first;
    memory.kernels.poolAsLoops(
      memory.embeddings,
      ownRows.byteOffset,
      ownWeights.byteOffset,
      ownOffsets.byteOffset,
      count,
      d * 4,
      ownX.byteOffset,
      ownScales.byteOffset,
    );
    x.set(ownX, from * d);
    scales.set(ownScales, from);
    from = to;
  }
  return { x, scales };
}
