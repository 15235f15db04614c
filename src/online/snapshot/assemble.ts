import { PLACES } from '../content/sparse.js';
import type { Model } from '../model.js';
import {
  bytesOf,
  ENTRY_WIDTH,
  HEADER_BYTES,
  KIND,
  NEWEST_VERSION,
  requireLittleEndian,
  SNAPSHOT_VERSION,
  SnapshotFormatError,
} from './format.js';

/** Room for new rows behind the restored ones, so that the first event does not copy the table. */
const SPARE = 1.1;

/**
 * Makes an empty model out of the chunks of a snapshot (format.ts): the values, the order of rows and
 * the order of first events of the model that was written, so that learning goes on bit for bit.
 *
 *     const assembler = new SnapshotAssembler(model);
 *     for (const chunk of chunks) assembler.add(chunk);
 *     assembler.finish();
 *
 * Errors: SnapshotFormatError; the model is to be cleared then.
 */
export class SnapshotAssembler {
  readonly #model: Model;
  #rows = -1;
  #domains: number[] = [];
  #orders: { rows: Int32Array; length: number }[] = [];

  constructor(model: Model) {
    requireLittleEndian();
    if (model.items.size > 0 || model.domainCount > 0) {
      throw new RangeError('A snapshot is loaded into an empty model');
    }
    this.#model = model;
  }

