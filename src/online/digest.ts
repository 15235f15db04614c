import { createHash } from 'node:crypto';
import type { Block } from './blocks.js';
import { PLACES } from './content/sparse.js';
import type { ContentStore } from './content/store.js';
import { WEIGHT_UNIT } from './grid.js';
import type { InitialValues } from './initial.js';
import { type KeyedRows, sortByKey } from './key-order.js';
import type { TableColumns } from './table.js';
import type { Neighbours } from './wide/neighbours.js';

const CHUNK_BYTES = 1 << 16;
const ROWS_PER_SLICE = 1 << 11;
const WEIGHTS_AT_ONCE = 1 << 10;
/** A power of two, so that multiplying is as exact as dividing by the unit, and quicker. */
const UNITS_PER_WEIGHT = 1 / WEIGHT_UNIT;

/** What the digest is made of: a model, or a copy of one. */
export interface DigestSource extends KeyedRows {
  readonly options: InitialValues;
  readonly dimension: number;
  readonly trainedEvents: number;
  readonly items: TableColumns & { readonly size: number };
  readonly neighbours: Neighbours;
  readonly content: { readonly store: ContentStore };
  isVacant(row: number): boolean;
  /** e_j of a row, where the table holds something else; else null. */
  ownEmbedding(row: number): Float32Array | null;
  /** Sorted by key. */
  blocks(): [string, Block][];
}

/**
 * The canonical SHA-256 of a model, in hex: equal for equal sums of deltas, in whatever order they
 * came. Hashed, little-endian: the text `isthmus-model-1`, then dimension (u32), seed (f64), initial
 * scale (f64) and trained events (f64); the rows that are not vacant, sorted by key in UTF-16 code
 * units: key (u32 bytes, UTF-8), count (i32), d weights and the bias in grid units (i32), two
 * accumulators in their units (f64); a u32 of 2^32 - 1; then the blocks that are not at their initial
 * value, sorted: key, weights (i32), accumulators (f64); then, if there are neighbours, a u32 of
 * 2^32 - 2 and by row that has some, in the order from above: its place in that order (u32), how many
 * (u32), and each one's place (u32), in rising order, and count (i32); then, if there is content, a u32
 * of 2^32 - 3 and by row that has some, in the order from above: its place (u32), the number of its main
 * category (i32), and c in grid units (i32); then, if there are features, a u32 of 2^32 - 4 and by row that has some,
 * in the order from above: its place (u32), how many (u32), and each one's place (u32) and number (u32).
 */
export function modelDigest(model: DigestSource): string {
  const slices = digestSlices(model);
  for (;;) {
    const step = slices.next();
    if (step.done === true) return step.value;
  }
}

/** As `modelDigest`, yielding every few milliseconds; the source must not change meanwhile. */
export function* digestSlices(model: DigestSource): Generator<void, string> {
  const sink = new Sink();
  sink.text('isthmus-model-1');
  sink.u32(model.dimension);
  sink.f64(model.options.seed);
  sink.f64(model.options.initialScale);
  sink.f64(model.trainedEvents);
  const rows = yield* sortByKey(yield* liveRows(model), model);
  for (let from = 0; from < rows.length; from += ROWS_PER_SLICE) {
    hashRows(sink, model, rows.subarray(from, from + ROWS_PER_SLICE));
    yield;
  }
  sink.u32(0xffffffff);
  for (const [key, block] of model.blocks()) {
    if (block.isInitial()) continue;
    sink.text(key);
    sink.weights(block.values, 0, block.values.length);
    for (const value of block.accumulators) sink.f64(value);
    yield;
  }
  yield* neighbours(model, rows, sink);
  yield* content(model, rows, sink);
  yield* features(model, rows, sink);
  return sink.hex();
}

/** Apart from the generator, which the compiler does not optimise as well. */
function hashRows(sink: Sink, model: DigestSource, rows: Int32Array): void {
  const { dimension, items } = model;
  for (const row of rows) {
    sink.text(model.key(row));
    sink.i32(items.counts[row]!);
    const own = model.ownEmbedding(row);
    if (own !== null) sink.weights(own, 0, dimension);
    else sink.weights(items.embeddings, row * dimension, (row + 1) * dimension);
    sink.weights(items.biases, row, row + 1);
    sink.f64(items.accumulators[row * 2]!);
    sink.f64(items.accumulators[row * 2 + 1]!);
  }
}

