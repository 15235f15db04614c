import type { Floats } from '../tower/phi.js';
import type { Encoder, EncoderParameters, Histories, Pooled } from './encoder.js';

/**
 * The mean encoder: x = Σ w_i v_i / √(Σ w_i), zero for a history without weight.
 *
 * Dividing by the root lets x grow with evidence: one liked item gives a vector of length |v|, n alike
 * ones √n |v|, and n unrelated ones again about |v|. (FISM with α = 1/2: Kabbur, Ning, Karypis 2013,
 * equation 4.)
 */
export const meanEncoder: Encoder = {
  name: 'mean',
  forward(histories, parameters) {
    if (parameters.mean !== undefined) return parameters.mean(histories);
    const { dimension: d } = parameters;
    const { slots, offsets, weights } = histories;
    const { x, scales } = parameters.pool?.(histories) ?? pooled(histories, parameters);
    return {
      x,
      backward(dx, sink) {
        for (let slot = 0; slot < slots; slot++) {
          const scale = scales[slot]!;
          if (scale === 0) continue;
          for (let entry = offsets[slot]!; entry < offsets[slot + 1]!; entry++) {
            const weight = weights[entry]!;
            if (weight > 0) sink(entry, weight * scale, dx, slot * d);
          }
        }
        return new Map();
      },
    };
  },
};

function pooled<F extends Floats>(
  { slots, offsets, rows, weights }: Histories,
  { dimension: d, embeddings, zeros }: EncoderParameters<F>,
): Pooled<F> {
  const x = zeros(slots * d);
  const scales = new Float64Array(slots);
  for (let slot = 0; slot < slots; slot++) {
    const [start, end] = [offsets[slot]!, offsets[slot + 1]!];
    scales[slot] = poolInto(rows, weights, start, end, embeddings, d, x, slot * d);
  }
  return { x, scales };
}

/**
 * Writes x of entries start .. end - 1 to out[at .. at + d - 1] and returns 1 / √(Σ w_i), or 0 (and
 * zeros) if no entry has weight. For rows (0, 1), weights (1, 1), v = (1, 0), (0, 1): x = (.707, .707).
 */
export function poolInto(
  rows: ArrayLike<number>,
  weights: ArrayLike<number>,
  start: number,
  end: number,
  embeddings: Floats,
  d: number,
  out: Floats,
  at: number,
): number {
  let total = 0;
  for (let k = 0; k < d; k++) out[at + k] = 0;
  for (let entry = start; entry < end; entry++) {
    const weight = weights[entry]!;
    if (weight <= 0) continue;
    total += weight;
    const row = rows[entry]! * d;
    for (let k = 0; k < d; k++) out[at + k]! += weight * embeddings[row + k]!;
  }
  if (total <= 0) return 0;
  const scale = 1 / Math.sqrt(total);
  for (let k = 0; k < d; k++) out[at + k]! *= scale;
  return scale;
}
