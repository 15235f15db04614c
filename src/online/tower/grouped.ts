import type { DenseParameters, Tower, TowerInput, TowerPass } from '../types.js';
import { gateBackward, gateForward } from './gate.js';
import { type SlotRange, type SortedSlots, sortSlots } from './groups.js';
import { gateKey, interestKey, mappingKey, READOUT_KEY } from './keys.js';
import { applyPhi, chainPhi, type Phi } from './phi.js';
import type { Multiply, Products, Workspace } from './products.js';

/** Arrays of a pass that live in its workspace. */
const ARRAYS = 8;

/**
 * The tower as products of matrices: the same mathematics as `plainForward`, with the slots sorted by
 * source and target (groups.ts), so that each block is one product forward and two back, over rows
 * that lie together. Which products they are is the backend's affair; gate and activation are loops.
 */
export class GroupedTower implements Tower {
  readonly backend: string;
  readonly multiply: Multiply<Float32Array>;
  private readonly products: Products;
  private readonly phi: Phi;
  /** Workspaces that no pass holds. */
  private readonly idle: Workspace[] = [];

  constructor(backend: string, products: Products, phi: Phi = 'identity') {
    this.backend = backend;
    this.products = products;
    this.multiply = (...product) => {
      products.enter();
      return products.multiply(...product);
    };
    this.phi = phi;
  }

  forward(input: TowerInput, parameters: DenseParameters): TowerPass {
    this.products.enter();
    const workspace = this.idle.pop() ?? this.products.workspace();
    return new GroupedPass(this.phi, input, parameters, workspace, () => this.idle.push(workspace));
  }
}

class GroupedPass implements TowerPass {
  readonly query: Float32Array;
  readonly gate: Float32Array;
  private readonly phi: Phi;
  private readonly input: TowerInput;
  private readonly parameters: DenseParameters;
  private readonly d: number;
  private readonly sorted: SortedSlots;
  /** Sorted (slots, d): x, h, y, dy and then dh, dx. */
  private readonly x: Float32Array;
  private readonly h: Float32Array;
  private readonly y: Float32Array;
  private readonly dh: Float32Array;
  private readonly dx: Float32Array;
  /** (examples, d): z, dquery and dz. */
  private readonly z: Float32Array;
  private readonly dQuery: Float32Array;
  private readonly dz: Float32Array;
  private workspace: Workspace | null;
  private readonly giveBack: () => void;

  constructor(
    phi: Phi,
    input: TowerInput,
    parameters: DenseParameters,
    workspace: Workspace,
    giveBack: () => void,
  ) {
    const { slots, examples, slotExample } = input;
    const d = parameters.dimension;
    this.phi = phi;
    this.input = input;
    this.parameters = parameters;
    this.d = d;
    this.workspace = workspace;
    this.giveBack = giveBack;
    this.sorted = sortSlots(input, parameters);
    // A block, and an input or output of rows padded to a multiple of 4.
    const scratch = (Math.max(slots, examples) + 3 * d + 4) * (d + 4);
    workspace.begin((5 * slots + 3 * examples) * d, ARRAYS, scratch);
    const bySlot = (): Float32Array => workspace.floats(slots * d);
    const byExample = (): Float32Array => workspace.floats(examples * d);
    [this.x, this.h, this.y, this.dh, this.dx] = [bySlot(), bySlot(), bySlot(), bySlot(), bySlot()];
    [this.z, this.dQuery, this.dz] = [byExample(), byExample(), byExample()];

    const { places, bySource, byPair } = this.sorted;
    copyRows(input.x, null, this.x, places, d);
    for (const range of bySource) {
      const weights = parameters.block(interestKey(parameters, range.source));
      this.affine(this.rows(this.x, range), weights, this.rows(this.h, range), true);
    }
    applyPhi(phi, this.h);
    const scalars = new Float32Array(slots);
    for (const range of byPair) {
      const { source, target, from, to } = range;
      scalars.fill(parameters.block(gateKey(parameters, source, target))[0]!, from, to);
      const [h, y] = [this.rows(this.h, range), this.rows(this.y, range)];
      if (source === target) y.set(h);
      else this.affine(h, parameters.block(mappingKey(parameters, source, target)), y, false);
    }
    this.gate = new Float32Array(slots);
    for (let i = 0; i < slots; i++) this.gate[i] = scalars[places[i]!]!;
    gateForward(input, this.gate);

    this.z.fill(0);
    for (let i = 0; i < slots; i++) {
      const to = slotExample[i]! * d;
      const from = places[i]! * d;
      const weight = this.gate[i]!;
      for (let k = 0; k < d; k++) this.z[to + k]! += weight * this.y[from + k]!;
    }
    this.query = new Float32Array(examples * d);
    this.affine(this.z, parameters.block(READOUT_KEY), this.query, true);
  }

