/**
 * Kernels over the lists of items seen together, in AssemblyScript. The layout is that of
 * ../../wide/arena.ts and walk-room.ts, whose loops these follow to the last bit. Lists hold addresses
 * in words; those that are passed here are in bytes.
 */

// The words of the arena, in bytes from its header.
const END: usize = 0;
const LIMIT: usize = 4;
const RECORDS: usize = 8;
const FREE: usize = 16;
const HEAD: usize = 16;

/** 2^-30 is what is left of a sum with this. */
const ROUND: f64 = 1.5 * 4194304.0;

function list(header: usize, row: u32, domain: i32): usize {
  let at =
    (<usize>load<u32>(((<usize>load<u32>(header + RECORDS)) << 2) + ((<usize>row) << 4))) << 2;
  while (at !== 0 && load<i32>(at, 4) !== domain) at = (<usize>load<u32>(at)) << 2;
  return at;
}

/**
 * Writes the address of each start's list in a domain (0: none) in the place of its own domain, and returns how many
 * entries they have. Lists lie anywhere: looked up all before the first is read, they are waited for together.
 */
function lookUp(header: usize, starts: usize, n: i32, domain: i32): i32 {
  let entries = 0;
  for (let s = 0; s < n; s++) {
    const start = starts + ((<usize>s) << 4);
    const at = list(header, load<u32>(start), domain);
    store<usize>(start, at, 4);
    if (at !== 0) entries += load<i32>(at, 8);
  }
  return entries;
}

/** Number of the entry with that row in a list, or -1. */
function find(at: usize, row: i32): i32 {
  const size = load<i32>(at, 8);
  const wanted = i32x4.splat(row);
  const rows = at + HEAD;
  let i = 0;
  // Sixteen at once, since most lists are long.
  for (; i + 16 <= size; i += 16) {
    const from = rows + ((<usize>i) << 2);
    const a = i32x4.eq(v128.load(from), wanted);
    const b = i32x4.eq(v128.load(from, 16), wanted);
    const c = i32x4.eq(v128.load(from, 32), wanted);
    const d = i32x4.eq(v128.load(from, 48), wanted);
    if (!v128.any_true(v128.or(v128.or(a, b), v128.or(c, d)))) continue;
    const low = i32x4.bitmask(a) | (i32x4.bitmask(b) << 4);
    return i + ctz<i32>(low | (i32x4.bitmask(c) << 8) | (i32x4.bitmask(d) << 12));
  }
  for (; i < size; i += 4) {
    const mask = i32x4.bitmask(i32x4.eq(v128.load(rows + ((<usize>i) << 2)), wanted));
    if (mask === 0) continue;
    // Behind the last entry stands anything.
    const entry = i + ctz<i32>(mask);
    return entry < size ? entry : -1;
  }
  return -1;
}

function capacityOf(ofClass: i32): i32 {
  if (ofClass === 0) return 4;
  return (ofClass & 1) === 1 ? 8 << ((ofClass - 1) >> 1) : 12 << ((ofClass - 2) >> 1);
}

function classOf(capacity: i32): i32 {
  let ofClass = 0;
  while (capacityOf(ofClass) < capacity) ofClass++;
  return ofClass;
}

/** An empty list of a class, or 0 where there is no room. */
function allocate(header: usize, ofClass: i32): usize {
  const free = header + FREE + ((<usize>ofClass) << 2);
  let at = (<usize>load<u32>(free)) << 2;
  const capacity = capacityOf(ofClass);
  if (at === 0) {
    const start = load<u32>(header + END);
    const end = start + 4 + 2 * <u32>capacity;
    if (end > load<u32>(header + LIMIT)) return 0;
    store<u32>(header + END, end);
    at = (<usize>start) << 2;
  } else {
    store<u32>(free, load<u32>(at));
  }
  store<u32>(at, 0);
  store<u32>(at, 0, 8);
  store<i32>(at, capacity, 12);
  return at;
}

