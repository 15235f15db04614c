import type { CapturedEvent } from '../minibatch.js';
import type { Model } from '../model.js';
import { PairCollector } from './pairs.js';

export interface CountingOptions {
  /** Neighbours that an item keeps in each domain; 0: none are counted. */
  readonly neighbours: number;
  /** An event is counted beside so many of the newest liked items of each history. */
  readonly pairedItems: number;
}

/** Which part of the items a task may evict neighbours of: those with hash mod partitions = partition. */
export interface Share {
  readonly partition: number;
  readonly partitions: number;
}

/** What was counted, and what was evicted. */
export interface CountedPairs {
  readonly both: PairCollector;
  readonly oneWay: PairCollector;
}

/** A list is cut down to its limit when it is so many times as long. */
const SLACK = 2;

/**
 * What a mini-batch adds to the counts of items seen together. For each event of item j by user u,
 * and each i ≠ j among the newest `pairedItems` liked items of each of u's histories, once each:
 *
 *     c(i→j) += 1,  c(j→i) += 1
 *
 * A list that is twice as long as `neighbours` is cut down to it by writing its smallest counts
 * into the delta, negated: the log decides, so replicas agree. Since two tasks that did so at once
 * would take the same entries away twice, only the task whose share the item is in does it.
 *
 * @param place gives an item's place in the delta.
 */
export function countPairs(
  model: Model,
  events: readonly CapturedEvent[],
  options: CountingOptions,
  share: Share,
  place: (row: number) => number,
): CountedPairs {
  const both = new PairCollector();
  const oneWay = new PairCollector();
  if (options.neighbours < 1) return { both, oneWay };
  const touched = new Set<number>();
  for (const { row, slots } of events) {
    for (const { rows } of slots) {
      const oldest = Math.max(0, rows.length - options.pairedItems);
      for (let k = rows.length - 1; k >= oldest; k--) {
        const other = rows[k]!;
        // What stands in the history twice counts where it is newest.
        if (other === row || rows.indexOf(other, k + 1) >= 0) continue;
        both.add(place(row), place(other), 1);
        touched.add(other);
      }
      if (rows.length > 0) touched.add(row);
    }
  }
  const { neighbours } = model;
  const most = options.neighbours * SLACK;
  for (const row of touched) {
    for (const list of neighbours.listsOf(row)) {
      if (
        neighbours.sizeOf(list) <= most ||
        neighbours.hash(row) % share.partitions !== share.partition
      )
        continue;
      evict(model, row, list, options.neighbours, oneWay, place);
    }
  }
  return { both, oneWay };
}

function evict(
  { neighbours }: Model,
  row: number,
  list: number,
  limit: number,
  oneWay: PairCollector,
  place: (row: number) => number,
): void {
  const { rows, counts } = neighbours.excess(row, list, limit);
  // The list's own order means nothing; that of hashes is the same in every replica.
  const order = Float64Array.from(rows, (other, i) => neighbours.hash(other) * 2 ** 20 + i).sort();
  const from = place(row);
  for (const key of order) {
    const i = key % 2 ** 20;
    oneWay.add(from, place(rows[i]!), -counts[i]!);
  }
}
