/**
 * Kernels that read deltas, in AssemblyScript. The format is that of ../../delta-codec.ts and
 * ../../wide/pair-codec.ts; addresses are in bytes. Behind the bytes must be 8 more, of any value. What
 * is wrong is not said here: the loops beside those formats do, given the same bytes.
 */

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
    if (next === 0 || next >= end) return 0;
    const width = <u32>load<u8>(next);
    at = next + 1;
    const bytes = <usize>((<u32>dimension * width + 7) >> 3);
    if (width > 32 || bytes > end - at) return 0;
    const mask = ((<u64>1) << (<u64>width)) - 1;
    let bit: u32 = 0;
    for (let k: usize = 0; k < row; k += 4) {
      const zigzag = <u32>((load<u64>(at + <usize>(bit >> 3)) >> <u64>(bit & 7)) & mask);
      store<i32>(values + k, <i32>(zigzag >> 1) ^ -(<i32>(zigzag & 1)));
      bit += width;
    }
    at += bytes;
    counts += 4;
    accumulators += 16;
    values += row + 4;
  }
  return at;
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
      if (next === 0 || coded >> 1 >= <u64>items) return 0;
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
