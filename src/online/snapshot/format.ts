/**
 * The bytes of a snapshot: chunks, each of which can be read by itself once the head has been.
 * Everything little-endian; columns are the bytes of the typed arrays, so that they are copied and
 * not converted. Strings are UTF-8.
 *
 * Each chunk begins with 16 bytes: format version (u8), kind (u8), 0 (u16), three numbers (u32).
 *
 * | kind | the three numbers | then |
 * |---|---|---|
 * | 1 head | rows, domains, d | seed, initial scale, trained events (f64 each); by domain: bytes of the name (u16), name |
 * | 2 rows | n, number of the first, bytes of the text | embeddings (n, d) f32, biases (n) f32, counts (n) i32, accumulators (n, 2) f64, domains (n) u16, lengths of the keys in UTF-16 units (n) u32, all keys `domain/itemId` as one text |
 * | 3 order | domain, position, n | numbers of rows (n) u32: the domain's rows with events, in the order of their first one, from that position on |
 * | 4 blocks | n, 0, 0 | by block: bytes of the key, width, rows of the block, first row, n rows (u32 each), key, values (n, width) f32, accumulators (n) f64 |
 * | 5 neighbours | n, 0, 0 | by entry: number of the item (u32), number of the neighbour (u32), count (i32) |
 * | 6 content | n, C, 0 | by item: its number (u32), number of its main category (i32), c (C) in grid units (i32) |
 * | 7 features | n, 64, 0 | numbers of the items (n) u32, their features (n, 64) u16 |
 *
 * Rows are numbered from 0 in the writer's order, vacant ones left out; domains in the order of the
 * head. Rows come before orders, neighbours, content and features. Blocks at their initial value are left out. Chunks
 * of kind 5 are of version 2, those of kind 6 of version 3, those of kind 7 of version 4, the others of version 1: a
 * model without neighbours, content and features is readable as ever.
 */

export const SNAPSHOT_VERSION = 1;
/** The newest version that a chunk can have. */
export const NEWEST_VERSION = 4;
/** Of the chunks that are not of version 1, by kind. */
export const VERSION_OF_KIND: Readonly<Record<number, number>> = { 5: 2, 6: 3, 7: 4 };

export const KIND = {
  head: 1,
  rows: 2,
  order: 3,
  blocks: 4,
  neighbours: 5,
  content: 6,
  features: 7,
} as const;

/** Numbers of an entry of kind 5. */
export const ENTRY_WIDTH = 3;

export const HEADER_BYTES = 16;

/** Bytes that are no chunk of a snapshot, or one of a later format. The snapshot must not be used. */
export class SnapshotFormatError extends Error {
  readonly code = 'SNAPSHOT_FORMAT';
  /** Whether a newer isthmus wrote it. */
  readonly newer: boolean;

  constructor(message: string, newer = false) {
    super(message);
    this.name = 'SNAPSHOT_FORMAT';
    this.newer = newer;
  }
}

/** Typed arrays lie in the memory of this machine as the format wants them. */
export function requireLittleEndian(): void {
  if (new Uint8Array(new Uint16Array([1]).buffer)[0] === 1) return;
  throw new SnapshotFormatError('Snapshots need a little-endian machine');
}

/** The bytes of `n` elements of a typed array from `from` on, as a view. */
export function bytesOf(
  array: Float32Array | Float64Array | Int32Array | Uint32Array | Uint16Array,
  from: number,
  n: number,
): Uint8Array {
  const size = array.BYTES_PER_ELEMENT;
  return new Uint8Array(array.buffer, array.byteOffset + from * size, n * size);
}
