import type { EncoderBlock } from '../blocks.js';
import type { Floats } from '../tower/phi.js';
import { besideMean, rowsOf, type Sequences } from './sequence.js';

/** Size of the hidden state, given d. */
export function hiddenSize(d: number): number {
  return Math.min(d, 64);
}

/** (d + h + 1, h) each: from the entry, from the state; the bias is the last row. */
const GATES = ['gru/update', 'gru/reset', 'gru/candidate'] as const;
/** (h, d) */
const OUT = 'gru/out';

function gateShape(d: number): ReturnType<EncoderBlock> {
  const size = hiddenSize(d);
  return { rows: d + size + 1, width: size, initial: 1 / Math.sqrt(d + size) };
}

/** Its blocks, for blocks.ts. */
export const GRU_SHAPES: Readonly<Record<string, EncoderBlock>> = {
  ...Object.fromEntries(GATES.map((key) => [key, gateShape])),
  [OUT]: (d) => ({ rows: hiddenSize(d), width: d, initial: 'zero' }),
};

/**
 * A gated recurrent unit over the entries in order of time, beside the mean. With u_i = w_i v_i and the
 * state h = 0 at first:
 *
 *     z = σ(u W_z + h U_z + b_z)      r = σ(u W_r + h U_r + b_r)
 *     n = tanh(u W_n + b_n + r ⊙ (h U_n))
 *     h ← (1 - z) ⊙ n + z ⊙ h
 *     x = mean + h_last M
 *
 * W, U, b of a gate are the rows of `gru/update`, `gru/reset` and `gru/candidate`; M is `gru/out` (starts
 * at zero). Slots are sorted by length, so that those with a step t are the first rows of the state, and
 * all products of a step are one. (Cho et al. 2014, with the reset gate behind the product as in
 * cuDNN; Hidasi et al. 2016 for sessions.)
 */
export const gruEncoder = besideMean('gru', (sequences, parameters) => {
  const { slots, length, weights, vectors } = sequences;
  const { dimension: d, zeros, multiply } = parameters;
  const size = hiddenSize(d);
  const width = 3 * size;
  const { order, steps, entryAt } = stepsOf(sequences);
  const gates = GATES.map((key) => parameters.block(key));
  const fromEntry = sideBySide(gates, 0, d, size, zeros);
  const fromState = sideBySide(gates, d, size, size, zeros);
  const bias = sideBySide(gates, d + size, 1, size, zeros);

  const inputs = zeros(length * d);
  for (let at = 0; at < length; at++) {
    const entry = entryAt[at]!;
    for (let k = 0; k < d; k++) inputs[at * d + k] = weights[entry]! * vectors[entry * d + k]!;
  }
  /** (length, 3 h) by step: z, r, n. */
  const gate = multiply(inputs, length, d, fromEntry, d, width, false, false);
  /** (length, h) by step: the state before it, and h U_n. */
  const before = zeros(length * size);
  const recurrent = zeros(length * size);
  const state = zeros(slots * size);
  for (let t = 0; t + 1 < steps.length; t++) {
    const [from, to] = [steps[t]!, steps[t + 1]!];
    const active = to - from;
    before.set(rowsOf(state, 0, active, size), from * size);
    const product = multiply(
      rowsOf(before, from, to, size),
      active,
      size,
      fromState,
      size,
      width,
      false,
      false,
    );
    for (let row = 0; row < active; row++) {
      const g = (from + row) * width;
      for (let k = 0; k < size; k++) {
        const [iz, ir, i_n] = [k, size + k, 2 * size + k];
        const hn = product[row * width + i_n]!;
        const z = sigma(gate[g + iz]! + product[row * width + iz]! + bias[iz]!);
        const r = sigma(gate[g + ir]! + product[row * width + ir]! + bias[ir]!);
        const n = Math.tanh(gate[g + i_n]! + bias[i_n]! + r * hn);
        gate[g + iz] = z;
        gate[g + ir] = r;
        gate[g + i_n] = n;
        recurrent[(from + row) * size + k] = hn;
        const at = row * size + k;
        state[at] = (1 - z) * n + z * state[at]!;
      }
    }
  }
  const out = parameters.block(OUT);
  const sorted = multiply(state, slots, size, out, size, d, false, false);
  const x = zeros(slots * d);
  for (let row = 0; row < slots; row++) x.set(rowsOf(sorted, row, row + 1, d), order[row]! * d);

  return {
    x,
    backward(dx) {
      const dSorted = zeros(slots * d);
      for (let row = 0; row < slots; row++) {
        dSorted.set(rowsOf(dx, order[row]!, order[row]! + 1, d), row * d);
      }
      const dOut = multiply(state, slots, size, dSorted, slots, d, true, false);
      const dState = multiply(dSorted, slots, d, out, size, d, false, true);
      /** (length, 3 h): of what the entry, and of what the state has contributed to the gates. */
      const dEntry = zeros(length * width);
      const dRecurrent = zeros(length * width);
      for (let t = steps.length - 2; t >= 0; t--) {
        const [from, to] = [steps[t]!, steps[t + 1]!];
        for (let row = from; row < to; row++) {
          const g = row * width;
          for (let k = 0; k < size; k++) {
            const [iz, ir, i_n] = [g + k, g + size + k, g + 2 * size + k];
            const [z, r, n] = [gate[iz]!, gate[ir]!, gate[i_n]!];
            const at = (row - from) * size + k;
            const gradient = dState[at]!;
            const dn = gradient * (1 - z) * (1 - n * n);
            const dz = gradient * (before[row * size + k]! - n) * z * (1 - z);
            const dr = dn * recurrent[row * size + k]! * r * (1 - r);
            dEntry[iz] = dRecurrent[iz] = dz;
            dEntry[ir] = dRecurrent[ir] = dr;
            dEntry[i_n] = dn;
            dRecurrent[i_n] = dn * r;
            dState[at] = gradient * z;
          }
        }
        const active = to - from;
        const step = rowsOf(dRecurrent, from, to, width);
        const back = multiply(step, active, width, fromState, size, width, false, true);
        for (let at = 0; at < active * size; at++) dState[at]! += back[at]!;
      }
      const dInputs = multiply(dEntry, length, width, fromEntry, d, width, false, true);
      const dVectors = zeros(length * d);
      for (let at = 0; at < length; at++) {
        const entry = entryAt[at]!;
        for (let k = 0; k < d; k++)
          dVectors[entry * d + k] = weights[entry]! * dInputs[at * d + k]!;
      }
      const dFromEntry = multiply(inputs, length, d, dEntry, length, width, true, false);
      const dFromState = multiply(before, length, size, dRecurrent, length, width, true, false);
      const dBias = zeros(width);
      for (let at = 0; at < length * width; at++) dBias[at % width]! += dEntry[at]!;
      const blocks = new Map([[OUT, dOut]]);
      for (const [i, key] of GATES.entries()) {
        const block = zeros((d + size + 1) * size);
        takeSide(dFromEntry, i, d, size, block, 0);
        takeSide(dFromState, i, size, size, block, d);
        takeSide(dBias, i, 1, size, block, d + size);
        blocks.set(key, block);
      }
      return { vectors: dVectors, blocks };
    },
  };
});

