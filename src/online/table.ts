/**
 * The item table: embeddings, biases, counts and accumulators of all items of all domains, one row
 * per item, in columns that a kernel can walk over.
 */

import { WEIGHT_UNIT } from './grid.js';
import type { WordMemory } from './wide/words.js';

/** The columns. Replaced as a whole when the table grows. */
export interface TableColumns {
  /** (capacity, d) row-major, multiples of the weight grid. */
  readonly embeddings: Float32Array;
  /** (capacity) */
  readonly biases: Float32Array;
  /** (capacity) positive events. */
  readonly counts: Int32Array;
  /** (capacity, 2) in accumulator units: of the embedding, of the bias. */
  readonly accumulators: Float64Array;
}

/** Changes of rows of the table, by place. */
export interface RowChanges {
  /** (n, d + 1) multiples of the weight grid: embedding, then bias. */
  readonly values: Int32Array;
  /** (n, 2) in accumulator units. */
  readonly accumulators: Float64Array;
}

/** Where the columns live: in arrays of their own, or in the memory of a kernel. */
export interface TableMemory {
  /** As `ItemTable.add` of all rows, by a loop that is faster than ours. */
  add?(rows: Int32Array, changes: RowChanges, sign: 1 | -1, norms: Float32Array): void;
  /** As `add`, of changes as they lie in the bytes of a delta (delta-codec.ts): no more than its items, all well formed. */
  addPacked?(rows: Int32Array, items: Uint8Array, norms: Float32Array): void;
  /** Columns for so many rows, with what the last columns held, zero beyond. Older ones are void. */
  resize(capacity: number, dimension: number): TableColumns;
  /** A memory for the lists of one model, where there is a better one than arrays. */
  lists?(): WordMemory;
}

/** Columns in plain typed arrays. */
export function plainMemory(): TableMemory {
  let last: TableColumns | null = null;
  return {
    resize(capacity, dimension) {
      const next = {
        embeddings: new Float32Array(capacity * dimension),
        biases: new Float32Array(capacity),
        counts: new Int32Array(capacity),
        accumulators: new Float64Array(capacity * 2),
      };
      if (last !== null) {
        next.embeddings.set(last.embeddings);
        next.biases.set(last.biases);
        next.counts.set(last.counts);
        next.accumulators.set(last.accumulators);
      }
      last = next;
      return next;
    },
  };
}

const FIRST_CAPACITY = 64;

/** Rows by number. Read the columns afresh for each batch: growth replaces them. */
export class ItemTable implements TableColumns {
  readonly dimension: number;
  readonly memory: TableMemory;
  /** Rows in use: 0 .. size - 1. */
  size = 0;
  embeddings: Float32Array;
  biases: Float32Array;
  counts: Int32Array;
  accumulators: Float64Array;
  /** (capacity) Euclidean norms of the embeddings, rounded to float32. Derived; kept by the model. */
  norms = new Float32Array(FIRST_CAPACITY);
  private capacity = FIRST_CAPACITY;

  constructor(dimension: number, memory: TableMemory = plainMemory()) {
    this.dimension = dimension;
    this.memory = memory;
    const columns = memory.resize(this.capacity, dimension);
    this.embeddings = columns.embeddings;
    this.biases = columns.biases;
    this.counts = columns.counts;
    this.accumulators = columns.accumulators;
  }

  /** Adds a row of zeros at the end and returns its number. */
  append(): number {
    if (this.size === this.capacity) this.grow(this.capacity * 2);
    return this.size++;
  }

  /** Makes room for so many rows at once. */
  reserve(rows: number): void {
    if (rows > this.capacity) this.grow(rows);
  }

  /**
   * Adds the changes to the embeddings, biases and accumulators of the rows, or takes them away, and
   * makes the norms theirs.
   */
  add(rows: Int32Array, changes: RowChanges, sign: 1 | -1): void {
    if (this.memory.add !== undefined) this.memory.add(rows, changes, sign, this.norms);
    else for (let i = 0; i < rows.length; i++) this.addToRow(rows[i]!, changes, i, sign);
  }

  /** Makes the norms of the rows `from .. to - 1` those of their embeddings. */
  recomputeNorms(from: number, to: number): void {
    const { dimension: d, embeddings, norms } = this;
    for (let row = from; row < to; row++) {
      let squares = 0;
      for (let at = row * d; at < (row + 1) * d; at++) squares += embeddings[at]! * embeddings[at]!;
      norms[row] = Math.sqrt(squares);
    }
  }

  /** Takes all rows away. */
  clear(): void {
    this.embeddings.fill(0, 0, this.size * this.dimension);
    this.biases.fill(0, 0, this.size);
    this.counts.fill(0, 0, this.size);
    this.accumulators.fill(0, 0, this.size * 2);
    this.size = 0;
  }

  /** Takes the last row away. */
  pop(): void {
    const row = --this.size;
    this.embeddings.fill(0, row * this.dimension, (row + 1) * this.dimension);
    this.biases[row] = 0;
    this.counts[row] = 0;
    this.accumulators.fill(0, row * 2, row * 2 + 2);
  }

  /** Bytes of the columns. */
  get bytes(): number {
    return this.capacity * (this.dimension * 4 + 4 + 4 + 16 + 4);
  }

  /** Takes other views of the same columns, where the memory has moved under them. */
  adopt(columns: TableColumns): void {
    this.embeddings = columns.embeddings;
    this.biases = columns.biases;
    this.counts = columns.counts;
    this.accumulators = columns.accumulators;
  }

  private addToRow(row: number, changes: RowChanges, i: number, sign: 1 | -1): void {
    const { dimension: d, embeddings, biases, accumulators } = this;
    const { values } = changes;
    const unit = sign * WEIGHT_UNIT;
    const from = i * (d + 1);
    const to = row * d;
    let squares = 0;
    for (let k = 0; k < d; k++) {
      const weight = embeddings[to + k]! + values[from + k]! * unit;
      embeddings[to + k] = weight;
      squares += weight * weight;
    }
    this.norms[row] = Math.sqrt(squares);
    biases[row]! += values[from + d]! * unit;
    accumulators[row * 2]! += sign * changes.accumulators[i * 2]!;
    accumulators[row * 2 + 1]! += sign * changes.accumulators[i * 2 + 1]!;
  }

  private grow(capacity: number): void {
    this.capacity = capacity;
    this.adopt(this.memory.resize(this.capacity, this.dimension));
    const norms = new Float32Array(this.capacity);
    norms.set(this.norms);
    this.norms = norms;
  }
}
