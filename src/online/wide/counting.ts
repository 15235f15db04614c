import { grown } from '../columns.js';
import type { MiniBatch } from '../minibatch.js';
import type { Model } from '../model.js';
import { PairCollector } from './pairs.js';

export interface CountingOptions {
  /** Neighbours that an item keeps in each domain; 0: none are counted. */
  readonly neighbours: number;
  /** An event is counted beside so many of the newest liked items of each history; beside all while the user has liked no more than six times as many. */
  readonly pairedItems: number;
}

/** Which part of the items a task may evict neighbours of: those with hash mod partitions = partition. */
export interface Share {
  readonly partition: number;
  readonly partitions: number;
}

/** Users who have liked no more than so many times `pairedItems` are paired whole: all that is known of them is little. */
const FEW = 6;

/** A list is cut down to its limit when it is so many times as long. */
const SLACK = 2;

/**
 * What mini-batches add to the counts of items seen together. For each event of item j by user u,
 * and each i ≠ j among the newest `pairedItems` liked items of each of u's histories (all of them while u has liked
 * no more than six times as many in all), once each:
 *
 *     c(i→j) += 1,  c(j→i) += 1
 *
 * A list that is twice as long as `neighbours` is cut down to it by writing its smallest counts
 * into the delta, negated: the log decides, so replicas agree. Since two tasks that did so at once
 * would take the same entries away twice, only the task whose share the item is in does it.
 */
export class PairCounting {
  /** What was counted. */
  readonly both = new PairCollector();
  /** What was evicted. */
  readonly oneWay = new PairCollector();
  private readonly model: Model;
  private readonly options: CountingOptions;
  /** Rows whose lists may have grown, in order of first touch. */
  private touched = new Int32Array(512);
  private touches = 0;
  /** By row: number of the mini-batch that touched it last. */
  private touchedIn = new Int32Array(512);
  private batch = 0;

  constructor(model: Model, options: CountingOptions) {
    this.model = model;
    this.options = options;
  }

  /**
   * Counts the pairs of a mini-batch in place of those of the last one.
   *
   * @param place gives an item's place in the delta.
   */
  count(batch: MiniBatch, share: Share, place: (row: number) => number): void {
    const { both, oneWay, options } = this;
    both.clear();
    oneWay.clear();
    if (options.neighbours < 1) return;
    this.batch++;
    this.touches = 0;
    this.touchedIn = grown(this.touchedIn, this.model.items.size);
    for (let event = 0; event < batch.count; event++) {
      const row = batch.rows[event]!;
      const first = batch.firstSlots[event]!;
      const end = batch.firstSlots[event + 1]!;
      let liked = 0;
      for (let slot = first; slot < end; slot++) liked += batch.slotCounts[slot]!;
      const most = liked <= FEW * options.pairedItems ? liked : options.pairedItems;
      for (let slot = first; slot < end; slot++) {
        this.pairs(batch, slot, most, row, place);
        this.touch(row);
      }
    }
    const touched = this.touched.subarray(0, this.touches);
    const long = this.model.neighbours.withLongLists(touched, options.neighbours * SLACK);
    for (let i = 0; i < long; i++) this.cutDown(touched[i]!, share, place);
  }

  /** Pairs a row with the newest items of a slot, so many at the most. */
  private pairs(
    { entryRows, firstEntries }: MiniBatch,
    slot: number,
    most: number,
    row: number,
    place: (row: number) => number,
  ): void {
    const end = firstEntries[slot + 1]!;
    const oldest = Math.max(firstEntries[slot]!, end - most);
    const from = place(row);
    for (let k = end - 1; k >= oldest; k--) {
      const other = entryRows[k]!;
      if (other === row) continue;
      // What stands in the history twice counts where it is newest.
      let newer = k + 1;
      while (newer < end && entryRows[newer] !== other) newer++;
      if (newer < end) continue;
      this.both.add(from, place(other), 1);
      this.touch(other);
    }
  }

  private touch(row: number): void {
    if (this.touchedIn[row] === this.batch) return;
    this.touchedIn[row] = this.batch;
    this.touched = grown(this.touched, this.touches + 1);
    this.touched[this.touches++] = row;
  }

  private cutDown(row: number, share: Share, place: (row: number) => number): void {
    const { neighbours } = this.model;
    const most = this.options.neighbours * SLACK;
    for (let list = neighbours.first(row); list !== 0; list = neighbours.next(list)) {
      if (neighbours.sizeOf(list) <= most) continue;
      if (neighbours.hash(row) % share.partitions !== share.partition) continue;
      this.evict(row, list, place);
    }
  }

  private evict(row: number, list: number, place: (row: number) => number): void {
    const { neighbours } = this.model;
    const { rows, counts } = neighbours.excess(row, list, this.options.neighbours);
    const from = place(row);
    for (let i = 0; i < rows.length; i++) this.oneWay.add(from, place(rows[i]!), -counts[i]!);
  }
}
