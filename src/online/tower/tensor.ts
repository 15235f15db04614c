import type { Tensor2D } from '@tensorflow/tfjs-core';
import type { DenseParameters, Tower, TowerInput, TowerPass } from '../types.js';
import { gateBackward, gateForward } from './gate.js';
import { gather, groupByPair, groupBySource, type SlotGroup, scatter } from './groups.js';
import { gateKey, interestKey, mappingKey, READOUT_KEY } from './keys.js';
import { matMulInLoops } from './matmul.js';
import { applyPhi, chainPhi, type Phi } from './phi.js';

/** The part of TensorFlow.js that the tower uses. */
export type TensorFlow = Pick<
  typeof import('@tensorflow/tfjs-core'),
  'tensor2d' | 'matMul' | 'getBackend' | 'setBackend'
>;

/**
 * Fewer rows than this are multiplied in loops: a call to a backend costs about 17 µs whatever the
 * size, a row of d = 32 about 1 µs in loops.
 */
const LEAST_ROWS = 16;

/**
 * The tower on TensorFlow.js: the same mathematics as `plainForward`, with slots grouped by source
 * and by (source, target) so that each block is one matMul each way. Gathering, gate and activation
 * are loops over typed arrays; tensors live from `forward` to `dispose`.
 */
export class TensorTower implements Tower {
  readonly backend: string;
  private readonly tf: TensorFlow;
  private readonly tfName: string;
  private readonly phi: Phi;

  /** `tfName` is the backend's name in TensorFlow.js and must have been initialised. */
  constructor(backend: string, tf: TensorFlow, tfName: string, phi: Phi = 'identity') {
    this.backend = backend;
    this.tf = tf;
    this.tfName = tfName;
    this.phi = phi;
  }

  forward(input: TowerInput, parameters: DenseParameters): TowerPass {
    // TensorFlow.js has one current backend; switching to one that is initialised is synchronous.
    if (this.tf.getBackend() !== this.tfName) void this.tf.setBackend(this.tfName);
    return new TensorPass(this.tf, this.phi, input, parameters);
  }
}

/** A typed array, and its tensor once a backend has been asked about it. */
interface Matrix {
  readonly values: Float32Array;
  readonly rows: number;
  readonly columns: number;
  tensor: Tensor2D | null;
}

/** One affine layer of a group of slots. */
interface Layer {
  readonly key: string;
  readonly slots: readonly number[];
  readonly input: Matrix;
  readonly block: Matrix;
  readonly bias: boolean;
}

class TensorPass implements TowerPass {
  readonly query: Float32Array;
  readonly gate: Float32Array;
  private readonly tf: TensorFlow;
  private readonly phi: Phi;
  private readonly input: TowerInput;
  private readonly d: number;
  private readonly h: Float32Array;
  private readonly y: Float32Array;
  private readonly interests: Layer[] = [];
  private readonly mappings: Layer[] = [];
  private readonly pairs: SlotGroup[];
  private readonly gateKeys: string[];
  private readonly readout: Layer;
  private readonly matrices: Matrix[] = [];

  constructor(tf: TensorFlow, phi: Phi, input: TowerInput, parameters: DenseParameters) {
    const d = parameters.dimension;
    this.tf = tf;
    this.phi = phi;
    this.input = input;
    this.d = d;
    this.h = new Float32Array(input.slots * d);
    for (const { source, slots } of groupBySource(input)) {
      const layer = this.layer(interestKey(parameters, source), slots, input.x, parameters, true);
      scatter(this.applyLayer(layer), slots, d, this.h);
      this.interests.push(layer);
    }
    applyPhi(phi, this.h);

    this.pairs = groupByPair(input);
    this.gateKeys = this.pairs.map((pair) => gateKey(parameters, pair.source, pair.target));
    this.gate = new Float32Array(input.slots);
    this.y = this.h.slice();
    for (const [index, { source, target, slots }] of this.pairs.entries()) {
      const scalar = parameters.block(this.gateKeys[index]!)[0]!;
      for (const slot of slots) this.gate[slot] = scalar;
      if (source === target) continue;
      const key = mappingKey(parameters, source, target);
      const layer = this.layer(key, slots, this.h, parameters, false);
      scatter(this.applyLayer(layer), slots, d, this.y);
      this.mappings.push(layer);
    }
    gateForward(input, this.gate);

    const z = new Float32Array(input.examples * d);
    for (let i = 0; i < input.slots; i++) {
      const at = input.slotExample[i]! * d;
      const weight = this.gate[i]!;
      for (let k = 0; k < d; k++) z[at + k]! += weight * this.y[i * d + k]!;
    }
    this.readout = this.layer(READOUT_KEY, null, z, parameters, true);
    this.query = this.applyLayer(this.readout);
  }

