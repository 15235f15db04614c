import type { Block } from '../blocks.js';
import { PLACES } from '../content/sparse.js';
import type { ModelCopy } from './copy.js';
import {
  bytesOf,
  ENTRY_WIDTH,
  HEADER_BYTES,
  KIND,
  requireLittleEndian,
  SNAPSHOT_VERSION,
  VERSION_OF_KIND,
} from './format.js';

/** Rows whose bytes are counted between two breaths. */
const ROWS_PER_SLICE = 1 << 13;
const MOST_DOMAINS = 0xffff;

/**
 * Yields the chunks of a snapshot (format.ts), each of at most `limitBytes`, and null now and then
 * so that the caller can breathe. `copy` has to be settled. A row that alone is larger than the limit
 * is a RangeError.
 */
export function* encodeSnapshot(
  copy: ModelCopy,
  limitBytes: number,
): Generator<Buffer | null, void> {
  requireLittleEndian();
  yield head(copy);
  yield* rows(copy, limitBytes);
  const numbers = yield* numbersOf(copy);
  yield* orders(copy, numbers, limitBytes);
  yield* neighbours(copy, numbers, limitBytes);
  yield* content(copy, limitBytes);
  yield* features(copy, limitBytes);
  yield* blocks(copy, limitBytes);
}

function begin(kind: number, a: number, b: number, c: number, bytes: number): Buffer {
  const chunk = Buffer.allocUnsafe(bytes);
  chunk.writeUInt8(VERSION_OF_KIND[kind] ?? SNAPSHOT_VERSION, 0);
  chunk.writeUInt8(kind, 1);
  chunk.writeUInt16LE(0, 2);
  chunk.writeUInt32LE(a, 4);
  chunk.writeUInt32LE(b, 8);
  chunk.writeUInt32LE(c, 12);
  return chunk;
}

function head(copy: ModelCopy): Buffer {
  if (copy.domainCount > MOST_DOMAINS) {
    throw new RangeError(`A snapshot holds ${MOST_DOMAINS} domains, not ${copy.domainCount}`);
  }
  const names = Array.from({ length: copy.domainCount }, (_, i) => Buffer.from(copy.domainName(i)));
  const bytes = names.reduce((sum, name) => sum + 2 + name.length, HEADER_BYTES + 24);
  const chunk = begin(KIND.head, copy.live.length, names.length, copy.dimension, bytes);
  let at = HEADER_BYTES;
  for (const value of [copy.options.seed, copy.options.initialScale, copy.trainedEvents]) {
    at = chunk.writeDoubleLE(value, at);
  }
  for (const name of names) {
    at = chunk.writeUInt16LE(name.length, at);
    at += name.copy(chunk, at);
  }
  return chunk;
}

function* rows(copy: ModelCopy, limitBytes: number): Generator<Buffer | null, void> {
  const { live, dimension: d } = copy;
  const fixed = d * 4 + 4 + 4 + 16 + 2 + 4;
  let from = 0;
  let bytes = HEADER_BYTES;
  for (let i = 0; i < live.length; i++) {
    const own = fixed + Buffer.byteLength(copy.key(live[i]!), 'utf8');
    if (HEADER_BYTES + own > limitBytes) {
      throw new RangeError(`Item ${copy.key(live[i]!)} takes ${own} bytes of a snapshot's chunk`);
    }
    if (bytes + own > limitBytes) {
      yield rowsChunk(copy, from, i, bytes);
      from = i;
      bytes = HEADER_BYTES;
    }
    bytes += own;
    if ((i + 1) % ROWS_PER_SLICE === 0) yield null;
  }
  if (from < live.length) yield rowsChunk(copy, from, live.length, bytes);
}

