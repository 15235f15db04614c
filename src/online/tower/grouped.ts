import type { DenseParameters, Tower, TowerInput, TowerPass } from '../types.js';
import { gateBackward, gateForward } from './gate.js';
import { type SlotRange, type SortedSlots, sortSlots } from './groups.js';
import { hasBias, READOUT_KEY } from './keys.js';
import { applyPhi, chainPhi, type Phi } from './phi.js';
import type { Multiply, Products, Workspace } from './products.js';
import type { Mixture, RowLoops } from './rows.js';

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
  private readonly mixture: Mixture;
  private readonly rowsBy: RowLoops;
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
    this.rowsBy = workspace.rowsOf(d);
    // A block twice, and an input or output of rows padded to a multiple of 4.
    const scratch = (Math.max(slots, examples) + 3 * d + 4) * (d + 4);
    workspace.begin((5 * slots + 3 * examples) * d, ARRAYS, scratch);
    const bySlot = (): Float32Array => workspace.floats(slots * d);
    const byExample = (): Float32Array => workspace.floats(examples * d);
    [this.x, this.h, this.y, this.dh, this.dx] = [bySlot(), bySlot(), bySlot(), bySlot(), bySlot()];
    [this.z, this.dQuery, this.dz] = [byExample(), byExample(), byExample()];

    const { places, bySource, byPair } = this.sorted;
    this.rowsBy.scatterRows(input.x, places, this.x, d);
    for (const range of bySource) {
      const weights = parameters.block(range.interest);
      this.affine(this.rows(this.x, range), weights, this.rows(this.h, range), true);
    }
    applyPhi(phi, this.h);
    const scalars = new Float32Array(slots);
    for (const range of byPair) {
      const { gate, mapping, from, to } = range;
      scalars.fill(parameters.block(gate)[0]!, from, to);
      const [h, y] = [this.rows(this.h, range), this.rows(this.y, range)];
      if (mapping === null) y.set(h);
      else {
        const block = parameters.block(mapping);
        this.affine(h, block, y, hasBias(block, d));
      }
    }
    this.gate = new Float32Array(slots);
    for (let i = 0; i < slots; i++) this.gate[i] = scalars[places[i]!]!;
    gateForward(input, this.gate);

    this.z.fill(0);
    this.mixture = { places, slotExample, gate: this.gate };
    this.rowsBy.mixRows(this.mixture, this.y, this.z, d);
    // Where dquery will be; nobody has it yet.
    this.affine(this.z, parameters.block(READOUT_KEY), this.dQuery, true);
    this.query = this.dQuery.slice();
  }

  backward(
    dQuery: Float32Array,
    wanted: (key: string, slots: number) => boolean = () => true,
  ): { dx: Float32Array; blocks: Map<string, Float32Array> } {
    const { d, input, gate, dh, dz, y } = this;
    const { slots } = input;
    const { places, bySource, byPair } = this.sorted;
    const blocks = new Map<string, Float32Array>();
    this.dQuery.set(dQuery);
    this.affineBack(READOUT_KEY, this.z, this.dQuery, dz, true, blocks, wanted);

    const dGate = this.rowsBy.unmixRows(this.mixture, y, dz, dh, d);
    gateBackward(input, gate, dGate);
    const byPlace = new Float32Array(slots);
    for (let i = 0; i < slots; i++) byPlace[places[i]!] = dGate[i]!;

    // dh holds dy so far; where a mapping lies between, it is carried through it (dx is free yet).
    for (const range of byPair) {
      const { gate: key, mapping, from, to } = range;
      let sum = 0;
      for (let place = from; place < to; place++) sum += byPlace[place]!;
      blocks.set(key, Float32Array.of(sum));
      if (mapping === null) continue;
      const [dy, through] = [this.rows(dh, range), this.rows(this.dx, range)];
      this.affineBack(mapping, this.rows(this.h, range), dy, through, false, blocks, wanted);
      dy.set(through);
    }
    chainPhi(this.phi, this.h, dh);
    for (const range of bySource) {
      const [x, dx] = [this.rows(this.x, range), this.rows(this.dx, range)];
      this.affineBack(range.interest, x, this.rows(dh, range), dx, true, blocks, wanted);
    }
    const dx = new Float32Array(slots * d);
    this.rowsBy.gatherRows(this.dx, places, dx, d);
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
    if (bias) this.rowsBy.addToRows(out, block.subarray(d * d), d);
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
    if (bias) this.rowsBy.sumRows(dOut, gradient.subarray(d * d), d);
  }

  private at(): Workspace {
    if (this.workspace === null) throw new Error('The pass was disposed of');
    return this.workspace;
  }
}
