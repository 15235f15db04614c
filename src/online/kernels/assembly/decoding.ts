/**
 * Kernels that read deltas, in AssemblyScript. The format is that of ../../delta-codec.ts and
 * ../../wide/pair-codec.ts; addresses are in bytes. Behind the bytes must be 8 more, of any value. What
 * is wrong is not said here: the loops beside those formats do, given the same bytes.
 */
import { addRow } from './learning';

/** Where the last varint ended; 0 where it had more than 53 bits, or went beyond the end. */
let next: usize = 0;

function varint(at: usize, end: usize): u64 {
  let value: u64 = 0;
  let shift: u64 = 0;
  while (at < end && shift < 56) {
    const byte = <u64>load<u8>(at++);
    value |= (byte & 127) << shift;
    if (byte < 128) {
      next = value >> 53 === 0 ? at : 0;
      return value;
    }
    shift += 7;
  }
  next = 0;
  return 0;
}

function unzigzag(value: u64): i64 {
  return <i64>(value >> 1) ^ -(<i64>(value & 1));
}

/** FNV-1a, 32 bits, four bytes at a time and the rest one by one. */
export function checksum(bytes: usize, length: i32): u32 {
  let hash: u32 = 0x811c9dc5;
  let at = bytes;
  const words = bytes + <usize>(length & ~3);
  const end = bytes + <usize>length;
  for (; at < words; at += 4) {
    hash = (hash ^ load<u32>(at)) * 0x01000193;
    hash ^= hash >> 15;
  }
  for (; at < end; at++) hash = (hash ^ <u32>load<u8>(at)) * 0x01000193;
  return hash;
}

/** Where n values that begin with their width in bits at `at` end; 0 where something is wrong. */
function packedEnd(at: usize, end: usize, n: i32): usize {
  if (at >= end) return 0;
  const width = <u32>load<u8>(at++);
  const bytes = <usize>((<u32>n * width + 7) >> 3);
  return width > 32 || bytes > end - at ? 0 : at + bytes;
}

/** Unpacks `bytes` of values (i32), which are there. */
function unpack(at: usize, values: usize, bytes: usize): void {
  const width = <u32>load<u8>(at++);
  const mask = ((<u64>1) << (<u64>width)) - 1;
  let bit: u32 = 0;
  for (let k: usize = 0; k < bytes; k += 4) {
    const zigzag = <u32>((load<u64>(at + <usize>(bit >> 3)) >> <u64>(bit & 7)) & mask);
    store<i32>(values + k, <i32>(zigzag >> 1) ^ -(<i32>(zigzag & 1)));
    bit += width;
  }
}

/**
 * Reads n items: count (i32), two accumulators (f64), and a row of `dimension` values and the bias (i32).
 * Returns where they end, or 0 where something is wrong.
 */
export function readItems(
  at: usize,
  end: usize,
  n: i32,
  dimension: i32,
  counts: usize,
  values: usize,
  accumulators: usize,
): usize {
  const row = (<usize>dimension) << 2;
  for (let i = 0; i < n; i++) {
    store<i32>(counts, <i32>unzigzag(varint(at, end)));
    if (next === 0) return 0;
    store<f64>(accumulators, <f64>unzigzag(varint(next, end)));
    if (next === 0) return 0;
    store<f64>(accumulators, <f64>unzigzag(varint(next, end)), 8);
    if (next === 0) return 0;
    store<i32>(values + row, <i32>unzigzag(varint(next, end)));
    if (next === 0) return 0;
    const packed = next;
    at = packedEnd(packed, end, dimension);
    if (at === 0) return 0;
    unpack(packed, values, row);
    counts += 4;
    accumulators += 16;
    values += row + 4;
  }
  return at;
}