/** Moves a full list of a row to a larger place; 0 where there is none. */
function move(header: usize, row: u32, at: usize): usize {
  const capacity = load<i32>(at, 12);
  const ofClass = classOf(capacity);
  const to = allocate(header, ofClass + 1);
  if (to === 0) return 0;
  const bytes = (<usize>load<i32>(at, 8)) << 2;
  store<u32>(to, load<u32>(at));
  store<u32>(to, load<u32>(at, 4), 4);
  store<u32>(to, load<u32>(at, 8), 8);
  memory.copy(to + HEAD, at + HEAD, bytes);
  const counts = to + HEAD + ((<usize>load<i32>(to, 12)) << 2);
  memory.copy(counts, at + HEAD + ((<usize>capacity) << 2), bytes);
  const place = <u32>(at >> 2);
  let link = ((<usize>load<u32>(header + RECORDS)) << 2) + ((<usize>row) << 4);
  while (load<u32>(link) !== place) link = (<usize>load<u32>(link)) << 2;
  store<u32>(link, <u32>(to >> 2));
  const free = header + FREE + ((<usize>ofClass) << 2);
  store<u32>(at, load<u32>(free));
  store<u32>(free, place);
  return to;
}

/**
 * Adds n counts: by pair from, to, domain of `to`, count. All rows have records. Returns how many were
 * added before there was no room for the next, of which nothing is changed then.
 */
export function addPairs(header: usize, pairs: usize, n: i32): i32 {
  for (let i = 0; i < n; i++) {
    const from = load<u32>(pairs);
    const to = load<i32>(pairs, 4);
    const domain = load<i32>(pairs, 8);
    const count = load<i32>(pairs, 12);
    pairs += 16;
    if (count === 0) continue;
    const records = (<usize>load<u32>(header + RECORDS)) << 2;
    const named = records + ((<usize>to) << 4);
    let at = list(header, from, domain);
    if (at === 0) {
      at = allocate(header, 0);
      if (at === 0) return i;
      let link = records + ((<usize>from) << 4);
      while (load<u32>(link) !== 0) link = (<usize>load<u32>(link)) << 2;
      store<u32>(link, <u32>(at >> 2));
      store<i32>(at, domain, 4);
    }
    const entry = find(at, to);
    if (entry < 0) {
      const size = load<i32>(at, 8);
      if (size === load<i32>(at, 12)) {
        at = move(header, from, at);
        if (at === 0) return i;
      }
      const place = at + HEAD + ((<usize>size) << 2);
      store<i32>(place, to);
      store<i32>(place + ((<usize>load<i32>(at, 12)) << 2), count);
      store<i32>(at, size + 1, 8);
      store<i32>(named, load<i32>(named, 4) + 1, 4);
      continue;
    }
    const rows = at + HEAD;
    const counts = rows + ((<usize>load<i32>(at, 12)) << 2);
    const place = (<usize>entry) << 2;
    const sum = load<i32>(counts + place) + count;
    store<i32>(counts + place, sum);
    if (sum !== 0) continue;
    const size = load<i32>(at, 8) - 1;
    const last = (<usize>size) << 2;
    store<i32>(at, size, 8);
    store<i32>(rows + place, load<i32>(rows + last));
    store<i32>(counts + place, load<i32>(counts + last));
    store<i32>(named, load<i32>(named, 4) - 1, 4);
  }
  return n;
}

/**
 * Writes the rows, of n with records, that have a list of more than `most` entries to `out`; returns how
 * many they are.
 */
export function longLists(header: usize, rows: usize, n: i32, most: i32, out: usize): i32 {
  const records = (<usize>load<u32>(header + RECORDS)) << 2;
  let found: usize = 0;
  for (let i: usize = 0; i < (<usize>n) << 2; i += 4) {
    const row = load<u32>(rows + i);
    let long = false;
    let at = (<usize>load<u32>(records + ((<usize>row) << 4))) << 2;
    while (at !== 0) {
      if (load<i32>(at, 8) > most) long = true;
      at = (<usize>load<u32>(at)) << 2;
    }
    store<u32>(out + (found << 2), row);
    found += usize(long);
  }
  return <i32>found;
}

