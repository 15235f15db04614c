import { exp2 } from '../exp2.js';
import type { Encoder, Histories } from './encoder.js';

/** How much an entry of a history counts, beside its weight. */
export interface DecayOptions {
  /**
   * Days of event time after which an entry counts half; 0: it never fades; auto: as was learned of each
   * domain (half-life.ts).
   */
  readonly halfLifeDays: number | 'auto';
  /** p: an entry of weight w counts w^p. 1: as it is; 0: all that are positive count alike. */
  readonly weightExponent: number;
}

const DAY_MS = 86_400_000;

/** The part of its weight that an entry of that age has left. One of 30 days with a half-life of 30: 0.5. */
export function left(ageMs: number, halfLifeDays: number): number {
  return halfLifeDays > 0 && ageMs > 0 ? exp2((-1 / (halfLifeDays * DAY_MS)) * ageMs) : 1;
}

/**
 * The encoder over histories whose entries count
 *
 *     w' = w^p · 2^(-age / half-life)     and nothing where w is 0
 *
 * Ages are event time (see Histories.ages). With a half-life of 30 days, p = 1: w = 1 a month ago, 0.5.
 */
export function decaying(encoder: Encoder, options: DecayOptions): Encoder {
  const { halfLifeDays, weightExponent } = options;
  if (halfLifeDays === 0 && weightExponent === 1) return encoder;
  return {
    name: encoder.name,
    forward: (histories, parameters) => {
      const halfLifeOf = (source: number): number =>
        halfLifeDays === 'auto' ? (parameters.halfLifeDays?.(source) ?? 0) : halfLifeDays;
      const weights = decayed(histories, weightExponent, halfLifeOf);
      return encoder.forward(weights === null ? histories : { ...histories, weights }, parameters);
    },
  };
}

/** null where all weights are as they were. */
function decayed(
  { slots, offsets, sources, weights, ages }: Histories,
  exponent: number,
  halfLifeOf: (source: number) => number,
): Float64Array | null {
  const halfLives = new Map<number, number>();
  for (const source of sources) {
    if (!halfLives.has(source)) halfLives.set(source, halfLifeOf(source));
  }
  if (exponent === 1 && [...halfLives.values()].every((days) => days === 0)) return null;
  const out = new Float64Array(weights.length);
  for (let slot = 0; slot < slots; slot++) {
    const days = halfLives.get(sources[slot]!)!;
    for (let i = offsets[slot]!; i < offsets[slot + 1]!; i++) {
      const weight = weights[i]!;
      if (weight > 0)
        out[i] = (exponent === 1 ? weight : weight ** exponent) * left(ages[i]!, days);
    }
  }
  return out;
}
