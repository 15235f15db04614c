import { grown } from './columns.js';
import { ACCUMULATOR_UNIT, accumulatorUnits, deltaUnits, WEIGHT_UNIT } from './grid.js';

/** Where gradients and touches are collected, if not in arrays of their own. */
export interface GradientRoom {
  /** (rows that get gradients, d + 1), of any value. */
  readonly values: Float32Array;
  /** (rows that get gradients), of any value. */
  readonly touches: Float32Array;
  /** (rows of the table), of any value. */
  readonly rows: Int32Array<ArrayBuffer>;
  /** (rows of the table) zeros. */
  readonly places: Int32Array;
}

/** Rows of gradients that are set to zero at once. */
const CHUNK = 256;

/**
 * The gradients of the rows that a mini-batch touches, by row of the item table, in order of first
 * touch. The scratch is kept from batch to batch; it holds nothing that a result depends on.
 */
export class RowGradients {
  readonly dimension: number;
  /** Rows touched. */
  length = 0;
  /** (length) */
  rows = new Int32Array(CHUNK);
  /** (length, d + 1): embedding, then bias. Rows that a given room does not hold have none. */
  values: Float32Array;
  /** (length) how many gradients were added to a row's. */
  touches: Float32Array = new Float32Array(CHUNK);
  /** (length) positive events. */
  counts = new Int32Array(CHUNK);
  /** By row of the table: 1 + place in the columns above, or 0. */
  private places: Int32Array = new Int32Array(CHUNK);
  /** Whether places were given that have not been taken back. */
  private dirty = false;
  /** Rows of `values` and `touches` that are zero, or hold what was added. */
  private ready = 0;
  private roomy = false;
  /** Told of each row when it gets its place. */
  private meet: ((row: number) => void) | null = null;

  constructor(dimension: number) {
    this.dimension = dimension;
    this.values = new Float32Array(CHUNK * (dimension + 1));
  }

  /**
   * Forgets everything; `size` is that of the table. A room must hold all rows that get gradients.
   *
   * @param meet Told of each row when it gets its place, before anything is read of it.
   */
  begin(size: number, room?: GradientRoom, meet: ((row: number) => void) | null = null): void {
    this.meet = meet;
    this.counts.fill(0, 0, this.length);
    this.length = 0;
    this.ready = 0;
    if (room !== undefined) {
      this.values = room.values;
      this.touches = room.touches;
      this.rows = room.rows;
      this.places = room.places;
    } else if (this.roomy) {
      this.values = new Float32Array(CHUNK * (this.dimension + 1));
      this.touches = new Float32Array(CHUNK);
      this.rows = new Int32Array(CHUNK);
      this.places = new Int32Array(size);
    } else if (this.dirty) this.places.fill(0);
    this.roomy = room !== undefined;
    this.dirty = true;
    if (this.places.length < size) this.places = new Int32Array(size * 2);
  }

  /** Takes the places back; what was collected can still be read. Without it, the next `begin` is dearer. */
  finish(): void {
    for (let i = 0; i < this.length; i++) this.places[this.rows[i]!] = 0;
    this.dirty = false;
  }

  /** Takes note that somebody else has given places to rows, the first `length` of all, and made them zero. */
  extend(length: number): void {
    this.length = length;
    this.ready = Math.max(this.ready, length);
    this.counts = grown(this.counts, length);
  }

  /** The place of a row in the columns, taken if it has none. */
  place(row: number): number {
    const place = this.places[row]!;
    if (place > 0) return place - 1;
    this.rows = grown(this.rows, this.length + 1);
    this.counts = grown(this.counts, this.length + 1);
    if (this.length === this.ready) this.prepare();
    this.rows[this.length] = row;
    this.places[row] = ++this.length;
    if (this.meet !== null) this.meet(row);
    return this.length - 1;
  }

  /** Whether somebody is told of each row that gets its place. */
  get isMet(): boolean {
    return this.meet !== null;
  }

