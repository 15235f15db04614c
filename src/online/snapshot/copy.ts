import { type Block, BlockTable } from '../blocks.js';
import { PLACES } from '../content/sparse.js';
import type { ContentStore } from '../content/store.js';
import { type DigestSource, liveRows } from '../digest.js';
import { WEIGHT_UNIT } from '../grid.js';
import { isVacantRow } from '../initial.js';
import type { Model, ModelOptions } from '../model.js';
import type { TableColumns } from '../table.js';
import type { ContentDelta, Delta, PairColumns } from '../types.js';
import type { Neighbours } from '../wide/neighbours.js';

/** Bytes of a page: touching one byte in each makes the kernel hand it over. */
const PAGE = 4096;
const BYTES_PER_SLICE = 1 << 20;
/** Rows that may be added between the preparation and the copy without a new allocation. */
const SPARE_ROWS = 4096;
const ROWS_PER_SLICE = 1 << 16;

/** Room for a copy, made beforehand so that the copy itself is nothing but copying. */
export interface CopyRoom extends TableColumns {
  readonly rows: number;
}

/** Returns room for a copy of the model; yields every few megabytes. */
export function* prepareCopy(model: Model): Generator<void, CopyRoom> {
  const room = allocate(model.items.size + SPARE_ROWS, model.dimension);
  for (const { buffer } of [room.embeddings, room.biases, room.counts, room.accumulators]) {
    const bytes = new Uint8Array(buffer);
    for (let at = 0; at < bytes.length; at += PAGE) {
      // Already 0; writing it is what makes the page ours.
      bytes[at] = 0;
      if (at % BYTES_PER_SLICE === 0) yield;
    }
  }
  return room;
}

function allocate(rows: number, dimension: number): CopyRoom {
  return {
    rows,
    embeddings: new Float32Array(rows * dimension),
    biases: new Float32Array(rows),
    counts: new Int32Array(rows),
    accumulators: new Float64Array(rows * 2),
  };
}

/**
 * A model as it was at one moment, less some deltas that were in it: the committed model, where the
 * table holds pending ones too. Subtracting is exact (grid.ts).
 *
 * The constructor copies, about 0.2 ms a megabyte, and must not be interrupted. Before anything else
 * is asked, `settle` has to run to its end; that and whatever reads the copy may take its time.
 */
export class ModelCopy implements DigestSource {
  readonly options: ModelOptions;
  readonly dimension: number;
  readonly trainedEvents: number;
  readonly items: TableColumns & { readonly size: number };
  readonly neighbours: Neighbours;
  readonly content: { readonly store: ContentStore };
  readonly #keys: readonly string[];
  readonly #domainByRow: readonly number[];
  readonly #names: readonly string[];
  readonly #blocks: BlockTable;
  #orders: readonly Int32Array[];
  #live: Int32Array = new Int32Array(0);

