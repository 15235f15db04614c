import type { Encoder, Histories } from './encoder.js';

/** How much an entry of a history counts, beside its weight. */
export interface DecayOptions {
  /** Days of event time after which an entry counts half; 0: it never fades. */
  readonly halfLifeDays: number;
  /** p: an entry of weight w counts w^p. 1: as it is; 0: all that are positive count alike. */
  readonly weightExponent: number;
}

const DAY_MS = 86_400_000;

/**
 * The encoder over histories whose entries count
 *
 *     w' = w^p · 2^(-age / half-life)     and nothing where w is 0
 *
 * Ages are event time (see Histories.ages). With a half-life of 30 days, p = 1: w = 1 a month ago, 0.5.
 */
export function decaying(encoder: Encoder, options: DecayOptions): Encoder {
  const { halfLifeDays, weightExponent } = options;
  if (!(halfLifeDays > 0) && weightExponent === 1) return encoder;
  return {
    name: encoder.name,
    forward: (histories, parameters) =>
      encoder.forward({ ...histories, weights: decayed(histories, options) }, parameters),
  };
}

function decayed(histories: Histories, options: DecayOptions): Float64Array {
  const { weights, ages } = histories;
  const { halfLifeDays, weightExponent } = options;
  const rate = halfLifeDays > 0 ? -1 / (halfLifeDays * DAY_MS) : 0;
  const out = new Float64Array(weights.length);
  for (let i = 0; i < out.length; i++) {
    const weight = weights[i]!;
    if (weight > 0) out[i] = weight ** weightExponent * 2 ** (rate * ages[i]!);
  }
  return out;
}
