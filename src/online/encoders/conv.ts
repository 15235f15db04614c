import type { EncoderBlock } from '../blocks.js';
import { besideMean } from './sequence.js';

/** Filters, and the entries that each looks at. */
export const FILTERS = 64;
export const FILTER_WIDTH = 3;

/** (3 d + 1, 64): filters over the entries before, at and after a place; the bias is the last row. */
const KERNEL = 'conv/kernel';
/** (64, d) */
const OUT = 'conv/out';

/** Its blocks, for blocks.ts. */
export const CONV_SHAPES: Readonly<Record<string, EncoderBlock>> = {
  [KERNEL]: (d) => ({
    rows: FILTER_WIDTH * d + 1,
    width: FILTERS,
    initial: Math.sqrt(2 / (FILTER_WIDTH * d)),
  }),
  [OUT]: (d) => ({ rows: FILTERS, width: d, initial: 'zero' }),
};

/**
 * The convolutional encoder of the source article, beside the mean: embeddings, 64 filters over three
 * neighbours in time, ReLU, the largest over time, a dense layer.
 *
 *     c_{i,f} = Σ_{o=-1..1} w_{i+o} v_{i+o} · K_{o,f} + b_f        zero beyond both ends
 *     p_f     = max_i max(0, c_{i,f})
 *     x       = mean + p M
 *
 * K is `conv/kernel`, M `conv/out` (starts at zero). A history of one entry has one place. The
 * convolution is one product of (entries, 3 d) with (3 d, 64): patches are laid out in rows, since
 * not every backend has the gradient of a convolution. (Kim 2014; Tang and Wang 2018, "Caser".)
 */
export const convEncoder = besideMean('conv', (sequences, parameters) => {
  const { slots, length, starts, weights, vectors } = sequences;
  const { dimension: d, zeros, multiply } = parameters;
  const kernel = parameters.block(KERNEL);
  const out = parameters.block(OUT);
  const width = FILTER_WIDTH * d;
  const bias = width * FILTERS;

  const patches = zeros(length * width);
  for (let slot = 0; slot < slots; slot++) {
    for (let i = starts[slot]!; i < starts[slot + 1]!; i++) {
      for (let o = -1; o <= 1; o++) {
        const place = i + o;
        if (place < starts[slot]! || place >= starts[slot + 1]!) continue;
        const to = i * width + (o + 1) * d;
        const weight = weights[place]!;
        for (let k = 0; k < d; k++) patches[to + k] = weight * vectors[place * d + k]!;
      }
    }
  }
  const filtered = multiply(patches, length, width, kernel, width, FILTERS, false, false);
  const pooled = zeros(slots * FILTERS);
  /** (slots, 64) entry where the largest stands; -1 where nothing is above zero. */
  const winners = new Int32Array(slots * FILTERS).fill(-1);
  for (let slot = 0; slot < slots; slot++) {
    const to = slot * FILTERS;
    for (let i = starts[slot]!; i < starts[slot + 1]!; i++) {
      for (let f = 0; f < FILTERS; f++) {
        const value = filtered[i * FILTERS + f]! + kernel[bias + f]!;
        if (value <= pooled[to + f]!) continue;
        pooled[to + f] = value;
        winners[to + f] = i;
      }
    }
  }
  return {
    x: multiply(pooled, slots, FILTERS, out, FILTERS, d, false, false),
    backward(dx) {
      const dOut = multiply(pooled, slots, FILTERS, dx, slots, d, true, false);
      const dPooled = multiply(dx, slots, d, out, FILTERS, d, false, true);
      const dFiltered = zeros(length * FILTERS);
      const dKernel = zeros(bias + FILTERS);
      for (let at = 0; at < dPooled.length; at++) {
        const winner = winners[at]!;
        if (winner < 0) continue;
        const f = at % FILTERS;
        dFiltered[winner * FILTERS + f]! += dPooled[at]!;
        dKernel[bias + f]! += dPooled[at]!;
      }
      dKernel.set(multiply(patches, length, width, dFiltered, length, FILTERS, true, false));
      const dPatches = multiply(dFiltered, length, FILTERS, kernel, width, FILTERS, false, true);
      const dVectors = zeros(length * d);
      for (let slot = 0; slot < slots; slot++) {
        for (let i = starts[slot]!; i < starts[slot + 1]!; i++) {
          for (let o = -1; o <= 1; o++) {
            const place = i + o;
            if (place < starts[slot]! || place >= starts[slot + 1]!) continue;
            const from = i * width + (o + 1) * d;
            const weight = weights[place]!;
            for (let k = 0; k < d; k++) dVectors[place * d + k]! += weight * dPatches[from + k]!;
          }
        }
      }
      const blocks = new Map([
        [KERNEL, dKernel],
        [OUT, dOut],
      ]);
      return { vectors: dVectors, blocks };
    },
  };
});