/**
 * The first step of a walk: adds each · count of what stands in the lists of n starts (row, none, each
 * as f64) in a domain to the first of a row's two masses, and each · Σ count to the f64 at `sums`.
 * Writes rows that had no mass to `rows`, from `length` on; returns the new length.
 */
export function walkOne(
  header: usize,
  starts: usize,
  n: i32,
  domain: i32,
  masses: usize,
  rows: usize,
  length: i32,
  sums: usize,
): i32 {
  let total = load<f64>(sums);
  lookUp(header, starts, n, domain);
  for (let s = 0; s < n; s++) {
    const at = load<usize>(starts, 4);
    const each = load<f64>(starts, 8);
    starts += 16;
    if (at === 0) continue;
    const size = (<usize>load<i32>(at, 8)) << 2;
    const from = at + HEAD;
    const counts = from + ((<usize>load<i32>(at, 12)) << 2);
    let sum: i64 = 0;
    for (let i: usize = 0; i < size; i += 4) {
      const count = load<i32>(counts + i);
      if (count < 1) continue;
      const row = load<u32>(from + i);
      const mass = masses + ((<usize>row) << 4);
      const before = load<f64>(mass);
      store<u32>(rows + ((<usize>length) << 2), row);
      length += i32(before === 0);
      store<f64>(mass, before + <f64>count * each);
      sum += count;
    }
    total += <f64>sum * each;
  }
  store<f64>(sums, total);
  return length;
}

/**
 * Finds bridges: as walkOne, for the f64 of each row in `start`, and the lists in the start's own
 * domain (its second word, -1: none) beside those in the target.
 */
export function walkStart(
  header: usize,
  starts: usize,
  n: i32,
  domain: i32,
  start: usize,
  bridges: usize,
  length: i32,
): i32 {
  for (let s = 0; s < n; s++) {
    const row = load<u32>(starts);
    const own = load<i32>(starts, 4);
    const each = load<f64>(starts, 8);
    starts += 16;
    length = addStart(list(header, row, domain), each, start, bridges, length);
    if (own >= 0) length = addStart(list(header, row, own), each, start, bridges, length);
  }
  return length;
}

function addStart(at: usize, each: f64, start: usize, bridges: usize, length: i32): i32 {
  if (at === 0) return length;
  const size = (<usize>load<i32>(at, 8)) << 2;
  const from = at + HEAD;
  const counts = from + ((<usize>load<i32>(at, 12)) << 2);
  for (let i: usize = 0; i < size; i += 4) {
    const count = load<i32>(counts + i);
    if (count < 1) continue;
    const row = load<u32>(from + i);
    const mass = start + ((<usize>row) << 3);
    const before = load<f64>(mass);
    store<u32>(bridges + ((<usize>length) << 2), row);
    length += i32(before === 0);
    store<f64>(mass, before + <f64>count * each);
  }
  return length;
}

/**
 * The second step: as walkOne, for the second masses, of parts rounded to 2^-30. Where lists have more entries than the
 * table has rows (`size`), those with mass are looked for at the end, in order: noting them takes half the time.
 */
