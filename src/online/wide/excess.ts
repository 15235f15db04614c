import { kthLargest } from './select.js';

/** Entries of a list: rows[i] was seen counts[i] times beside the item. */
export interface Entries {
  readonly rows: Int32Array;
  readonly counts: Int32Array;
}

/** With the hash of each row. */
export interface HashedEntries extends Entries {
  readonly hashes: Float64Array;
}

/** How ties are broken, so that what is chosen does not depend on where an entry lies. */
export interface RowOrder {
  /** A whole number below 2^32 that depends on the row's key alone. */
  hash(row: number): number;
  key(row: number): string;
}

/** Kept from call to call. */
let hashes = new Float64Array(256);
let ranks = new Float64Array(256);
let selected = new Float64Array(256);

/**
 * What has to go for a list to be down to `limit`: all but the largest counts, of equal ones those
 * with the smaller hash, then key; none below 1. In no order that means anything. `salt` shuffles the
 * ties.
 */
export function excessOf(
  { rows, counts }: Entries,
  limit: number,
  order: RowOrder,
  salt: number,
): HashedEntries {
  const size = rows.length;
  const most = Math.max(0, size - limit);
  const gone = {
    rows: new Int32Array(most),
    counts: new Int32Array(most),
    hashes: new Float64Array(most),
  };
  if (most === 0) return gone;
  if (ranks.length < size) {
    hashes = new Float64Array(size * 2);
    ranks = new Float64Array(size * 2);
    selected = new Float64Array(size * 2);
  }
  // Larger is better: by count, then by the hash turned round.
  for (let i = 0; i < size; i++) {
    const hash = order.hash(rows[i]!);
    hashes[i] = hash;
    ranks[i] = selected[i] = counts[i]! * 2 ** 32 - mixed(hash, salt);
  }
  const last = limit < 1 ? Number.POSITIVE_INFINITY : kthLargest(selected, size, limit);
  let best = 0;
  for (let i = 0; i < size; i++) if (ranks[i]! >= last) best++;
  const out = best > limit ? worstOfTied(rows, last, best - limit, order) : null;
  let n = 0;
  for (let i = 0; i < size; i++) {
    if (counts[i]! < 1) continue;
    if (ranks[i]! > last || (ranks[i] === last && !out?.has(rows[i]!))) continue;
    gone.rows[n] = rows[i]!;
    gone.hashes[n] = hashes[i]!;
    gone.counts[n++] = counts[i]!;
  }
  return {
    rows: gone.rows.subarray(0, n),
    counts: gone.counts.subarray(0, n),
    hashes: gone.hashes.subarray(0, n),
  };
}

/** Two or more of one count and hash at the end of the best: the last `many` by key have to go. */
function worstOfTied(rows: Int32Array, last: number, many: number, order: RowOrder): Set<number> {
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