/** Reads the count of each of n items (i32), and nothing else of them; as readItems. */
export function readCounts(at: usize, end: usize, n: i32, dimension: i32, counts: usize): usize {
  for (let i = 0; i < n; i++) {
    store<i32>(counts, <i32>unzigzag(varint(at, end)));
    counts += 4;
    // Two accumulators and the bias.
    for (let k = 0; k < 3; k++) {
      if (next === 0) return 0;
      varint(next, end);
    }
    if (next === 0) return 0;
    at = packedEnd(next, end, dimension);
    if (at === 0) return 0;
  }
  return at;
}

/**
 * Adds n items, of which readCounts has found nothing wrong, to their rows of the table, but for the
 * counts; as addRows. `width` is that of an embedding in bytes; `values` is room for one row and its bias.
 * Returns where the items end.
 */
export function addItems(
  n: i32,
  rows: usize,
  embeddings: usize,
  biases: usize,
  accumulators: usize,
  width: i32,
  items: usize,
  end: usize,
  values: usize,
  norms: usize,
): usize {
  const w = <usize>width;
  let at = items;
  for (let i = 0; i < n; i++) {
    const row = <usize>load<u32>(rows + ((<usize>i) << 2));
    const own = accumulators + (row << 4);
    varint(at, end);
    store<f64>(own, load<f64>(own) + <f64>unzigzag(varint(next, end)));
    store<f64>(own, load<f64>(own, 8) + <f64>unzigzag(varint(next, end)), 8);
    store<i32>(values + w, <i32>unzigzag(varint(next, end)));
    unpack(next, values, w);
    at = packedEnd(next, end, width >> 2);
    const norm = addRow(embeddings + row * w, biases + (row << 2), w, values, 1);
    store<f32>(norms + ((<usize>i) << 2), norm);
  }
  return at;
}

/** Reads rows of a block: by row the accumulator (f64) and `width` values (i32); as readItems. */
export function readRows(
  at: usize,
  end: usize,
  rows: i32,
  width: i32,
  values: usize,
  accumulators: usize,
): usize {
  const bytes = (<usize>width) << 2;
  for (let i = 0; i < rows; i++) {
    store<f64>(accumulators, <f64>unzigzag(varint(at, end)));
    if (next === 0) return 0;
    const packed = next;
    at = packedEnd(packed, end, width);
    if (at === 0) return 0;
    unpack(packed, values, bytes);
    values += bytes;
    accumulators += 8;
  }
  return at;
}

// A slot of the directory of rows: 1 + row (0: empty), domain, length of the id, nothing, and the id
// with zeros behind it.
const SLOT: usize = 64;
const ID: usize = 16;
const LONGEST_ID: u64 = 48;

/** Eight bytes of an id at k, those beyond its length as zeros; behind it may stand anything. */
function idWord(id: usize, length: usize, k: usize): u64 {
  const word = load<u64>(id + k);
  const left = length - k;
  return left >= 8 ? word : word & (((<u64>1) << ((<u64>left) << 3)) - 1);
}

/** The first of the two slots, a power of two in all, in which a row may stand. */
function slotOf(slots: usize, most: i32, domain: u32, id: usize, length: usize): usize {
  let hash = <u64>domain;
  for (let k: usize = 0; k < length; k += 8) {
    hash ^= idWord(id, length, k);
    // Ids often differ in their last characters alone, the word's highest bits.
    hash = (hash ^ (hash >> 32)) * 0x9e3779b1;
    hash ^= hash >> 32;
  }
  return slots + <usize>(<u32>hash & <u32>(most - 1)) * SLOT;
}

function isIn(slot: usize, domain: u32, id: usize, length: usize): boolean {
  if (load<u32>(slot) === 0 || load<u32>(slot, 4) !== domain) return false;
  if (load<u32>(slot, 8) !== <u32>length) return false;
  for (let k: usize = 0; k < length; k += 8) {
    if (load<u64>(slot + ID + k) !== idWord(id, length, k)) return false;
  }
  return true;
}

/** The other of the two slots. */
function otherSlot(slots: usize, slot: usize): usize {
  return slots + ((slot - slots) ^ SLOT);
}