  /** Takes the next chunk, in the order in which they were written. */
  add(payload: Uint8Array): void {
    const chunk = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
    if (chunk.length < HEADER_BYTES) {
      throw new SnapshotFormatError(`A chunk of ${chunk.length} bytes is cut off`);
    }
    const version = chunk.readUInt8(0);
    if (version < SNAPSHOT_VERSION || version > NEWEST_VERSION) {
      throw new SnapshotFormatError(
        `A chunk has format version ${version}, known are ${SNAPSHOT_VERSION} to ${NEWEST_VERSION}: it comes from a newer isthmus, or is none`,
        version > NEWEST_VERSION,
      );
    }
    const kind = chunk.readUInt8(1);
    const a = chunk.readUInt32LE(4);
    const b = chunk.readUInt32LE(8);
    const c = chunk.readUInt32LE(12);
    if (kind === KIND.head) this.#head(chunk, a, b, c);
    else if (this.#rows < 0) throw new SnapshotFormatError('The head of the snapshot is missing');
    else if (kind === KIND.rows) this.#addRows(chunk, a, b, c);
    else if (kind === KIND.order) this.#addOrder(chunk, a, b, c);
    else if (kind === KIND.blocks) this.#addBlocks(chunk, a);
    else if (kind === KIND.neighbours) this.#addNeighbours(chunk, a);
    else if (kind === KIND.content) this.#addContent(chunk, a, b);
    else if (kind === KIND.features) this.#addFeatures(chunk, a, b);
    else throw new SnapshotFormatError(`There is no chunk of kind ${kind}`);
  }

  /** Checks that all is there, and puts the orders in place. */
  finish(): void {
    const { items } = this.#model;
    if (this.#rows !== items.size) {
      throw new SnapshotFormatError(`Of ${this.#rows} rows ${items.size} are there`);
    }
    let counted = 0;
    for (let row = 0; row < items.size; row++) if (items.counts[row]! > 0) counted++;
    const ordered = this.#orders.reduce((sum, { length }) => sum + length, 0);
    if (counted !== ordered) {
      throw new SnapshotFormatError(`Of ${counted} rows with events ${ordered} are in order`);
    }
    for (const [index, { rows, length }] of this.#orders.entries()) {
      this.#model.orderRows(this.#domains[index]!, rows.subarray(0, length));
    }
    // Blocks were filled past the model.
    for (const domain of this.#domains) this.#model.content.changed(domain);
  }

  #head(chunk: Buffer, rows: number, domains: number, dimension: number): void {
    const model = this.#model;
    if (this.#rows >= 0) throw new SnapshotFormatError('A snapshot has two heads');
    let at = need(chunk, HEADER_BYTES, 24);
    const seed = chunk.readDoubleLE(HEADER_BYTES);
    const initialScale = chunk.readDoubleLE(HEADER_BYTES + 8);
    const { options } = model;
    if (
      dimension !== model.dimension ||
      seed !== options.seed ||
      initialScale !== options.initialScale
    ) {
      throw new SnapshotFormatError(
        `The snapshot is of a model of dimension ${dimension}, seed ${seed} and initial scale ${initialScale}`,
      );
    }
    for (let i = 0; i < domains; i++) {
      const length = chunk.readUInt16LE(at);
      const end = need(chunk, at + 2, length);
      const name = chunk.toString('utf8', at + 2, end);
      this.#domains.push(asFormat(() => model.domainIndex(name)));
      this.#orders.push({ rows: new Int32Array(0), length: 0 });
      at = end;
    }
    this.#rows = rows;
    model.items.reserve(Math.ceil(rows * SPARE));
    model.trainedEvents = chunk.readDoubleLE(HEADER_BYTES + 16);
  }

  #addRows(chunk: Buffer, n: number, first: number, textBytes: number): void {
    const model = this.#model;
    const d = model.dimension;
    if (first !== model.items.size || first + n > this.#rows) {
      throw new SnapshotFormatError(`Rows ${first} to ${first + n} come out of turn`);
    }
    const fixed = n * (d * 4 + 4 + 4 + 16);
    const domainsAt = HEADER_BYTES + fixed;
    const textAt = domainsAt + n * 6;
    if (chunk.length !== textAt + textBytes) {
      throw new SnapshotFormatError(`A chunk of ${n} rows has ${chunk.length} bytes`);
    }
    const domains = new Uint16Array(n);
    bytesOf(domains, 0, n).set(chunk.subarray(domainsAt, domainsAt + n * 2));
    const lengths = new Uint32Array(n);
    bytesOf(lengths, 0, n).set(chunk.subarray(domainsAt + n * 2, textAt));
    // One text for all keys: one call into the decoder instead of one per row.
    const text = chunk.toString('utf8', textAt);
    const keys = new Array<string>(n);
    let end = 0;
    for (let i = 0; i < n; i++) {
      keys[i] = text.slice(end, end + lengths[i]!);
      end += lengths[i]!;
      const index = this.#domains[domains[i]!];
      if (index === undefined)
        throw new SnapshotFormatError('A row names a domain that is unknown');
      domains[i] = index;
    }
    if (end !== text.length) throw new SnapshotFormatError('The keys of a chunk do not add up');
    asFormat(() => model.appendRows(keys, domains));

    const { items } = model;
    let at = HEADER_BYTES;
    const columns = [
      [items.embeddings, d],
      [items.biases, 1],
      [items.counts, 1],
      [items.accumulators, 2],
    ] as const;
    for (const [column, width] of columns) {
      const to = bytesOf(column, first * width, n * width);
      to.set(chunk.subarray(at, at + to.length));
      at += to.length;
    }
    items.recomputeNorms(first, first + n);
  }

  #addOrder(chunk: Buffer, domain: number, position: number, n: number): void {
    const order = this.#orders[domain];
    if (order === undefined || order.length !== position) {
      throw new SnapshotFormatError(`An order of domain ${domain} comes out of turn`);
    }
    if (need(chunk, HEADER_BYTES, n * 4) !== chunk.length || position + n > this.#rows) {
      throw new SnapshotFormatError(`An order of ${n} rows has ${chunk.length} bytes`);
    }
    const rows = new Int32Array(position + n);
    rows.set(order.rows.subarray(0, position));
    bytesOf(rows, position, n).set(chunk.subarray(HEADER_BYTES));
    for (let i = position; i < rows.length; i++) {
      if (rows[i]! < 0 || rows[i]! >= this.#rows) {
        throw new SnapshotFormatError(`An order names the row ${rows[i]}`);
      }
    }
    this.#orders[domain] = { rows, length: rows.length };
  }

