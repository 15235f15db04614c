import type { GradientRoom, RowGradients } from '../adagrad.js';
import type { Histories } from '../encoders/encoder.js';
import type { ItemTable } from '../table.js';
import { SimdMemory } from './memory.js';

/** What a mini-batch needs room for, at most. */
export interface LearningSize {
  /** Rows that get gradients. */
  readonly rows: number;
  readonly examples: number;
  readonly slots: number;
  /** Entries of histories. */
  readonly entries: number;
  readonly negatives: number;
  /** Examples that share negatives. */
  readonly sharing: number;
}

/** Step sizes η, starts n_0 and decays λ, each of embeddings and of biases; see rowStep. */
export type RowStepOptions = readonly [
  rate: number,
  biasRate: number,
  start: number,
  biasStart: number,
  decay: number,
  biasDecay: number,
];

/** Byte addresses of what a mini-batch keeps behind the table. */
interface Places {
  readonly places: number;
  readonly gradients: number;
  readonly touches: number;
  readonly rows: number;
  readonly values: number;
  readonly added: number;
  readonly entryRows: number;
  readonly entryPlaces: number;
  readonly entryWeights: number;
  readonly offsets: number;
  readonly scales: number;
  readonly x: number;
  readonly dx: number;
  readonly queries: number;
  readonly dQueries: number;
  readonly members: number;
  readonly drawn: number;
  readonly scratch: number;
  readonly sums: number;
  readonly options: number;
  readonly block: number;
}

/**
 * The sums of a mini-batch by SIMD kernels, in the memory in which the item table lies: pooling and its
 * way back, losses, steps on the grid. Float32 sums, so the last bits differ from those of the plain
 * loops, which are the oracle. `begin` for each mini-batch; views are good until the next one, or
 * until the table grows.
 */
export class SimdLearning {
  readonly memory: SimdMemory;
  private readonly items: ItemTable;
  private readonly d: number;
  private at!: Places;
  private buffer = new ArrayBuffer(0);
  /** The whole memory. */
  ints = new Int32Array(0);
  floats = new Float32Array(0);
  doubles = new Float64Array(0);

  constructor(memory: SimdMemory, items: ItemTable) {
    this.memory = memory;
    this.items = items;
    this.d = items.dimension;
  }

  /** Makes room; returns that for the gradients. */
  begin(size: LearningSize): GradientRoom {
    const { d } = this;
    let end = this.memory.free;
    const take = (words: number): number => {
      const start = end;
      end += (words * 4 + 15) & ~15;
      return start;
    };
    const { rows, examples, slots, entries, sharing } = size;
    const n = (size.negatives + 3) & ~3;
    const m = sharing;
    this.at = {
      // The first, so that it stays where it is from mini-batch to mini-batch.
      places: take(this.memory.rows),
      gradients: take(rows * (d + 1)),
      touches: take(rows),
      rows: take(this.memory.rows),
      values: take(rows * (d + 1)),
      added: take(rows * 4),
      entryRows: take(entries),
      entryPlaces: take(entries),
      entryWeights: take(entries),
      offsets: take(slots + 1),
      scales: take(slots),
      x: take(slots * d),
      dx: take(slots * d),
      queries: take(examples * d),
      dQueries: take(examples * d),
      members: take(7 * m),
      drawn: take(4 * n),
      scratch: take((3 * n + 2 * m) * d + m * n),
      sums: take(4),
      options: take(12),
      block: take(3 * (d + 1) * d + 4 * (d + 1) + 16),
    };
    const columns = this.memory.reach(end);
    if (columns !== null) this.items.adopt(columns);
    const { buffer } = this.memory;
    if (buffer !== this.buffer) {
      this.buffer = buffer;
      this.ints = new Int32Array(buffer);
      this.floats = new Float32Array(buffer);
      this.doubles = new Float64Array(buffer, 0, Math.floor(buffer.byteLength / 8));
    }
    const places = this.intsAt(this.at.places, this.memory.rows);
    if (this.memory.zeros !== this.at.places) places.fill(0);
    this.memory.zeros = 0;
    return {
      values: this.floatsAt(this.at.gradients, rows * (d + 1)),
      touches: this.floatsAt(this.at.touches, rows),
      rows: this.intsAt(this.at.rows, this.memory.rows),
      places,
    };
  }

  /** Says that the gradients of the mini-batch have taken their places back. */
  finish(): void {
    this.memory.zeros = this.at.places;
  }

  /** x (slots, d) of the mean encoder; see encoders/mean.ts. */
  pool({ slots, offsets, rows, weights }: Histories): Float32Array {
    const { at, d } = this;
    this.ints.set(rows, at.entryRows / 4);
    this.floats.set(weights, at.entryWeights / 4);
    this.ints.set(offsets, at.offsets / 4);
    this.memory.kernels.pool(
      this.memory.embeddings,
      at.entryRows,
      at.entryWeights,
      at.offsets,
      slots,
      d * 4,
      at.x,
      at.scales,
    );
    return this.floatsAt(at.x, slots * d);
  }