/**
 * Looks up the rows of n keys: by key a domain of the delta and the length of its id, then all ids as
 * one text, in ASCII (what is not has another length in bytes, and is wrong here). `domains` are the model's
 * indices (i32) of the `named` domains of the delta. Writes to `found`, by key, the row or -1 where it is
 * not in the directory, the domain of the delta, the address of the id and its length (i32). As readItems.
 */
export function findRows(
  at: usize,
  end: usize,
  n: i32,
  domains: usize,
  named: i32,
  slots: usize,
  most: i32,
  found: usize,
): usize {
  let bytes: u64 = 0;
  let key = found;
  for (let i = 0; i < n; i++) {
    const domain = varint(at, end);
    if (next === 0 || domain >= <u64>named) return 0;
    const length = varint(next, end);
    if (next === 0 || length > <u64>(end - at)) return 0;
    at = next;
    bytes += length;
    store<u32>(key, <u32>domain, 4);
    store<u32>(key, <u32>length, 12);
    key += 16;
  }
  const text = varint(at, end);
  if (next === 0 || text !== bytes || text > <u64>(end - next)) return 0;
  let id = next;
  key = found;
  for (let i = 0; i < n; i++) {
    const length = <usize>load<u32>(key, 12);
    const domain = load<i32>(domains + ((<usize>load<u32>(key, 4)) << 2));
    let row: i32 = -1;
    if (domain >= 0 && <u64>length <= LONGEST_ID) {
      const slot = slotOf(slots, most, domain, id, length);
      if (isIn(slot, domain, id, length)) row = load<i32>(slot) - 1;
      else {
        const other = otherSlot(slots, slot);
        if (isIn(other, domain, id, length)) row = load<i32>(other) - 1;
      }
    }
    store<i32>(key, row);
    store<u32>(key, <u32>id, 8);
    key += 16;
    id += length;
  }
  return id;
}

/** Puts the row of a key into the directory, in the place of another one where there has to be. */
export function keepRow(
  row: i32,
  domain: i32,
  id: usize,
  length: i32,
  slots: usize,
  most: i32,
): void {
  if (<u64>length > LONGEST_ID) return;
  const slot = slotOf(slots, most, domain, id, <usize>length);
  if (load<u32>(slot) !== 0) memory.copy(otherSlot(slots, slot), slot, SLOT);
  memory.fill(slot, 0, SLOT);
  store<i32>(slot, row + 1);
  store<i32>(slot, domain, 4);
  store<i32>(slot, length, 8);
  memory.copy(slot + ID, id, <usize>length);
}

/**
 * Reads columns of pairs of `items` places, at most `most`: from, to and count (i32). Writes how many
 * they are to `length`; returns where they end, or 0 where something is wrong.
 */
export function readPairs(
  at: usize,
  end: usize,
  items: i32,
  most: i32,
  froms: usize,
  tos: usize,
  counts: usize,
  length: usize,
): usize {
  const runs = varint(at, end);
  if (next === 0) return 0;
  at = next;
  let from: i64 = 0;
  let n: i32 = 0;
  for (let run: u64 = 0; run < runs; run++) {
    from += unzigzag(varint(at, end));
    if (next === 0 || from < 0 || from >= <i64>items) return 0;
    const pairs = varint(next, end);
    if (next === 0 || pairs === 0 || pairs > <u64>(most - n)) return 0;
    at = next;
    for (let pair: u64 = 0; pair < pairs; pair++) {
      const coded = varint(at, end);
      if (next === 0 || coded >> 1 >= <u64>items || <i64>(coded >> 1) === from) return 0;
      at = next;
      let count: i64 = 1;
      if ((coded & 1) === 1) {
        count = unzigzag(varint(at, end));
        if (next === 0) return 0;
        at = next;
      }
      const to = (<usize>n) << 2;
      store<i32>(froms + to, <i32>from);
      store<i32>(tos + to, <i32>(coded >> 1));
      store<i32>(counts + to, <i32>count);
      n++;
    }
  }
  store<i32>(length, n);
  return at;
}
