import { grown } from './columns.js';
import type { MiniBatch } from './minibatch.js';
import type { Random } from './random.js';

/** Columns of the entries of examples' histories, as they are filled. */
export interface EntryColumns {
  /** (length) row of the item. */
  readonly rows: Int32Array;
  /** (length) */
  readonly weights: Float32Array;
  /** (length) milliseconds, not below 0. */
  readonly ages: Float64Array;
  readonly length: number;
  /** Empties it, for at most so many entries of this mini-batch. */
  begin(batch: MiniBatch, most: number): void;
  /** Adds one. */
  add(row: number, weight: number, age: number): void;
  /**
   * Adds the entries of a slot of the mini-batch, but those of row `target`, and each other with
   * probability `dropout` not: it is drawn for each. Ages are as of `now`.
   */
  drop(slot: number, target: number, now: number, dropout: number, random: Random): void;
}

/** In arrays and loops: the oracle of kernels/simd-entries.ts. */
export class PlainEntries implements EntryColumns {
  rows = new Int32Array(0);
  weights = new Float32Array(0);
  ages = new Float64Array(0);
  length = 0;
  private batch: MiniBatch | null = null;

  begin(batch: MiniBatch, most: number): void {
    this.batch = batch;
    this.rows = grown(this.rows, most);
    this.weights = grown(this.weights, most);
    this.ages = grown(this.ages, most);
    this.length = 0;
  }

  add(row: number, weight: number, age: number): void {
    this.rows[this.length] = row;
    this.weights[this.length] = weight;
    this.ages[this.length++] = age;
  }

  drop(slot: number, target: number, now: number, dropout: number, random: Random): void {
    const { entryRows, entryWeights, entryTimes, firstEntries } = this.batch!;
    const end = firstEntries[slot + 1]!;
    for (let entry = firstEntries[slot]!; entry < end; entry++) {
      const row = entryRows[entry]!;
      if (row === target || random.float() < dropout) continue;
      this.add(row, entryWeights[entry]!, Math.max(0, now - entryTimes[entry]!));
    }
  }
}