function rowsChunk(copy: ModelCopy, from: number, to: number, bytes: number): Buffer {
  const { live, dimension: d, items } = copy;
  const n = to - from;
  const textBytes = bytes - HEADER_BYTES - n * (d * 4 + 4 + 4 + 16 + 2 + 4);
  const chunk = begin(KIND.rows, n, from, textBytes, bytes);
  const keys = new Array<string>(n);
  const domains = new Uint16Array(n);
  const lengths = new Uint32Array(n);
  for (let i = 0; i < n; i++) {
    const row = live[from + i]!;
    const key = copy.key(row);
    keys[i] = key;
    lengths[i] = key.length;
    domains[i] = copy.domainOf(row);
  }
  let at = HEADER_BYTES;
  const columns = [
    [items.embeddings, d],
    [items.biases, 1],
    [items.counts, 1],
    [items.accumulators, 2],
  ] as const;
  for (const [column, width] of columns) {
    // Vacant rows are rare, so most rows stand beside each other and are copied in one go.
    for (let i = 0; i < n; ) {
      const row = live[from + i]!;
      let run = 1;
      while (i + run < n && live[from + i + run] === row + run) run++;
      const part = bytesOf(column, row * width, run * width);
      chunk.set(part, at);
      at += part.length;
      i += run;
    }
  }
  chunk.set(bytesOf(domains, 0, n), at);
  at += n * 2;
  chunk.set(bytesOf(lengths, 0, n), at);
  at += n * 4;
  const written = chunk.write(keys.join(''), at, 'utf8');
  if (at + written !== bytes) throw new RangeError('Item ids are no well-formed Unicode');
  return chunk;
}

/** By row: its number in the snapshot. */
function* numbersOf(copy: ModelCopy): Generator<null, Int32Array> {
  const numbers = new Int32Array(copy.items.size);
  const { live } = copy;
  for (let number = 0; number < live.length; number++) {
    numbers[live[number]!] = number;
    if ((number + 1) % (ROWS_PER_SLICE * 8) === 0) yield null;
  }
  return numbers;
}

function* neighbours(
  copy: ModelCopy,
  numbers: Int32Array,
  limitBytes: number,
): Generator<Buffer | null, void> {
  const bytesEach = ENTRY_WIDTH * 4;
  const most = Math.floor((limitBytes - HEADER_BYTES) / bytesEach);
  if (most < 1) throw new RangeError(`A neighbour takes ${bytesEach} bytes of a snapshot's chunk`);
  const entries = new Int32Array(most * ENTRY_WIDTH);
  let n = 0;
  const close = (): Buffer => {
    const chunk = begin(KIND.neighbours, n, 0, 0, HEADER_BYTES + n * bytesEach);
    chunk.set(bytesOf(entries, 0, n * ENTRY_WIDTH), HEADER_BYTES);
    n = 0;
    return chunk;
  };
  const { live } = copy;
  for (let number = 0; number < live.length; number++) {
    const row = live[number]!;
    for (const other of copy.neighbours.othersOf(row, numbers)) {
      const otherRow = live[other]!;
      const count = copy.neighbours.get(row, otherRow, copy.domainOf(otherRow));
      entries.set([number, other, count], n * ENTRY_WIDTH);
      if (++n === most) yield close();
    }
    if ((number + 1) % ROWS_PER_SLICE === 0) yield null;
  }
  if (n > 0) yield close();
}

function* content(copy: ModelCopy, limitBytes: number): Generator<Buffer | null, void> {
  const { store } = copy.content;
  if (store.slots === 0) return;
  const width = 2 + store.size;
  const most = Math.floor((limitBytes - HEADER_BYTES) / (width * 4));
  if (most < 1) throw new RangeError(`Content takes ${width * 4} bytes of a snapshot's chunk`);
  const entries = new Int32Array(most * width);
  let n = 0;
  const close = (): Buffer => {
    const chunk = begin(KIND.content, n, store.size, 0, HEADER_BYTES + n * width * 4);
    chunk.set(bytesOf(entries, 0, n * width), HEADER_BYTES);
    n = 0;
    return chunk;
  };
  const { live } = copy;
  for (let number = 0; number < live.length; number++) {
    if ((number + 1) % ROWS_PER_SLICE === 0) yield null;
    const row = live[number]!;
    if (store.isFree(row)) continue;
    const from = store.slotOf(row) * store.size;
    entries[n * width] = number;
    entries[n * width + 1] = store.categoryOf(row);
    entries.set(store.values.subarray(from, from + store.size), n * width + 2);
    if (++n === most) yield close();
  }
  if (n > 0) yield close();
}