function* neighbours(model: DigestSource, rows: Int32Array, sink: Sink): Generator<void, void> {
  const places = new Int32Array(model.items.size).fill(-1);
  for (let place = 0; place < rows.length; place++) places[rows[place]!] = place;
  let any = false;
  for (let place = 0; place < rows.length; place++) {
    const row = rows[place]!;
    const others = model.neighbours.othersOf(row, places);
    if ((place + 1) % ROWS_PER_SLICE === 0) yield;
    if (others.length === 0) continue;
    if (!any) sink.u32(0xfffffffe);
    any = true;
    sink.u32(place);
    sink.u32(others.length);
    for (const otherPlace of others) {
      const other = rows[otherPlace]!;
      sink.u32(otherPlace);
      sink.i32(model.neighbours.get(row, other, model.domainOf(other)));
    }
  }
}

function* content(model: DigestSource, rows: Int32Array, sink: Sink): Generator<void, void> {
  const { store } = model.content;
  if (store.slots === 0) return;
  let any = false;
  for (let place = 0; place < rows.length; place++) {
    const row = rows[place]!;
    if ((place + 1) % ROWS_PER_SLICE === 0) yield;
    if (store.isFree(row)) continue;
    if (!any) sink.u32(0xfffffffd);
    any = true;
    sink.u32(place);
    sink.i32(store.categoryOf(row));
    const from = store.slotOf(row) * store.size;
    for (let k = from; k < from + store.size; k++) sink.i32(store.values[k]!);
  }
}

function* features(model: DigestSource, rows: Int32Array, sink: Sink): Generator<void, void> {
  const { store } = model.content;
  if (store.slots === 0) return;
  let any = false;
  for (let place = 0; place < rows.length; place++) {
    const slot = store.slotOf(rows[place]!);
    if ((place + 1) % ROWS_PER_SLICE === 0) yield;
    if (slot < 0 || !store.hasFeatures(slot)) continue;
    if (!any) sink.u32(0xfffffffc);
    any = true;
    const own = store.features.subarray(slot * PLACES, (slot + 1) * PLACES);
    sink.u32(place);
    sink.u32(own.filter((code) => code !== 0).length);
    for (const [at, code] of own.entries()) {
      if (code === 0) continue;
      sink.u32(at);
      sink.u32(code);
    }
  }
}

/** The rows that are not vacant, in their order. */
export function* liveRows(model: DigestSource): Generator<void, Int32Array> {
  const rows = new Int32Array(model.items.size);
  let length = 0;
  for (let row = 0; row < rows.length; row++) {
    if (!model.isVacant(row)) rows[length++] = row;
    if ((row + 1) % ROWS_PER_SLICE === 0) yield;
  }
  return rows.subarray(0, length);
}

class Sink {
  private readonly hash = createHash('sha256');
  private readonly bytes = Buffer.alloc(CHUNK_BYTES);
  private readonly view = new DataView(this.bytes.buffer, this.bytes.byteOffset, CHUNK_BYTES);
  private used = 0;

  u32(value: number): void {
    this.reserve(4);
    this.view.setUint32(this.used, value, true);
    this.used += 4;
  }

  i32(value: number): void {
    this.reserve(4);
    this.view.setInt32(this.used, value, true);
    this.used += 4;
  }

  f64(value: number): void {
    this.reserve(8);
    // + 0: a zero that was reached from below is the same zero.
    this.view.setFloat64(this.used, value + 0, true);
    this.used += 8;
  }

  weights(values: Float32Array, from: number, to: number): void {
    const { view } = this;
    for (let next = from; next < to; ) {
      const end = Math.min(to, next + WEIGHTS_AT_ONCE);
      this.reserve((end - next) * 4);
      let at = this.used;
      for (; next < end; next++) {
        view.setInt32(at, values[next]! * UNITS_PER_WEIGHT, true);
        at += 4;
      }
      this.used = at;
    }
  }

  text(value: string): void {
    const most = 4 + value.length * 3;
    if (most > CHUNK_BYTES) throw new RangeError(`A key of ${value.length} characters`);
    this.reserve(most);
    const { bytes } = this;
    let at = this.used + 4;
    // Most keys are ASCII, and short: a loop is quicker than a call.
    let i = 0;
    for (; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code > 127) break;
      bytes[at++] = code;
    }
    if (i < value.length) at = this.used + 4 + bytes.write(value, this.used + 4, 'utf8');
    this.u32(at - this.used - 4);
    this.used = at;
  }

  hex(): string {
    this.flush();
    return this.hash.digest('hex');
  }

  private reserve(bytes: number): void {
    if (this.used + bytes > CHUNK_BYTES) this.flush();
  }

  private flush(): void {
    if (this.used === 0) return;
    this.hash.update(this.bytes.subarray(0, this.used));
    this.used = 0;
  }
}