  /** @param without Deltas that were applied to the model and are not wanted in the copy. */
  constructor(model: Model, without: readonly Delta[], prepared?: CopyRoom) {
    const { items, dimension } = model;
    const { size } = items;
    const room = prepared && prepared.rows >= size ? prepared : allocate(size, dimension);
    room.embeddings.set(items.embeddings.subarray(0, size * dimension));
    room.biases.set(items.biases.subarray(0, size));
    room.counts.set(items.counts.subarray(0, size));
    room.accumulators.set(items.accumulators.subarray(0, size * 2));
    const { keys, domains } = model.directory();
    this.#keys = keys;
    this.#domainByRow = domains;
    this.options = model.options;
    this.dimension = dimension;
    this.items = { ...room, size };
    this.neighbours = model.neighbours.fork();
    this.content = { store: model.content.store.fork() };
    const { rows: withContent, slots } = this.content.store;
    for (let slot = 0; slot < slots; slot++) {
      const row = withContent[slot]!;
      if (row >= 0) room.embeddings.set(model.ownEmbedding(row)!, row * dimension);
    }
    const indices = Array.from({ length: model.domainCount }, (_, index) => index);
    this.#names = indices.map((index) => model.domainName(index));
    this.#orders = indices.map((index) => {
      const { rows, length } = model.rowsOf(index);
      return rows.slice(0, length);
    });
    this.#blocks = new BlockTable(dimension, model.options.seed);
    for (const [key, block] of model.blocks()) {
      const copy = this.#blocks.get(key);
      copy.values.set(block.values);
      copy.accumulators.set(block.accumulators);
    }
    let events = model.trainedEvents;
    for (const delta of without) {
      events -= delta.events;
      this.#subtract(delta, model);
    }
    this.trainedEvents = events;
  }

  /** Finds the rows in which something was learned, and drops those without events from the orders. */
  *settle(): Generator<void, void> {
    this.#live = yield* liveRows(this);
    const { counts } = this.items;
    const settled: Int32Array[] = [];
    for (const order of this.#orders) {
      const rows = new Int32Array(order.length);
      let length = 0;
      for (let i = 0; i < order.length; i++) {
        if (counts[order[i]!]! > 0) rows[length++] = order[i]!;
        if ((i + 1) % ROWS_PER_SLICE === 0) yield;
      }
      settled.push(rows.subarray(0, length));
    }
    this.#orders = settled;
  }

  /** The rows that are not vacant, in their order. */
  get live(): Int32Array {
    return this.#live;
  }

  get domainCount(): number {
    return this.#names.length;
  }

  domainName(index: number): string {
    return this.#names[index]!;
  }

  domainOf(row: number): number {
    return this.#domainByRow[row]!;
  }

  key(row: number): string {
    return this.#keys[row]!;
  }

  /** The rows of a domain with events, in the order of their first one. */
  order(domain: number): Int32Array {
    return this.#orders[domain]!;
  }

  isVacant(row: number): boolean {
    return (
      this.neighbours.isFree(row) &&
      this.content.store.isFree(row) &&
      isVacantRow(this.items, row, this.options, this.key(row))
    );
  }

  /** All embeddings of a copy are in its table. */
  ownEmbedding(): null {
    return null;
  }

  blocks(): [string, Block][] {
    return this.#blocks.sorted();
  }

  #subtract(delta: Delta, model: Model): void {
    const { dimension: d, items } = this;
    const { keys, values, counts, accumulators } = delta.items;
    const rows = new Int32Array(keys.length);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]!;
      const slash = key.indexOf('/');
      const row = model.find(key.slice(0, slash), key.slice(slash + 1));
      rows[i] = row;
      if (row < 0) throw new RangeError(`The model has no item ${key}; was the delta applied?`);
      const from = i * (d + 1);
      for (let k = 0; k < d; k++) items.embeddings[row * d + k]! -= values[from + k]! * WEIGHT_UNIT;
      items.biases[row]! -= values[from + d]! * WEIGHT_UNIT;
      items.counts[row]! -= counts[i]!;
      items.accumulators[row * 2]! -= accumulators[i * 2]!;
      items.accumulators[row * 2 + 1]! -= accumulators[i * 2 + 1]!;
    }
    if (delta.neighbours !== undefined) {
      this.#subtractPairs(delta.neighbours.both, rows, true);
      this.#subtractPairs(delta.neighbours.oneWay, rows, false);
    }
    if (delta.content !== undefined) this.#subtractContent(delta.content, model);
    for (const { key, values, accumulators } of delta.blocks) {
      const block = this.#blocks.get(key);
      for (let i = 0; i < values.length; i++) block.values[i]! -= values[i]! * WEIGHT_UNIT;
      for (let i = 0; i < accumulators.length; i++) block.accumulators[i]! -= accumulators[i]!;
    }
  }

  #subtractContent(delta: ContentDelta, model: Model): void {
    const { keys, values, categories, features } = delta;
    const { store } = this.content;
    for (const [i, key] of keys.entries()) {
      const slash = key.indexOf('/');
      const slot = store.slotOf(model.find(key.slice(0, slash), key.slice(slash + 1)));
      if (slot < 0)
        throw new RangeError(`The model knows nothing of ${key}; was the delta applied?`);
      store.add(slot, values, i * store.size, categories[i]!, -1);
      if (features !== undefined) store.addFeatures(slot, features, i * PLACES, -1);
    }
  }

  #subtractPairs({ from, to, counts }: PairColumns, rows: Int32Array, both: boolean): void {
    for (let i = 0; i < from.length; i++) {
      const a = rows[from[i]!]!;
      const b = rows[to[i]!]!;
      this.neighbours.add(a, b, this.domainOf(b), -counts[i]!);
      if (both) this.neighbours.add(b, a, this.domainOf(a), -counts[i]!);
    }
  }
}