export function walkTwo(
  header: usize,
  starts: usize,
  n: i32,
  domain: i32,
  masses: usize,
  rows: usize,
  length: i32,
  sums: usize,
  size: i32,
): i32 {
  const entries = lookUp(header, starts, n, domain);
  if (entries > size) {
    let total = f64x2.splat(0);
    for (let s = 0; s < n; s++) {
      const at = load<usize>(starts, 4);
      if (at !== 0) total = f64x2.add(total, pour(at, load<f64>(starts, 8), masses));
      starts += 16;
    }
    store<f64>(sums, f64x2.extract_lane(total, 0) + f64x2.extract_lane(total, 1));
    return withMass(masses, rows, size);
  }
  let total = load<f64>(sums);
  for (let s = 0; s < n; s++) {
    const at = load<usize>(starts, 4);
    const each = load<f64>(starts, 8);
    starts += 16;
    if (at === 0) continue;
    const end = (<usize>load<i32>(at, 8)) << 2;
    const from = at + HEAD;
    const counts = from + ((<usize>load<i32>(at, 12)) << 2);
    for (let i: usize = 0; i < end; i += 4) {
      const count = load<i32>(counts + i);
      const part = <f64>count * each + ROUND - ROUND;
      if (!(part > 0)) continue;
      const row = load<u32>(from + i);
      const mass = masses + ((<usize>row) << 4);
      const one = load<f64>(mass);
      const two = load<f64>(mass, 8);
      store<u32>(rows + ((<usize>length) << 2), row);
      length += i32(one + two === 0);
      store<f64>(mass, two + part, 8);
      total += part;
    }
  }
  store<f64>(sums, total);
  return length;
}

/** Adds the parts of a list to the second masses; returns their sums, of every other entry each: both are exact. */
function pour(at: usize, each: f64, masses: usize): v128 {
  const end = (<usize>load<i32>(at, 8)) << 2;
  const from = at + HEAD;
  const counts = from + ((<usize>load<i32>(at, 12)) << 2);
  const zero = f64x2.splat(0);
  const round = f64x2.splat(ROUND);
  const both = f64x2.splat(each);
  let total = zero;
  let i: usize = 0;
  for (; i + 8 <= end; i += 8) {
    const exact = f64x2.mul(f64x2.convert_low_i32x4_s(v128.load64_zero(counts + i)), both);
    const parts = f64x2.pmax(f64x2.sub(f64x2.add(exact, round), round), zero);
    total = f64x2.add(total, parts);
    const first = masses + ((<usize>load<u32>(from + i)) << 4);
    store<f64>(first, load<f64>(first, 8) + f64x2.extract_lane(parts, 0), 8);
    const second = masses + ((<usize>load<u32>(from + i, 4)) << 4);
    store<f64>(second, load<f64>(second, 8) + f64x2.extract_lane(parts, 1), 8);
  }
  if (i === end) return total;
  const part = <f64>load<i32>(counts + i) * each + ROUND - ROUND;
  if (!(part > 0)) return total;
  const last = masses + ((<usize>load<u32>(from + i)) << 4);
  store<f64>(last, load<f64>(last, 8) + part, 8);
  return f64x2.add(total, f64x2.replace_lane(zero, 0, part));
}

/** Writes the rows of 0 .. size - 1 that have mass to `rows`; returns how many they are. */
function withMass(masses: usize, rows: usize, size: i32): i32 {
  let length = 0;
  for (let row = 0; row < size; row++) {
    store<i32>(rows + ((<usize>length) << 2), row);
    length += i32(load<f64>(masses) + load<f64>(masses, 8) !== 0);
    masses += 16;
  }
  return length;
}

/**
 * Writes each · count of what stands in the list of start i of n in a domain to parts[(k - 1) n + i] (f64),
 * for rows whose mark (i32 by row) is k, where that is not 0.
 */
export function walkParts(
  header: usize,
  starts: usize,
  n: i32,
  domain: i32,
  marks: usize,
  parts: usize,
): void {
  lookUp(header, starts, n, domain);
  for (let s = 0; s < n; s++) {
    const at = load<usize>(starts, 4);
    const each = load<f64>(starts, 8);
    starts += 16;
    if (at === 0) continue;
    const size = (<usize>load<i32>(at, 8)) << 2;
    const from = at + HEAD;
    const counts = from + ((<usize>load<i32>(at, 12)) << 2);
    for (let i: usize = 0; i < size; i += 4) {
      const mark = load<i32>(marks + ((<usize>load<u32>(from + i)) << 2));
      if (mark === 0) continue;
      const count = max(load<i32>(counts + i), 0);
      store<f64>(parts + ((<usize>((mark - 1) * n + s)) << 3), <f64>count * each);
    }
  }
}

