import { readContent, splitContent, writeContent } from './content/delta.js';
import { contentSize } from './content/encoder.js';
import { sliceDelta } from './delta.js';
import {
  ByteReader,
  ByteWriter,
  DeltaFormatError,
  varintBytes,
  zigzagBits,
} from './delta-bytes.js';
import type { DecodedItems } from './kernels/simd-decoding.js';
import type { BlockDelta, Delta } from './types.js';
import {
  MOST_BYTES_OF_A_PAIR,
  MOST_BYTES_OF_A_RUN,
  neighbourBytes,
  readNeighbours,
  writeNeighbours,
} from './wide/pair-codec.js';
import { splitNeighbours } from './wide/pair-split.js';

export { DeltaFormatError } from './delta-bytes.js';

/** A delta without neighbours is written as what it always was, and older processes read it. */
const PLAIN = 1;
const WITH_NEIGHBOURS = 2;
const WITH_CONTENT = 3;
const WITH_FEATURES = 4;
const LARGEST_DIMENSION = 4096;
/** Version, sizes and checksum: never more than this. */
const FRAME_BYTES = 40;
/** Beside key and embedding: domain, length, count, accumulators, bias and width in bits. */
const MOST_BYTES_OF_AN_ITEM = 40;
/** Beside the values: the accumulator and the width in bits, or the lengths at the head of a block. */
const MOST_BYTES_OF_A_ROW = 16;
const MOST_BYTES_OF_A_CHARACTER = 3;

/**
 * The bytes of a delta: `decodeDelta(encodeDelta(x))` is x.
 *
 * Version (1 byte); d, events; domains (names); item ids as one text with the length of each, and
 * the domain of each; then by item: count, accumulators (2), bias, and the embedding packed in as
 * many bits as its largest value needs; then the blocks: key, width, and by row accumulator and packed
 * values, where an untouched row is two bytes; then, in version 2, the neighbours (wide/pair-codec.ts);
 * in versions 3 and 4 a byte says whether those follow, and then comes the content (content/delta.ts), in version 4 with
 * features.
 * Numbers are varints, signed ones zigzag. At the end an FNV-1a checksum (4 bytes).
 */
export function encodeDelta(delta: Delta): Buffer {
  const { keys, counts, values, accumulators } = delta.items;
  const width = keys.length === 0 ? 1 : values.length / keys.length;
  const dimension = width - 1;
  const writer = new ByteWriter(256 + values.length * 3);
  writer.byte(versionOf(delta));
  writer.varint(dimension);
  writer.varint(delta.events);
  writeKeys(writer, keys);
  for (let i = 0; i < keys.length; i++) {
    writer.signed(counts[i]!);
    writer.signed(accumulators[i * 2]!);
    writer.signed(accumulators[i * 2 + 1]!);
    writer.signed(values[i * width + dimension]!);
    writer.packed(values, i * width, i * width + dimension);
  }
  writer.varint(delta.blocks.length);
  for (const block of delta.blocks) writeBlock(writer, block);
  if (delta.content !== undefined) writer.byte(delta.neighbours === undefined ? 0 : 1);
  if (delta.neighbours !== undefined) writeNeighbours(writer, delta.neighbours);
  if (delta.content !== undefined) writeContent(writer, delta.content);
  return writer.finish();
}

function versionOf({ neighbours, content }: Delta): number {
  if (content?.features !== undefined) return WITH_FEATURES;
  if (content !== undefined) return WITH_CONTENT;
  return neighbours === undefined ? PLAIN : WITH_NEIGHBOURS;
}

/** The delta that the bytes are, by kernels where there are some, unless `plain` says otherwise. Throws DeltaFormatError. */
export function decodeDelta(bytes: Uint8Array, { plain = false } = {}): Delta {
  const reader = plain ? new ByteReader(bytes, null) : new ByteReader(bytes);
  const { version, dimension, events } = readHead(reader);
  const keys = readKeys(reader);
  const n = keys.length;
  const { counts, values, accumulators } =
    reader.read((kernels, at) => kernels.items(at, n, dimension)) ??
    readItems(reader, n, dimension);
  return { events, items: { keys, counts, values, accumulators }, ...readRest(reader, version, n) };
}

/** What stands before the items of a delta, whose checksum is right. Throws DeltaFormatError. */
export function readHead(reader: ByteReader): {
  readonly version: number;
  readonly dimension: number;
  readonly events: number;
} {
  const version = reader.byte();
  if (version < PLAIN || version > WITH_FEATURES) {
    throw new DeltaFormatError(
      `A delta has format version ${version}, known are ${PLAIN} to ${WITH_FEATURES}: it comes from a newer isthmus, or is none`,
    );
  }
  reader.verifyChecksum();
  const dimension = reader.varint();
  if (dimension > LARGEST_DIMENSION) {
    throw new DeltaFormatError(`A delta has dimension ${dimension}`);
  }
  return { version, dimension, events: reader.varint() };
}