  #addNeighbours(chunk: Buffer, n: number): void {
    if (chunk.length !== HEADER_BYTES + n * ENTRY_WIDTH * 4) {
      throw new SnapshotFormatError(`A chunk of ${n} neighbours has ${chunk.length} bytes`);
    }
    const model = this.#model;
    const entries = new Int32Array(n * ENTRY_WIDTH);
    bytesOf(entries, 0, entries.length).set(chunk.subarray(HEADER_BYTES));
    const known = (row: number): boolean => row >= 0 && row < model.items.size;
    for (let at = 0; at < entries.length; at += ENTRY_WIDTH) {
      const from = entries[at]!;
      const to = entries[at + 1]!;
      if (!known(from) || !known(to) || from === to) {
        throw new SnapshotFormatError(`A snapshot says that ${from} and ${to} are neighbours`);
      }
      model.neighbours.add(from, to, model.domainOf(to), entries[at + 2]!);
    }
  }

  #addContent(chunk: Buffer, n: number, size: number): void {
    const model = this.#model;
    const width = size + 2;
    if (size !== model.content.store.size || chunk.length !== HEADER_BYTES + n * width * 4) {
      throw new SnapshotFormatError(
        `A chunk of ${n} contents of ${size} has ${chunk.length} bytes`,
      );
    }
    const entries = new Int32Array(n * width);
    bytesOf(entries, 0, entries.length).set(chunk.subarray(HEADER_BYTES));
    for (let at = 0; at < entries.length; at += width) {
      const row = entries[at]!;
      if (row < 0 || row >= model.items.size) {
        throw new SnapshotFormatError(`A snapshot has content of the row ${row}`);
      }
      model.content.add(row, entries, at + 2, entries[at + 1]!, 1);
    }
  }

  #addFeatures(chunk: Buffer, n: number, places: number): void {
    const model = this.#model;
    if (places !== PLACES || chunk.length !== HEADER_BYTES + n * (4 + PLACES * 2)) {
      throw new SnapshotFormatError(
        `A chunk of features of ${n} items, ${places} each, has ${chunk.length} bytes`,
      );
    }
    const numbers = new Uint32Array(n);
    bytesOf(numbers, 0, n).set(chunk.subarray(HEADER_BYTES, HEADER_BYTES + n * 4));
    const features = new Uint16Array(n * PLACES);
    bytesOf(features, 0, features.length).set(chunk.subarray(HEADER_BYTES + n * 4));
    for (const [i, row] of numbers.entries()) {
      if (row >= model.items.size) {
        throw new SnapshotFormatError(`A snapshot has features of the row ${row}`);
      }
      model.content.addFeatures(row, features, i * PLACES, 1);
    }
  }

  #addBlocks(chunk: Buffer, n: number): void {
    let at = HEADER_BYTES;
    for (let i = 0; i < n; i++) {
      need(chunk, at, 20);
      const [keyBytes, width, total, from, rows] = Array.from({ length: 5 }, (_, k) =>
        chunk.readUInt32LE(at + k * 4),
      ) as [number, number, number, number, number];
      at += 20;
      const key = chunk.toString('utf8', at, need(chunk, at, keyBytes));
      at += keyBytes;
      need(chunk, at, rows * (width * 4 + 8));
      const shape = this.#shape(key);
      if (shape.width !== width || shape.rows !== total || from + rows > total) {
        throw new SnapshotFormatError(`Block ${key} is of ${total} rows of ${width}`);
      }
      const columns = [
        bytesOf(this.#model.block(key), from * width, rows * width),
        bytesOf(this.#model.blockOf(key).accumulators, from, rows),
      ];
      for (const to of columns) {
        to.set(chunk.subarray(at, at + to.length));
        at += to.length;
      }
    }
    if (at !== chunk.length) throw new SnapshotFormatError('A chunk of blocks has bytes too many');
  }

  #shape(key: string): { readonly rows: number; readonly width: number } {
    return asFormat(() => this.#model.blockShape(key));
  }
}

/** What the model refuses is a fault of the snapshot. */
function asFormat<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw new SnapshotFormatError(error instanceof Error ? error.message : String(error));
  }
}

/** Returns where `bytes` from `at` on end, if they are there. */
function need(chunk: Buffer, at: number, bytes: number): number {
  if (at + bytes > chunk.length) throw new SnapshotFormatError('A chunk ends too early');
  return at + bytes;
}
