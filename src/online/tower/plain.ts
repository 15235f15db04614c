import type { Tower, TowerInput } from '../types.js';
import { gateBackward, gateForward } from './gate.js';
import { gateKey, hasBias, interestKey, mappingKey, READOUT_KEY } from './keys.js';
import { applyPhi, chainPhi, type Floats, type Phi } from './phi.js';
import { multiplyFloat32 } from './products.js';

/** TowerInput over any floats, so that gradients can be checked in float64. */
export interface PlainInput<F extends Floats>
  extends Omit<TowerInput, 'slotEvidence' | 'x'>,
    FloatsOfSlots<F> {}

interface FloatsOfSlots<F extends Floats> {
  readonly slotEvidence: F;
  readonly x: F;
}

/** DenseParameters over any floats. */
export interface PlainParameters<F extends Floats> {
  readonly dimension: number;
  domainName(index: number): string;
  block(key: string): F;
}

/** TowerPass over any floats. */
export interface PlainPass<F extends Floats> {
  readonly query: F;
  readonly gate: F;
  backward(
    dQuery: F,
    wanted?: (key: string, slots: number) => boolean,
  ): { dx: F; blocks: Map<string, F> };
  dispose(): void;
}

/**
 * The tower, slot by slot in loops; all vectors are rows, so W_s x + b_s reads x W + b:
 *
 *     h_i = phi(x_i W_s + b_s)        of slot i with source s
 *     y_i = h_i A_{s,t}               A_{t,t} = I
 *     z   = Σ_i g_i y_i               g = softmax(gate_{s,t} + log(1 + n_{u,s}))
 *     q   = z W_r + b_r
 *
 * Clear before fast: this is what every other tower is held against, and its own gradients are
 * checked numerically in float64. `zeros` makes arrays of the kind the input has.
 */
export function plainForward<F extends Floats>(
  input: PlainInput<F>,
  parameters: PlainParameters<F>,
  phi: Phi,
  zeros: (length: number) => F,
): PlainPass<F> {
  const d = parameters.dimension;
  const { slots, examples, slotExample, slotSource, targets, x } = input;
  const target = (slot: number): number => targets[slotExample[slot]!]!;
  const mapping = (slot: number): string | null =>
    slotSource[slot] === target(slot)
      ? null
      : mappingKey(parameters, slotSource[slot]!, target(slot));

  const h = zeros(slots * d);
  const y = zeros(slots * d);
  const gate = zeros(slots);
  for (let i = 0; i < slots; i++) {
    affine(x, i, parameters.block(interestKey(parameters, slotSource[i]!)), d, true, h, i);
    applyPhi(phi, h, i * d, (i + 1) * d);
    const key = mapping(i);
    if (key === null) y.set(h.subarray(i * d, (i + 1) * d), i * d);
    else {
      const block = parameters.block(key);
      affine(h, i, block, d, hasBias(block, d), y, i);
    }
    gate[i] = parameters.block(gateKey(parameters, slotSource[i]!, target(i)))[0]!;
  }
  gateForward(input, gate);
  const z = zeros(examples * d);
  for (let i = 0; i < slots; i++) {
    const at = slotExample[i]! * d;
    for (let k = 0; k < d; k++) z[at + k]! += gate[i]! * y[i * d + k]!;
  }
  const readout = parameters.block(READOUT_KEY);
  const query = zeros(examples * d);
  for (let e = 0; e < examples; e++) affine(z, e, readout, d, true, query, e);

  const backward: PlainPass<F>['backward'] = (dQuery, wanted = () => true) => {
    const blocks = new Map<string, F>();
    const met = new Map<string, number>([[READOUT_KEY, examples]]);
    const gradientOf = (key: string, length: number): F => {
      let gradient = blocks.get(key);
      if (gradient === undefined) {
        gradient = zeros(length);
        blocks.set(key, gradient);
      }
      return gradient;
    };
    const dz = zeros(examples * d);
    const dReadout = gradientOf(READOUT_KEY, (d + 1) * d);
    for (let e = 0; e < examples; e++) {
      affineBackward(z, dQuery, e, readout, d, true, dReadout, dz);
    }
    const dy = zeros(slots * d);
    const dGate = zeros(slots);
    for (let i = 0; i < slots; i++) {
      const at = slotExample[i]! * d;
      for (let k = 0; k < d; k++) {
        dGate[i]! += dz[at + k]! * y[i * d + k]!;
        dy[i * d + k] = gate[i]! * dz[at + k]!;
      }
    }
    gateBackward(input, gate, dGate);
    const dh = zeros(slots * d);
    const dx = zeros(slots * d);
    for (let i = 0; i < slots; i++) {
      gradientOf(gateKey(parameters, slotSource[i]!, target(i)), 1)[0]! += dGate[i]!;
      const key = mapping(i);
      if (key === null) dh.set(dy.subarray(i * d, (i + 1) * d), i * d);
      else affineBackward(h, dy, i, parameters.block(key), d, false, gradientOf(key, d * d), dh);
      chainPhi(phi, h, dh, i * d, (i + 1) * d);
      const own = interestKey(parameters, slotSource[i]!);
      const dOwn = gradientOf(own, (d + 1) * d);
      affineBackward(x, dh, i, parameters.block(own), d, true, dOwn, dx);
      for (const block of key === null ? [own] : [own, key]) {
        met.set(block, (met.get(block) ?? 0) + 1);
      }
    }
    for (const [block, slots] of met) if (!wanted(block, slots)) blocks.delete(block);
    return { dx, blocks };
  };
  return { query, gate, backward, dispose: () => {} };
}

/** Row `to` of `out` = row `from` of `input` times `block`, plus its last row if it has a bias. */
function affine(
  input: Floats,
  from: number,
  block: Floats,
  d: number,
  bias: boolean,
  out: Floats,
  to: number,
): void {
  for (let k = 0; k < d; k++) {
    let sum = bias ? block[d * d + k]! : 0;
    for (let i = 0; i < d; i++) sum += input[from * d + i]! * block[i * d + k]!;
    out[to * d + k] = sum;
  }
}

/** Of `out = input block (+ bias)`, for one row: adds to dBlock, writes dInput. */
function affineBackward(
  input: Floats,
  dOut: Floats,
  row: number,
  block: Floats,
  d: number,
  bias: boolean,
  dBlock: Floats,
  dInput: Floats,
): void {
  const at = row * d;
  for (let i = 0; i < d; i++) {
    let sum = 0;
    for (let k = 0; k < d; k++) {
      sum += dOut[at + k]! * block[i * d + k]!;
      dBlock[i * d + k]! += input[at + i]! * dOut[at + k]!;
    }
    dInput[at + i] = sum;
  }
  if (bias) for (let k = 0; k < d; k++) dBlock[d * d + k]! += dOut[at + k]!;
}

/** The tower in typed arrays alone, slot by slot: the oracle as a tower. */
export function plainTower(phi: Phi = 'identity'): Tower {
  return {
    backend: 'plain',
    multiply: multiplyFloat32,
    forward: (input, parameters) =>
      plainForward(input, parameters, phi, (length) => new Float32Array(length)),
  };
}
