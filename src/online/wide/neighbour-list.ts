const NO_INDEX = new Int32Array(0);
/** Entries that a new list has room for. */
const FIRST_ROOM = 4;
/** A longer list is searched by its index, a shorter one from end to end: that is all in few lines of cache. */
const SHORT = 64;

/** Entries of a list, dense: rows[i] was seen counts[i] times beside the item. */
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

/**
 * The neighbours of one item in one domain, with their counts: entries that lie side by side, so that
 * reading them all is cheap, and an index of them (open addressing, linear probing, at most half full).
 * An entry whose count comes to 0 is gone; one below 0 stays (it waits for a delta that is still to
 * come) and is never scored.
 *
 * Where an entry lies depends on the order in which entries came, so nothing may be decided by it.
 */
export class NeighbourList {
  /** Index of the neighbours' domain. */
  readonly domain: number;
  /** (capacity, 2): row and count of the first `size` entries. Read only. */
  entries: Int32Array;
  /** Entries, those below 0 among them. */
  size = 0;
  /** Number of an entry + 1, or 0 for a free place; empty where the list is short. */
  private index = NO_INDEX;

  constructor(domain: number, entries = new Int32Array(FIRST_ROOM * 2)) {
    this.domain = domain;
    this.entries = entries;
  }

  clone(): NeighbourList {
    const copy = new NeighbourList(this.domain, this.entries.slice());
    copy.size = this.size;
    if (this.index.length > 0) copy.index = this.index.slice();
    return copy;
  }

  /** Bytes of entries and index. */
  get bytes(): number {
    return this.entries.byteLength + this.index.byteLength;
  }

  get(row: number): number {
    const entry = this.find(row);
    return entry < 0 ? 0 : this.entries[entry * 2 + 1]!;
  }

  /** Adds to a count; returns by how many the entries grew: 1, 0 or -1. */
  add(row: number, count: number): -1 | 0 | 1 {
    if (count === 0) return 0;
    const entry = this.find(row);
    if (entry < 0) {
      this.append(row, count);
      return 1;
    }
    const sum = this.entries[entry * 2 + 1]! + count;
    this.entries[entry * 2 + 1] = sum;
    if (sum !== 0) return 0;
    this.remove(entry);
    return -1;
  }

  /**
   * What has to go for the list to be down to `limit`: all but the largest counts, of equal ones those
   * with the smaller hash, then key; none below 1. In no order that means anything. `salt` shuffles
   * the ties.
   */
  excess(limit: number, order: RowOrder, salt: number): Entries {
    const { entries, size } = this;
    const isBest = this.divide(limit, order, salt);
    const rows = new Int32Array(size);
    const counts = new Int32Array(size);
    let n = 0;
    for (let entry = 0; entry < size; entry++) {
      const count = entries[entry * 2 + 1]!;
      if (count < 1 || isBest[entry] === 1) continue;
      rows[n] = entries[entry * 2]!;
      counts[n++] = count;
    }
    return { rows: rows.subarray(0, n), counts: counts.subarray(0, n) };
  }

  /** 1 for each entry that is among the `limit` largest. */
  private divide(limit: number, order: RowOrder, salt: number): Uint8Array {
    const { entries, size } = this;
    const isBest = new Uint8Array(size);
    if (limit < 1) return isBest;
    if (size <= limit) return isBest.fill(1);
    // Smaller is better: by count, then by hash.
    const ranks = new Float64Array(size);
    for (let entry = 0; entry < size; entry++) {
      const hash = mixed(order.hash(entries[entry * 2]!), salt);
      ranks[entry] = hash - entries[entry * 2 + 1]! * 2 ** 32;
    }
    const sorted = ranks.slice().sort();
    const last = sorted[limit - 1]!;
    for (let entry = 0; entry < size; entry++) if (ranks[entry]! <= last) isBest[entry] = 1;
    if (sorted[limit] === last) this.divideTied(isBest, ranks, last, limit, order);
    return isBest;
  }

  /** Two or more of one count and hash at the end of the best: their keys decide. */
  private divideTied(
    isBest: Uint8Array,
    ranks: Float64Array,
    last: number,
    limit: number,
    order: RowOrder,
  ): void {
    const tied: number[] = [];
    let room = limit;
    for (const [entry, rank] of ranks.entries()) {
      if (rank < last) room--;
      else if (rank === last) tied.push(entry);
    }
    const keyOf = (entry: number): string => order.key(this.entries[entry * 2]!);
    tied.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
    for (const entry of tied.slice(room)) isBest[entry] = 0;
  }

  /** The number of the row's entry, or -1. */
  private find(row: number): number {
    const { entries, index } = this;
    if (index.length === 0) {
      for (let entry = 0; entry < this.size; entry++) if (entries[entry * 2] === row) return entry;
      return -1;
    }
    return index[this.place(row)]! - 1;
  }

  /** Where in the index the row's entry is named, or the free place where it would be. */
  private place(row: number): number {
    const { entries, index } = this;
    const mask = index.length - 1;
    let at = scatter(row) & mask;
    while (index[at] !== 0 && entries[index[at]! * 2 - 2] !== row) at = (at + 1) & mask;
    return at;
  }

  private append(row: number, count: number): void {
    if (this.size * 2 === this.entries.length) this.grow();
    const entry = this.size++;
    this.entries[entry * 2] = row;
    this.entries[entry * 2 + 1] = count;
    if (this.index.length > 0) this.index[this.place(row)] = entry + 1;
  }

  private grow(): void {
    const entries = new Int32Array(this.entries.length * 2);
    entries.set(this.entries);
    this.entries = entries;
    const room = entries.length / 2;
    if (room <= SHORT) return;
    this.index = new Int32Array(room * 2);
    for (let entry = 0; entry < this.size; entry++) {
      this.index[this.place(entries[entry * 2]!)] = entry + 1;
    }
  }

  /** The last entry takes the place of the one that goes. */
  private remove(entry: number): void {
    const { entries } = this;
    if (this.index.length > 0) this.free(this.place(entries[entry * 2]!));
    const last = --this.size;
    if (last === entry) return;
    if (this.index.length > 0) this.index[this.place(entries[last * 2]!)] = entry + 1;
    entries[entry * 2] = entries[last * 2]!;
    entries[entry * 2 + 1] = entries[last * 2 + 1]!;
  }

  /** Frees a place, and moves up what was pushed past it (Knuth, The Art of Computer Programming 3, 6.4 R). */
  private free(from: number): void {
    const { entries, index } = this;
    const mask = index.length - 1;
    let hole = from;
    for (let at = (hole + 1) & mask; index[at] !== 0; at = (at + 1) & mask) {
      const home = scatter(entries[index[at]! * 2 - 2]!) & mask;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      index[hole] = index[at]!;
      hole = at;
    }
    index[hole] = 0;
  }
}

function scatter(row: number): number {
  const mixedRow = Math.imul(row, 0x9e3779b1);
  return mixedRow ^ (mixedRow >>> 15);
}

/** A hash in another order for each salt, below 2^32. */
function mixed(hash: number, salt: number): number {
  const product = Math.imul(hash ^ salt, 0x85ebca6b);
  return (product ^ (product >>> 13)) >>> 0;
}