  /** Adds the gradients of the entries that were pooled, from dLoss/dx. */
  poolBack({ slots, rows }: Histories, dx: Float32Array, gradients: RowGradients): void {
    const { at, floats, memory, d } = this;
    const { kernels } = memory;
    if (gradients.isMet) this.placeEach(rows, gradients);
    else {
      const length = kernels.placeEntries(
        rows.length,
        at.entryRows,
        at.entryWeights,
        at.places,
        at.rows,
        gradients.length,
        at.entryPlaces,
        at.gradients,
        d * 4 + 4,
        at.touches,
      );
      gradients.extend(length);
    }
    floats.set(dx, at.dx / 4);
    kernels.poolBack(
      at.entryPlaces,
      at.entryWeights,
      at.offsets,
      slots,
      d * 4,
      at.scales,
      at.dx,
      at.gradients,
    );
  }

  /** As the kernel, where somebody wants to be told of each row. */
  private placeEach(rows: Int32Array, gradients: RowGradients): void {
    const { at, ints, floats } = this;
    const places = at.entryPlaces / 4;
    const weights = at.entryWeights / 4;
    const touches = at.touches / 4;
    for (let entry = 0; entry < rows.length; entry++) {
      if (!(floats[weights + entry]! > 0)) continue;
      const place = gradients.place(rows[entry]!);
      ints[places + entry] = place;
      floats[touches + place]!++;
    }
  }

  /** Takes the queries (examples, d) in; what it returns is dLoss/dquery, zero so far. */
  beginLoss(query: Float32Array): Float32Array {
    this.floats.set(query, this.at.queries / 4);
    return this.floatsAt(this.at.dQueries, query.length).fill(0);
  }

  /** Index, in `ints` and `floats`, of the seven columns of a group's examples (see lossGroup). */
  get members(): number {
    return this.at.members / 4;
  }

  /** Index of the four columns of the negatives. */
  get drawn(): number {
    return this.at.drawn / 4;
  }

  /** Loss and gradients of the m examples and n negatives that were written. Returns [loss, dprior]. */
  lossGroup(m: number, n: number): readonly [loss: number, dPrior: number] {
    const { at, doubles, memory } = this;
    const sums = at.sums / 8;
    doubles.fill(0, sums, sums + 2);
    memory.kernels.lossGroup(
      memory.embeddings,
      this.d * 4,
      at.queries,
      at.dQueries,
      at.members,
      m,
      at.drawn,
      n,
      at.gradients,
      at.touches,
      at.scratch,
      at.sums,
    );
    return [doubles[sums]!, doubles[sums + 1]!];
  }

  /** Steps of the first n rows of the gradients: into `values` (n, d + 1) and `added` (n, 2). */
  stepRows(n: number, options: RowStepOptions, values: Int32Array, added: Float64Array): void {
    const { at, ints, doubles, memory, items, d } = this;
    doubles.set(options, at.options / 8);
    memory.kernels.stepRows(
      n,
      at.rows,
      memory.embeddings,
      items.biases.byteOffset,
      items.accumulators.byteOffset,
      d * 4,
      at.gradients,
      at.touches,
      at.values,
      at.added,
      at.options,
    );
    values.set(ints.subarray(at.values / 4, at.values / 4 + n * (d + 1)));
    added.set(doubles.subarray(at.added / 8, at.added / 8 + n * 2));
  }

  /** Steps of a block of rows of d, at most d + 1 of them, of which row r decays towards 1 at r. */
  stepBlock(
    weights: Float32Array,
    gradient: Float32Array,
    accumulators: Float64Array,
    step: { readonly rate: number; readonly start: number; readonly decay: number },
    values: Int32Array,
    added: Float64Array,
  ): void {
    const { ints, floats, doubles, d } = this;
    const words = weights.length;
    const rows = words / d;
    // All begin at multiples of 8 bytes, since d is a multiple of 4.
    const at = this.at.block;
    const [from, to] = [at + words * 4, at + words * 8];
    const own = at + words * 12;
    const more = own + rows * 8;
    floats.set(weights, at / 4);
    floats.set(gradient, from / 4);
    doubles.set(accumulators, own / 8);
    const { rate, start, decay } = step;
    this.memory.kernels.stepBlock(rows, d * 4, at, from, own, to, more, rate, start, decay);
    values.set(ints.subarray(to / 4, to / 4 + words));
    added.set(doubles.subarray(more / 8, more / 8 + rows));
  }

  private intsAt(address: number, length: number): Int32Array<ArrayBuffer> {
    return this.ints.subarray(address / 4, address / 4 + length);
  }

  private floatsAt(address: number, length: number): Float32Array {
    return this.floats.subarray(address / 4, address / 4 + length);
  }
}

/** Kernels for a learner of this table, or null where it lies elsewhere: then the loops do it. */
export function simdLearning(items: ItemTable): SimdLearning | null {
  return items.memory instanceof SimdMemory ? new SimdLearning(items.memory, items) : null;
}