/** Rows that a search finds at the most: MOST_FOUND of ../../wide/words.ts. */
const MOST_FOUND: i32 = 32;

/**
 * Looks through the rows reached, from number `from` on, for those whose score may come up to `bar`;
 * see ScoreBound in ../../wide/words.ts. By row, `facts` has the f32 of its bias, of log(1 + count), |v|
 * and 1 / √count. Writes how many were found to `found`, and the rows behind it; to `added`, what of each bound (f64) is
 * the walk's. Returns the number of the row with which to go on.
 */
export function walkReaching(
  masses: usize,
  cosines: usize,
  rows: usize,
  from: i32,
  length: i32,
  facts: usize,
  found: usize,
  added: usize,
  popularity: f64,
  bias: f64,
  reach: f64,
  saturation: f64,
  lift: f64,
  perOne: f64,
  walk: f64,
  perTwo: f64,
  cosine: f64,
  perCosine: f64,
  discount: f64,
  perDiscount: f64,
  bar: f64,
): i32 {
  let count = 0;
  let i = from;
  for (; i < length && count < MOST_FOUND; i++) {
    const row = load<u32>(rows + ((<usize>i) << 2));
    const mass = masses + ((<usize>row) << 4);
    const fact = facts + ((<usize>row) << 4);
    const one = load<f64>(mass);
    const both = one + load<f64>(mass, 8);
    let walked = lift * log1pAtMost(perOne * one) + walk * log1pAtMost(perTwo * both);
    if (cosine !== 0) {
      const sum = load<f64>(cosines + ((<usize>row) << 3));
      const most = log1pAtMost(perCosine * sum * <f64>load<f32>(fact, 12));
      walked += (cosine * most * most) / (1 + most);
    }
    if (discount !== 0) {
      walked = max(0, walked - discount * log1pAtLeast(perDiscount * one));
    }
    const deep = reach * <f64>load<f32>(fact, 8);
    const dense =
      bias * <f64>load<f32>(fact) +
      popularity * <f64>load<f32>(fact, 4) +
      deep / (1 + saturation * deep);
    if (dense + walked < bar) continue;
    store<f64>(added + ((<usize>count) << 3), walked);
    count++;
    store<u32>(found + ((<usize>count) << 2), row);
  }
  store<i32>(found, count);
  return i;
}

/** How far log1pAtMost is above at the most: as in ../../wide/walk-room.ts. */
const LOG1P_SPREAD: f64 = 0.06;

/** No less than log(1 + x): as in ../../wide/walk-room.ts, with 0 for 0. */
function log1pAtMost(x: f64): f64 {
  const high = <i32>(reinterpret<u64>(1 + x) >> 32);
  const most = (<f64>(high - 0x3fefffff) * (1.0 / 1048576.0) + 0.08608) * Math.LN2;
  return x === 0 ? 0 : most;
}

/** No more than log(1 + x). */
function log1pAtLeast(x: f64): f64 {
  return max(0, log1pAtMost(x) - LOG1P_SPREAD);
}

/** Sets the masses of the rows and the f64 of the bridges to zero. */
export function walkClear(
  masses: usize,
  rows: usize,
  length: i32,
  start: usize,
  bridges: usize,
  count: i32,
): void {
  const zero = f64x2.splat(0);
  for (let i: usize = 0; i < (<usize>length) << 2; i += 4) {
    v128.store(masses + ((<usize>load<u32>(rows + i)) << 4), zero);
  }
  for (let i: usize = 0; i < (<usize>count) << 2; i += 4) {
    store<f64>(start + ((<usize>load<u32>(bridges + i)) << 3), 0);
  }
}
