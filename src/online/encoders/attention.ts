import type { EncoderBlock } from '../blocks.js';
import { RING_SIZE } from '../user.js';
import { besideMean } from './sequence.js';

/** Learned queries. */
export const QUERIES = 4;

/** (4, d) */
const QUERY = 'attention/query';
/** (4, 64): by query and age in entries, 0 the newest. */
const POSITION = 'attention/position';
/** (4 d, d) */
const OUT = 'attention/out';

/** Its blocks, for blocks.ts. */
export const ATTENTION_SHAPES: Readonly<Record<string, EncoderBlock>> = {
  [QUERY]: (d) => ({ rows: QUERIES, width: d, initial: 1 }),
  [POSITION]: () => ({ rows: QUERIES, width: RING_SIZE, initial: 'zero' }),
  [OUT]: (d) => ({ rows: QUERIES * d, width: d, initial: 'zero' }),
};

/**
 * Attention with learned queries, which do not depend on the target, beside the mean:
 *
 *     a_{i,m} ∝ w_i exp(q_m · v_i + b_{m,n-i})       over the n entries of a slot, Σ_i a_{i,m} = 1
 *     p_m     = √(Σ w_i) Σ_i a_{i,m} v_i
 *     x       = mean + [p_1 .. p_4] M
 *
 * q is `attention/query`, b `attention/position` (starts at zero), M `attention/out` (likewise). With
 * q and b at zero, each p_m is the mean itself. (Lin et al. 2017, "A structured self-attentive sentence
 * embedding"; the weight by position as in Li, Wang, McAuley 2020.)
 */
export const attentionEncoder = besideMean('attention', (sequences, parameters) => {
  const { slots, length, starts, weights, vectors, roots } = sequences;
  const { dimension: d, zeros, multiply } = parameters;
  const query = parameters.block(QUERY);
  const position = parameters.block(POSITION);
  const out = parameters.block(OUT);
  const m = QUERIES;
  const width = m * d;

  /** (length, 4): scores, then attention. */
  const attention = multiply(vectors, length, d, query, m, d, false, true);
  const pooled = zeros(slots * width);
  for (let slot = 0; slot < slots; slot++) {
    const [start, end] = [starts[slot]!, starts[slot + 1]!];
    for (let h = 0; h < m; h++) {
      let largest = Number.NEGATIVE_INFINITY;
      for (let i = start; i < end; i++) {
        const score = attention[i * m + h]! + position[place(h, i, end)]!;
        attention[i * m + h] = score;
        if (score > largest) largest = score;
      }
      let sum = 0;
      for (let i = start; i < end; i++) {
        const value = weights[i]! * Math.exp(attention[i * m + h]! - largest);
        attention[i * m + h] = value;
        sum += value;
      }
      const to = slot * width + h * d;
      for (let i = start; i < end; i++) {
        attention[i * m + h]! /= sum;
        const scale = roots[slot]! * attention[i * m + h]!;
        for (let k = 0; k < d; k++) pooled[to + k]! += scale * vectors[i * d + k]!;
      }
    }
  }
  return {
    x: multiply(pooled, slots, width, out, width, d, false, false),
    backward(dx) {
      const dOut = multiply(pooled, slots, width, dx, slots, d, true, false);
      const dPooled = multiply(dx, slots, d, out, width, d, false, true);
      const dPosition = zeros(m * RING_SIZE);
      const dVectors = zeros(length * d);
      const dScores = zeros(length * m);
      for (let slot = 0; slot < slots; slot++) {
        const [start, end] = [starts[slot]!, starts[slot + 1]!];
        for (let h = 0; h < m; h++) {
          const from = slot * width + h * d;
          let mean = 0;
          for (let i = start; i < end; i++) {
            const share = attention[i * m + h]!;
            const scale = roots[slot]! * share;
            let sum = 0;
            for (let k = 0; k < d; k++) {
              sum += dPooled[from + k]! * vectors[i * d + k]!;
              dVectors[i * d + k]! += scale * dPooled[from + k]!;
            }
            dScores[i * m + h] = roots[slot]! * sum;
            mean += share * roots[slot]! * sum;
          }
          for (let i = start; i < end; i++) {
            const gradient = attention[i * m + h]! * (dScores[i * m + h]! - mean);
            dScores[i * m + h] = gradient;
            dPosition[place(h, i, end)]! += gradient;
          }
        }
      }
      const dQuery = multiply(dScores, length, m, vectors, length, d, true, false);
      const throughScores = multiply(dScores, length, m, query, m, d, false, false);
      for (let at = 0; at < dVectors.length; at++) dVectors[at]! += throughScores[at]!;
      const blocks = new Map([
        [QUERY, dQuery],
        [POSITION, dPosition],
        [OUT, dOut],
      ]);
      return { vectors: dVectors, blocks };
    },
  };
});

/** Where the weight by position of entry i stands, of the slot that ends at `end`. */
function place(query: number, i: number, end: number): number {
  return query * RING_SIZE + Math.min(RING_SIZE - 1, end - 1 - i);
}