  /** Sets the gradient of a row's embedding to 0, as if nothing had touched it; the bias keeps its own. */
  leave(row: number): void {
    const place = this.places[row]! - 1;
    if (place < 0) return;
    const from = place * (this.dimension + 1);
    this.values.fill(0, from, from + this.dimension);
    this.touches[place] = 0;
  }

  /** Adds scale · from[at .. at + d - 1] to the gradient of a row's embedding. */
  add(row: number, scale: number, from: ArrayLike<number>, at: number): void {
    const place = this.place(row);
    const { values, dimension: d } = this;
    const to = place * (d + 1);
    for (let k = 0; k < d; k++) values[to + k]! += scale * from[at + k]!;
    this.touches[place]!++;
  }

  /** Sets the next rows to zero. */
  private prepare(): void {
    const width = this.dimension + 1;
    const to = this.ready + CHUNK;
    if (!this.roomy && to > this.touches.length) {
      const values = new Float32Array(to * 2 * width);
      values.set(this.values);
      this.values = values;
      const touches = new Float32Array(to * 2);
      touches.set(this.touches);
      this.touches = touches;
    }
    this.values.fill(0, this.ready * width, to * width);
    this.touches.fill(0, this.ready, to);
    this.ready = to;
  }
}

/**
 * Scales a step down to `longest` in root mean square where it is longer (Pascanu, Mikolov, Bengio 2013 do so with
 * gradients).
 *
 * @param step In units of the weight grid.
 */
export function shorten(step: Int32Array, longest: number): void {
  let squares = 0;
  for (const units of step) squares += units * units;
  const length = Math.sqrt(squares / step.length) * WEIGHT_UNIT;
  if (length <= longest) return;
  const scale = longest / length;
  for (let k = 0; k < step.length; k++) step[k] = Math.round(step[k]! * scale);
}

/** One row and how it is stepped. */
export interface RowStep {
  /** η */
  readonly learningRate: number;
  /** n_0, what the accumulator starts from: the larger, the slower the first steps. */
  readonly start: number;
  /** λ, the weight decay. */
  readonly decay: number;
  /** Index of the weight that decays towards 1, the others towards 0; -1 for none. */
  readonly one: number;
}

/**
 * Writes the step of one row in units of the weight grid, and returns what it adds to the row's
 * accumulator, in units of the accumulator grid. Row-wise AdaGrad (Duchi, Hazan, Singer 2011, with one
 * accumulator a row) with decay λ towards an anchor a:
 *
 *     n   ← n + mean_k g_k²
 *     w_k ← w_k - η (g_k + λ (w_k - a_k)) / √(n_0 + n)
 *
 * g is the sum over the mini-batch, so a step is never longer than about η. All is written as what is
 * to be added: nothing here is mutated but `out`.
 *
 * @param accumulator n, in units of the accumulator grid
 */
export function rowStep(
  step: RowStep,
  weights: Float32Array,
  at: number,
  width: number,
  accumulator: number,
  gradients: Float32Array,
  gradientAt: number,
  out: Int32Array,
  outAt: number,
): number {
  const { learningRate, start, decay, one } = step;
  let squares = 0;
  for (let k = 0; k < width; k++) {
    const gradient = gradients[gradientAt + k]!;
    squares += gradient * gradient;
  }
  const added = accumulatorUnits(squares / width);
  const rate = learningRate / Math.sqrt(start + (accumulator + added) * ACCUMULATOR_UNIT);
  const decayed = -rate * decay;
  for (let k = 0; k < width; k++) {
    const weight = weights[at + k]!;
    out[outAt + k] = deltaUnits(weight, decayed * weight - rate * gradients[gradientAt + k]!);
  }
  if (one >= 0) {
    const weight = weights[at + one]!;
    const pull = decayed * (weight - 1) - rate * gradients[gradientAt + one]!;
    out[outAt + one] = deltaUnits(weight, pull);
  }
  return added;
}
