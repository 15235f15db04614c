import type { EntryColumns } from '../entries.js';
import type { MiniBatch } from '../minibatch.js';
import type { Random } from '../random.js';
import { OwnMemory } from './own-memory.js';
import { type SimdModule, simdModule } from './simd-module.js';

/** Byte addresses of the columns of the mini-batch, and of those that are filled. */
interface Places {
  readonly batchRows: number;
  readonly batchWeights: number;
  readonly batchTimes: number;
  readonly rows: number;
  readonly weights: number;
  readonly ages: number;
}

/** Entries by a kernel, over a memory of its own: the same bits as PlainEntries. */
export class SimdEntries implements EntryColumns {
  rows = new Int32Array(0);
  weights = new Float32Array(0);
  ages = new Float64Array(0);
  length = 0;
  private readonly own: OwnMemory;
  /** Address of the generator's state. */
  private readonly state: number;
  private firstEntries = new Int32Array(0);
  private places!: Places;
  /** The generator's state. */
  private words = new Int32Array(4);

  constructor(module: SimdModule) {
    this.own = new OwnMemory(module, 8);
    this.state = this.own.start;
  }

  begin(batch: MiniBatch, most: number): void {
    let end = this.state + 16;
    const take = (bytes: number): number => {
      const start = end;
      end += (bytes + 15) & ~15;
      return start;
    };
    const n = batch.entries;
    this.places = {
      batchRows: take(n * 4),
      batchWeights: take(n * 8),
      batchTimes: take(n * 8),
      rows: take(most * 4),
      weights: take(most * 4),
      ages: take(most * 8),
    };
    this.own.reach(end);
    const { buffer } = this.own;
    const { batchRows, batchWeights, batchTimes, rows, weights, ages } = this.places;
    new Int32Array(buffer, batchRows, n).set(batch.entryRows.subarray(0, n));
    new Float64Array(buffer, batchWeights, n).set(batch.entryWeights.subarray(0, n));
    new Float64Array(buffer, batchTimes, n).set(batch.entryTimes.subarray(0, n));
    this.words = new Int32Array(buffer, this.state, 4);
    this.rows = new Int32Array(buffer, rows, most);
    this.weights = new Float32Array(buffer, weights, most);
    this.ages = new Float64Array(buffer, ages, most);
    this.firstEntries = batch.firstEntries;
    this.length = 0;
  }

  add(row: number, weight: number, age: number): void {
    this.rows[this.length] = row;
    this.weights[this.length] = weight;
    this.ages[this.length++] = age;
  }

  drop(slot: number, target: number, now: number, dropout: number, random: Random): void {
    const { places, state, firstEntries } = this;
    const { words } = this;
    random.save(words);
    this.length = this.own.kernels.dropEntries(
      places.batchRows,
      places.batchWeights,
      places.batchTimes,
      firstEntries[slot]!,
      firstEntries[slot + 1]!,
      target,
      now,
      dropout,
      places.rows,
      places.weights,
      places.ages,
      this.length,
      state,
    );
    random.restore(words);
  }
}

/** Entries by a kernel, or null where there is no WebAssembly with SIMD. */
export function simdEntries(): SimdEntries | null {
  const module = simdModule();
  return module === null ? null : new SimdEntries(module);
}