/** What stands behind the n items of a delta, to its end. Throws DeltaFormatError. */
export function readRest(
  reader: ByteReader,
  version: number,
  n: number,
): Pick<Delta, 'blocks' | 'neighbours' | 'content'> {
  const blocks: BlockDelta[] = [];
  for (let i = reader.size(4); i > 0; i--) blocks.push(readBlock(reader));
  const withFeatures = version === WITH_FEATURES;
  const withContent = withFeatures || version === WITH_CONTENT;
  const seen = withContent ? reader.byte() === 1 : version === WITH_NEIGHBOURS;
  const neighbours = seen ? { neighbours: readNeighbours(reader, n) } : {};
  const content = withContent
    ? { content: readContent(reader, contentSize(LARGEST_DIMENSION), withFeatures) }
    : {};
  if (reader.left !== 0) throw new DeltaFormatError(`A delta has ${reader.left} bytes too many`);
  return { blocks, ...neighbours, ...content };
}

function readItems(reader: ByteReader, n: number, dimension: number): Omit<DecodedItems, 'end'> {
  const width = dimension + 1;
  const counts = new Int32Array(n);
  const values = new Int32Array(n * width);
  const accumulators = new Float64Array(n * 2);
  for (let i = 0; i < n; i++) {
    counts[i] = reader.signed();
    accumulators[i * 2] = reader.signed();
    accumulators[i * 2 + 1] = reader.signed();
    values[i * width + dimension] = reader.signed();
    reader.packed(values, i * width, i * width + dimension);
  }
  return { counts, values, accumulators };
}

/**
 * Parts of a delta that take at most `limitBytes` each when encoded; together they are the delta.
 * Each can be applied on its own; `events` go with the first. An item or a block that alone is larger
 * than the limit is a RangeError.
 */
export function splitDelta(whole: Delta, limitBytes: number): Delta[] {
  // Content has parts of its own, and most deltas with content have nothing else.
  if (whole.content !== undefined) {
    const { content, ...delta } = whole;
    const parts = splitContent({ ...delta, content }, limitBytes - FRAME_BYTES);
    if (isEmpty(delta) && parts.length > 0) return parts;
    const rest = splitDelta(delta, limitBytes);
    const oneOfEach = rest.length === 1 && parts.length < 2;
    return oneOfEach && encodeDelta(whole).length <= limitBytes ? [whole] : [...rest, ...parts];
  }
  const delta = whole;
  if (mostBytes(delta) <= limitBytes) return [delta];
  const { keys } = delta.items;
  const parts: Delta[] = [];
  let from = 0;
  let bytes = FRAME_BYTES;
  let domains = new Set<string>();
  const close = (to: number, blocks: readonly BlockDelta[]) => {
    parts.push(sliceDelta(delta, from, to, parts.length === 0 ? delta.events : 0, blocks));
    from = to;
    bytes = FRAME_BYTES;
    domains = new Set();
  };
  for (let i = 0; i < keys.length; i++) {
    const domain = domainOf(keys[i]!);
    const own = itemBytes(delta, i);
    const named = domains.has(domain) ? 0 : textBytes(domain);
    if (FRAME_BYTES + own + textBytes(domain) > limitBytes) {
      throw new RangeError(
        `Item ${keys[i]} takes ${own} bytes of a delta; ${limitBytes} are allowed`,
      );
    }
    if (bytes + own + named > limitBytes) {
      close(i, []);
      bytes += own + textBytes(domain);
    } else {
      bytes += own + named;
    }
    domains.add(domain);
  }
  let blocks: BlockDelta[] = [];
  for (const block of delta.blocks) {
    const own = blockBytes(block);
    if (FRAME_BYTES + own > limitBytes) {
      throw new RangeError(
        `Block ${block.key} takes ${own} bytes of a delta; ${limitBytes} are allowed`,
      );
    }
    if (bytes + own > limitBytes) {
      close(keys.length, blocks);
      blocks = [];
    }
    blocks.push(block);
    bytes += own;
  }
  if (delta.neighbours === undefined) {
    if (from < keys.length || blocks.length > 0 || parts.length === 0) close(keys.length, blocks);
    return parts;
  }
  if (parts.length === 0 && bytes + neighbourBytes(delta.neighbours) <= limitBytes) return [delta];
  close(keys.length, blocks);
  // Where not all is in one part, the neighbours have parts of their own.
  const keyBytes = (key: string) => emptyItemBytes(key) + textBytes(domainOf(key));
  return [...parts, ...splitNeighbours(delta, limitBytes - FRAME_BYTES, keyBytes)];
}

function isEmpty({ events, items, blocks, neighbours }: Delta): boolean {
  return events === 0 && items.keys.length === 0 && blocks.length === 0 && neighbours === undefined;
}

function writeKeys(writer: ByteWriter, keys: readonly string[]): void {
  const domains = new Map<string, number>();
  const domainOfItem = new Int32Array(keys.length);
  const starts = new Int32Array(keys.length);
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!;
    const slash = key.indexOf('/');
    const domain = key.slice(0, slash);
    let index = domains.get(domain);
    if (index === undefined) {
      index = domains.size;
      domains.set(domain, index);
    }
    domainOfItem[i] = index;
    starts[i] = slash + 1;
  }
  writer.varint(domains.size);
  for (const domain of domains.keys()) writer.text(domain);
  writer.varint(keys.length);
  for (let i = 0; i < keys.length; i++) {
    writer.varint(domainOfItem[i]!);
    writer.varint(keys[i]!.length - starts[i]!);
  }
  // One text for all: one call into the decoder instead of one per item.
  writer.tails(keys, starts);
}