function* features(copy: ModelCopy, limitBytes: number): Generator<Buffer | null, void> {
  const { store } = copy.content;
  if (store.slots === 0) return;
  const bytesEach = 4 + PLACES * 2;
  const most = Math.floor((limitBytes - HEADER_BYTES) / bytesEach);
  if (most < 1)
    throw new RangeError(`An item's features take ${bytesEach} bytes of a snapshot's chunk`);
  const numbers = new Uint32Array(most);
  const codes = new Uint16Array(most * PLACES);
  let n = 0;
  const close = (): Buffer => {
    const chunk = begin(KIND.features, n, PLACES, 0, HEADER_BYTES + n * bytesEach);
    chunk.set(bytesOf(numbers, 0, n), HEADER_BYTES);
    chunk.set(bytesOf(codes, 0, n * PLACES), HEADER_BYTES + n * 4);
    n = 0;
    return chunk;
  };
  const { live } = copy;
  for (let number = 0; number < live.length; number++) {
    if ((number + 1) % ROWS_PER_SLICE === 0) yield null;
    const slot = store.slotOf(live[number]!);
    if (slot < 0 || !store.hasFeatures(slot)) continue;
    numbers[n] = number;
    codes.set(store.features.subarray(slot * PLACES, (slot + 1) * PLACES), n * PLACES);
    if (++n === most) yield close();
  }
  if (n > 0) yield close();
}

function* orders(
  copy: ModelCopy,
  numbers: Int32Array,
  limitBytes: number,
): Generator<Buffer | null, void> {
  const most = Math.max(1, Math.floor((limitBytes - HEADER_BYTES) / 4));
  for (let domain = 0; domain < copy.domainCount; domain++) {
    const order = copy.order(domain);
    for (let from = 0; from < order.length; from += most) {
      const part = new Uint32Array(Math.min(most, order.length - from));
      for (let i = 0; i < part.length; i++) part[i] = numbers[order[from + i]!]!;
      const bytes = HEADER_BYTES + part.length * 4;
      const chunk = begin(KIND.order, domain, from, part.length, bytes);
      chunk.set(bytesOf(part, 0, part.length), HEADER_BYTES);
      yield chunk;
    }
  }
}

interface BlockPart {
  readonly key: Buffer;
  readonly block: Block;
  readonly from: number;
  readonly rows: number;
  readonly bytes: number;
}

function* blocks(copy: ModelCopy, limitBytes: number): Generator<Buffer | null, void> {
  let parts: BlockPart[] = [];
  let bytes = HEADER_BYTES;
  for (const [name, block] of copy.blocks()) {
    if (block.isInitial()) continue;
    const key = Buffer.from(name);
    const fixed = 20 + key.length;
    const rowBytes = block.shape.width * 4 + 8;
    for (let from = 0; from < block.shape.rows; ) {
      let fits = Math.floor((limitBytes - bytes - fixed) / rowBytes);
      if (fits < 1) {
        if (parts.length === 0) {
          throw new RangeError(`A row of block ${name} takes ${rowBytes} bytes`);
        }
        yield blocksChunk(parts, bytes);
        parts = [];
        bytes = HEADER_BYTES;
        fits = Math.floor((limitBytes - bytes - fixed) / rowBytes);
        if (fits < 1) continue;
      }
      const rows = Math.min(fits, block.shape.rows - from);
      const own = fixed + rows * rowBytes;
      parts.push({ key, block, from, rows, bytes: own });
      bytes += own;
      from += rows;
    }
  }
  if (parts.length > 0) yield blocksChunk(parts, bytes);
}

function blocksChunk(parts: readonly BlockPart[], bytes: number): Buffer {
  const chunk = begin(KIND.blocks, parts.length, 0, 0, bytes);
  let at = HEADER_BYTES;
  for (const { key, block, from, rows } of parts) {
    const { width } = block.shape;
    for (const value of [key.length, width, block.shape.rows, from, rows]) {
      at = chunk.writeUInt32LE(value, at);
    }
    const columns = [
      key,
      bytesOf(block.values, from * width, rows * width),
      bytesOf(block.accumulators, from, rows),
    ];
    for (const column of columns) {
      chunk.set(column, at);
      at += column.length;
    }
  }
  return chunk;
}