  backward(dQuery: Float32Array): { dx: Float32Array; blocks: Map<string, Float32Array> } {
    const { d, input, gate } = this;
    const blocks = new Map<string, Float32Array>();
    const dz = this.backLayer(this.readout, dQuery, blocks);

    const dGate = new Float32Array(input.slots);
    const dh = new Float32Array(input.slots * d);
    for (let i = 0; i < input.slots; i++) {
      const at = input.slotExample[i]! * d;
      const weight = gate[i]!;
      let sum = 0;
      for (let k = 0; k < d; k++) {
        sum += dz[at + k]! * this.y[i * d + k]!;
        dh[i * d + k] = weight * dz[at + k]!;
      }
      dGate[i] = sum;
    }
    gateBackward(input, gate, dGate);
    for (const [index, { slots }] of this.pairs.entries()) {
      let sum = 0;
      for (const slot of slots) sum += dGate[slot]!;
      blocks.set(this.gateKeys[index]!, Float32Array.of(sum));
    }

    // dh holds dy so far; where a mapping lies between, it is carried through it.
    for (const layer of this.mappings) {
      const dy = gather(dh, layer.slots, d);
      scatter(this.backLayer(layer, dy, blocks), layer.slots, d, dh);
    }
    chainPhi(this.phi, this.h, dh);
    const dx = new Float32Array(input.slots * d);
    for (const layer of this.interests) {
      const dPre = gather(dh, layer.slots, d);
      scatter(this.backLayer(layer, dPre, blocks), layer.slots, d, dx);
    }
    return { dx, blocks };
  }

  dispose(): void {
    for (const matrix of this.matrices) this.release(matrix);
    this.matrices.length = 0;
  }

  /** A layer over the rows of `values` that `slots` names, or over all rows. */
  private layer(
    key: string,
    slots: readonly number[] | null,
    values: Float32Array,
    parameters: DenseParameters,
    bias: boolean,
  ): Layer {
    const { d } = this;
    const packed = slots === null ? values : gather(values, slots, d);
    const input = matrix(packed, packed.length / d, d);
    const block = matrix(parameters.block(key), d, d);
    this.matrices.push(input, block);
    return { key, slots: slots ?? [], input, block, bias };
  }

  private applyLayer({ input, block, bias }: Layer): Float32Array {
    const out = this.product(input, block, false, false);
    if (!bias) return out;
    const { d } = this;
    const last = d * d;
    for (let i = 0; i < input.rows; i++) {
      for (let k = 0; k < d; k++) out[i * d + k]! += block.values[last + k]!;
    }
    return out;
  }

  /** Sets the gradient of the layer's block and returns that of its input. */
  private backLayer(
    { key, input, block, bias }: Layer,
    dOut: Float32Array,
    blocks: Map<string, Float32Array>,
  ): Float32Array {
    const { d } = this;
    const gradient = matrix(dOut, input.rows, d);
    let dBlock = this.product(input, gradient, true, false);
    if (bias) {
      const whole = new Float32Array((d + 1) * d);
      whole.set(dBlock);
      const last = d * d;
      for (let i = 0; i < input.rows; i++) {
        for (let k = 0; k < d; k++) whole[last + k]! += dOut[i * d + k]!;
      }
      dBlock = whole;
    }
    blocks.set(key, dBlock);
    const dInput = this.product(gradient, block, false, true);
    this.release(gradient);
    return dInput;
  }

  private product(a: Matrix, b: Matrix, transposeA: boolean, transposeB: boolean): Float32Array {
    if (a.rows < LEAST_ROWS) {
      return matMulInLoops(
        a.values,
        a.rows,
        a.columns,
        b.values,
        b.rows,
        b.columns,
        transposeA,
        transposeB,
      );
    }
    const out = this.tf.matMul(this.tensor(a), this.tensor(b), transposeA, transposeB);
    const values = out.dataSync<'float32'>();
    out.dispose();
    return values;
  }

  private tensor(matrix: Matrix): Tensor2D {
    if (matrix.tensor === null) {
      const { values, rows, columns } = matrix;
      const whole = values.length === rows * columns ? values : values.subarray(0, rows * columns);
      matrix.tensor = this.tf.tensor2d(whole, [rows, columns], 'float32');
    }
    return matrix.tensor;
  }

  private release(matrix: Matrix): void {
    matrix.tensor?.dispose();
    matrix.tensor = null;
  }
}

function matrix(values: Float32Array, rows: number, columns: number): Matrix {
  return { values, rows, columns, tensor: null };
}