/** The domains that a delta names. */
export function readDomains(reader: ByteReader): string[] {
  const domains: string[] = [];
  for (let i = reader.size(1); i > 0; i--) domains.push(reader.text());
  return domains;
}

function readKeys(reader: ByteReader): string[] {
  const domains = readDomains(reader);
  const n = reader.size(2);
  const domainOfItem = new Array<string>(n);
  const lengths = new Array<number>(n);
  for (let i = 0; i < n; i++) {
    const domain = domains[reader.varint()];
    if (domain === undefined) throw new DeltaFormatError('A delta names a domain that it lacks');
    domainOfItem[i] = `${domain}/`;
    lengths[i] = reader.varint();
  }
  const ids = reader.text();
  const keys = new Array<string>(n);
  let at = 0;
  for (let i = 0; i < n; i++) {
    keys[i] = domainOfItem[i]! + ids.slice(at, at + lengths[i]!);
    at += lengths[i]!;
  }
  if (at !== ids.length) throw new DeltaFormatError('The item ids of a delta do not add up');
  return keys;
}

function writeBlock(writer: ByteWriter, block: BlockDelta): void {
  const rows = block.accumulators.length;
  const width = block.values.length / rows;
  writer.text(block.key);
  writer.varint(width);
  writer.varint(rows);
  for (let row = 0; row < rows; row++) {
    writer.signed(block.accumulators[row]!);
    writer.packed(block.values, row * width, (row + 1) * width);
  }
}

function readBlock(reader: ByteReader): BlockDelta {
  const key = reader.text();
  const width = reader.varint();
  if (width > LARGEST_DIMENSION + 1) {
    throw new DeltaFormatError(`Block ${key} of a delta has rows of ${width}`);
  }
  const rows = reader.size(2);
  const read = reader.read((kernels, at) => kernels.rows(at, rows, width));
  if (read !== null) return { key, values: read.values, accumulators: read.accumulators };
  const values = new Int32Array(rows * width);
  const accumulators = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    accumulators[row] = reader.signed();
    reader.packed(values, row * width, (row + 1) * width);
  }
  return { key, values, accumulators };
}

/** More than a delta without content takes, told without a look at its numbers. */
function mostBytes({ items, blocks, neighbours }: Delta): number {
  const { keys, values } = items;
  let bytes = FRAME_BYTES + keys.length * MOST_BYTES_OF_AN_ITEM + values.length * 4;
  // The domain of each stands once more, for all of its items.
  for (const key of keys) bytes += key.length * 2 * MOST_BYTES_OF_A_CHARACTER;
  for (const block of blocks) {
    bytes += block.key.length * MOST_BYTES_OF_A_CHARACTER + block.values.length * 4;
    bytes += MOST_BYTES_OF_A_ROW * (block.accumulators.length + 1);
  }
  if (neighbours === undefined) return bytes;
  const pairs = neighbours.both.from.length + neighbours.oneWay.from.length;
  return bytes + (pairs + 1) * (MOST_BYTES_OF_A_RUN + MOST_BYTES_OF_A_PAIR);
}

function domainOf(key: string): string {
  return key.slice(0, key.indexOf('/'));
}

function textBytes(text: string): number {
  const bytes = Buffer.byteLength(text, 'utf8');
  return bytes + varintBytes(bytes);
}

function signedBytes(value: number): number {
  return varintBytes(Math.abs(value) * 2);
}

function packedBytes(values: Int32Array, from: number, to: number): number {
  return 1 + Math.ceil(((to - from) * zigzagBits(values, from, to)) / 8);
}

/** At most what an item takes: the domain index may be of up to 3 bytes. */
function itemBytes(delta: Delta, i: number): number {
  const { keys, counts, values, accumulators } = delta.items;
  const width = values.length / keys.length;
  const last = (i + 1) * width - 1;
  const key = keys[i]!;
  return (
    3 +
    varintBytes(key.length) +
    Buffer.byteLength(key, 'utf8') +
    signedBytes(counts[i]!) +
    signedBytes(accumulators[i * 2]!) +
    signedBytes(accumulators[i * 2 + 1]!) +
    signedBytes(values[last]!) +
    packedBytes(values, i * width, last)
  );
}

/** At most what an item takes whose numbers are all 0. */
function emptyItemBytes(key: string): number {
  return 3 + varintBytes(key.length) + Buffer.byteLength(key, 'utf8') + 5;
}

function blockBytes({ key, values, accumulators }: BlockDelta): number {
  const rows = accumulators.length;
  const width = values.length / rows;
  let bytes = textBytes(key) + varintBytes(width) + varintBytes(rows);
  for (let row = 0; row < rows; row++) {
    bytes += signedBytes(accumulators[row]!) + packedBytes(values, row * width, (row + 1) * width);
  }
  return bytes;
}
