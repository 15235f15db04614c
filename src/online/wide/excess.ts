import { kthLargest, sortHashes } from './select.js';

/** Entries of a list: rows[i] was seen counts[i] times beside the item. */
export interface Entries {
  readonly rows: Int32Array;
  readonly counts: Int32Array;
}

/** How ties are broken, so that what is chosen does not depend on where an entry lies. */
export interface RowOrder {
  /** A whole number below 2^32 that depends on the row's key alone. */
  hash(row: number): number;
  key(row: number): string;
}

/** Kept from call to call, by entry of a list and of what has to go. */
const roomOf = (size: number) => ({
  ranks: new Float64Array(size),
  selected: new Float64Array(size),
  order: new Float64Array(size),
  rows: new Int32Array(size),
  counts: new Int32Array(size),
});
let room = roomOf(256);

/** More than entries of a list: hash · PER_HASH + entry is a whole number that sorts by hash. */
const PER_HASH = 2 ** 20;

/**
 * What has to go for a list to be down to `limit`: all but the largest counts, of equal ones those
 * with the smaller hash, then key; none below 1. By hash: a list's own order means nothing, that of hashes is
 * the same in every replica. `salt` shuffles the ties. Good until the next call.
 */
export function excessOf(
  { rows, counts }: Entries,
  limit: number,
  order: RowOrder,
  salt: number,
): Entries {
  const size = rows.length;
  if (room.ranks.length < size) room = roomOf(size * 2);
  const { ranks, selected, order: byHash } = room;
  if (size <= limit) return entriesOf(room, 0);
  // Larger is better: by count, then by the hash turned round.
  for (let i = 0; i < size; i++) {
    ranks[i] = selected[i] = counts[i]! * 2 ** 32 - mixed(order.hash(rows[i]!), salt);
  }
  const last = limit < 1 ? Number.POSITIVE_INFINITY : kthLargest(selected, size, limit);
  let best = 0;
  for (let i = 0; i < size; i++) if (ranks[i]! >= last) best++;
  const out = best > limit ? worstOfTied(rows, ranks, last, best - limit, order) : null;
  let n = 0;
  for (let i = 0; i < size; i++) {
    if (counts[i]! < 1) continue;
    if (ranks[i]! > last || (ranks[i] === last && !out?.has(rows[i]!))) continue;
    byHash[n++] = order.hash(rows[i]!) * PER_HASH + i;
  }
  sortHashes(byHash, n, 2 ** 32 * PER_HASH);
  for (let k = 0; k < n; k++) {
    const i = byHash[k]! - Math.floor(byHash[k]! / PER_HASH) * PER_HASH;
    room.rows[k] = rows[i]!;
    room.counts[k] = counts[i]!;
  }
  return entriesOf(room, n);
}

function entriesOf({ rows, counts }: Entries, n: number): Entries {
  return { rows: rows.subarray(0, n), counts: counts.subarray(0, n) };
}

/** Two or more of one count and hash at the end of the best: the last `many` by key have to go. */
function worstOfTied(
  rows: Int32Array,
  ranks: Float64Array,
  last: number,
  many: number,
  order: RowOrder,
): Set<number> {
  const tied: number[] = [];
  for (let i = 0; i < rows.length; i++) if (ranks[i] === last) tied.push(rows[i]!);
  tied.sort((a, b) => (order.key(a) < order.key(b) ? -1 : 1));
  return new Set(tied.slice(tied.length - many));
}

/** A hash in another order for each salt, below 2^32. */
function mixed(hash: number, salt: number): number {
  const product = Math.imul(hash ^ salt, 0x85ebca6b);
  return (product ^ (product >>> 13)) >>> 0;
}