  backward(
    dQuery: Float32Array,
    wanted: (key: string, slots: number) => boolean = () => true,
  ): { dx: Float32Array; blocks: Map<string, Float32Array> } {
    const { d, input, gate, parameters, dh, dz, y } = this;
    const { slots, slotExample } = input;
    const { places, bySource, byPair } = this.sorted;
    const blocks = new Map<string, Float32Array>();
    this.dQuery.set(dQuery);
    this.affineBack(READOUT_KEY, this.z, this.dQuery, dz, true, blocks, wanted);

    const dGate = new Float32Array(slots);
    for (let i = 0; i < slots; i++) {
      const at = slotExample[i]! * d;
      const place = places[i]! * d;
      const weight = gate[i]!;
      let sum = 0;
      for (let k = 0; k < d; k++) {
        const value = dz[at + k]!;
        sum += value * y[place + k]!;
        dh[place + k] = weight * value;
      }
      dGate[i] = sum;
    }
    gateBackward(input, gate, dGate);
    const byPlace = new Float32Array(slots);
    for (let i = 0; i < slots; i++) byPlace[places[i]!] = dGate[i]!;

    // dh holds dy so far; where a mapping lies between, it is carried through it (dx is free yet).
    for (const range of byPair) {
      const { source, target, from, to } = range;
      let sum = 0;
      for (let place = from; place < to; place++) sum += byPlace[place]!;
      blocks.set(gateKey(parameters, source, target), Float32Array.of(sum));
      if (source === target) continue;
      const key = mappingKey(parameters, source, target);
      const [dy, through] = [this.rows(dh, range), this.rows(this.dx, range)];
      this.affineBack(key, this.rows(this.h, range), dy, through, false, blocks, wanted);
      dy.set(through);
    }
    chainPhi(this.phi, this.h, dh);
    for (const range of bySource) {
      const key = interestKey(parameters, range.source);
      const [x, dx] = [this.rows(this.x, range), this.rows(this.dx, range)];
      this.affineBack(key, x, this.rows(dh, range), dx, true, blocks, wanted);
    }
    const dx = new Float32Array(slots * d);
    copyRows(this.dx, places, dx, null, d);
    return { dx, blocks };
  }

  dispose(): void {
    if (this.workspace === null) return;
    this.workspace = null;
    this.giveBack();
  }

  private rows(values: Float32Array, { from, to }: SlotRange): Float32Array {
    return values.subarray(from * this.d, to * this.d);
  }

  /** out (n, d) = input (n, d) times block, plus its last row if that is a bias. */
  private affine(input: Float32Array, block: Float32Array, out: Float32Array, bias: boolean): void {
    const { d } = this;
    const n = input.length / d;
    if (n === 0) return;
    this.at().multiplyInto(out, input, n, d, block, d, d, false, false);
    if (!bias) return;
    const last = d * d;
    for (let at = 0; at < out.length; at += d) {
      for (let k = 0; k < d; k++) out[at + k]! += block[last + k]!;
    }
  }

  /** Of `affine`: sets the gradient of the block, if it is wanted, and writes that of the input. */
  private affineBack(
    key: string,
    input: Float32Array,
    dOut: Float32Array,
    dInput: Float32Array,
    bias: boolean,
    blocks: Map<string, Float32Array>,
    wanted: (key: string, slots: number) => boolean,
  ): void {
    const { d } = this;
    const n = input.length / d;
    if (n > 0) {
      const block = this.parameters.block(key);
      this.at().multiplyInto(dInput, dOut, n, d, block, d, d, false, true);
    }
    if (!wanted(key, n)) return;
    const gradient = new Float32Array((bias ? d + 1 : d) * d);
    blocks.set(key, gradient);
    if (n === 0) return;
    const square = bias ? gradient.subarray(0, d * d) : gradient;
    this.at().multiplyInto(square, input, n, d, dOut, n, d, true, false);
    if (!bias) return;
    const last = d * d;
    for (let at = 0; at < dOut.length; at += d) {
      for (let k = 0; k < d; k++) gradient[last + k]! += dOut[at + k]!;
    }
  }

  private at(): Workspace {
    if (this.workspace === null) throw new Error('The pass was disposed of');
    return this.workspace;
  }
}

/** Row `fromPlaces[i]` of one to row `toPlaces[i]` of the other; null: row i. */
function copyRows(
  from: Float32Array,
  fromPlaces: Int32Array | null,
  to: Float32Array,
  toPlaces: Int32Array | null,
  d: number,
): void {
  for (let i = 0; i < from.length / d; i++) {
    const at = (fromPlaces === null ? i : fromPlaces[i]!) * d;
    const place = (toPlaces === null ? i : toPlaces[i]!) * d;
    for (let k = 0; k < d; k++) to[place + k] = from[at + k]!;
  }
}