/** The entries step by step: those of step t are entryAt[steps[t] .. steps[t + 1] - 1]. */
function stepsOf({ slots, length, starts }: Sequences<Floats>): {
  /** (slots) slots, the longest first. */
  order: Int32Array;
  steps: number[];
  /** (length) entry of the sequences. */
  entryAt: Int32Array;
} {
  const lengthOf = (slot: number): number => starts[slot + 1]! - starts[slot]!;
  const order = Int32Array.from({ length: slots }, (_, slot) => slot).sort(
    (a, b) => lengthOf(b) - lengthOf(a) || a - b,
  );
  const steps = [0];
  const entryAt = new Int32Array(length);
  let at = 0;
  for (let t = 0; at < length; t++) {
    for (let row = 0; row < slots && lengthOf(order[row]!) > t; row++) {
      entryAt[at++] = starts[order[row]!]! + t;
    }
    steps.push(at);
  }
  return { order, steps, entryAt };
}

/** Rows `from` .. of three blocks (…, h), next to each other: (rows, 3 h). */
function sideBySide<F extends Floats>(
  blocks: readonly F[],
  from: number,
  rows: number,
  size: number,
  zeros: (length: number) => F,
): F {
  const out = zeros(rows * 3 * size);
  for (const [i, block] of blocks.entries()) {
    for (let row = 0; row < rows; row++) {
      out.set(rowsOf(block, from + row, from + row + 1, size), row * 3 * size + i * size);
    }
  }
  return out;
}

/** The way back of `sideBySide`, of block i. */
function takeSide<F extends Floats>(
  wide: F,
  i: number,
  rows: number,
  size: number,
  block: F,
  to: number,
): void {
  for (let row = 0; row < rows; row++) {
    const from = row * 3 * size + i * size;
    block.set(wide.subarray(from, from + size), (to + row) * size);
  }
}

function sigma(value: number): number {
  return 1 / (1 + Math.exp(-value));
}
