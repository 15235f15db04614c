/** Slots of a new list. A power of two. */
const FIRST_SLOTS = 4;

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
 * The neighbours of one item in one domain, with their counts: a table with open addressing and linear
 * probing, grown at three quarters. An entry whose count comes to 0 is gone; one below 0 stays (it
 * waits for a delta that is still to come) and is never scored.
 *
 * Where an entry lies depends on the order in which entries came, so nothing may be decided by it.
 */
export class NeighbourList {
  /** Index of the neighbours' domain. */
  readonly domain: number;
  /** (capacity, 2): row + 1, or 0 for a free slot; count. */
  slots: Int32Array;
  /** Entries, those below 0 among them. */
  size = 0;
  private bestOf = -1;
  private bestEntries: Entries | null = null;

  constructor(domain: number, slots = new Int32Array(FIRST_SLOTS * 2)) {
    this.domain = domain;
    this.slots = slots;
  }

  clone(): NeighbourList {
    const copy = new NeighbourList(this.domain, this.slots.slice());
    copy.size = this.size;
    copy.bestOf = this.bestOf;
    copy.bestEntries = this.bestEntries;
    return copy;
  }

  get(row: number): number {
    const at = this.find(row);
    return this.slots[at] === 0 ? 0 : this.slots[at + 1]!;
  }

  /** Adds to a count; returns by how many the entries grew: 1, 0 or -1. */
  add(row: number, count: number): -1 | 0 | 1 {
    if (count === 0) return 0;
    this.bestEntries = null;
    let at = this.find(row);
    const { slots } = this;
    if (slots[at] !== 0) {
      const sum = slots[at + 1]! + count;
      slots[at + 1] = sum;
      if (sum !== 0) return 0;
      this.remove(at);
      return -1;
    }
    if ((this.size + 1) * 8 > slots.length * 3) {
      this.grow();
      at = this.find(row);
    }
    this.slots[at] = row + 1;
    this.slots[at + 1] = count;
    this.size++;
    return 1;
  }

  /**
   * The largest counts, at most `limit` of them, none below 1; of equal ones those with the smaller
   * hash, then key. In no order that means anything. Kept until the list changes.
   */
  best(limit: number, order: RowOrder): Entries {
    if (this.bestEntries !== null && this.bestOf === limit) return this.bestEntries;
    this.bestEntries = this.chosen(this.divide(limit, order, 0), true);
    this.bestOf = limit;
    return this.bestEntries;
  }

  /** The others: what has to go for the list to be down to `limit`. `salt` shuffles the ties. */
  excess(limit: number, order: RowOrder, salt: number): Entries {
    return this.chosen(this.divide(limit, order, salt), false);
  }

  private chosen(isBest: (row: number, count: number) => boolean, wanted: boolean): Entries {
    const { slots } = this;
    const rows = new Int32Array(this.size);
    const counts = new Int32Array(this.size);
    let n = 0;
    for (let at = 0; at < slots.length; at += 2) {
      const row = slots[at]! - 1;
      const count = slots[at + 1]!;
      if (row < 0 || count < 1 || isBest(row, count) !== wanted) continue;
      rows[n] = row;
      counts[n++] = count;
    }
    return { rows: rows.subarray(0, n), counts: counts.subarray(0, n) };
  }

  /** Says of an entry whether it is among the `limit` largest. */
  private divide(
    limit: number,
    order: RowOrder,
    salt: number,
  ): (row: number, count: number) => boolean {
    if (this.size <= limit) return () => true;
    if (limit < 1) return () => false;
    const least = this.leastCount(limit);
    let above = 0;
    const tied: number[] = [];
    const { slots } = this;
    for (let at = 0; at < slots.length; at += 2) {
      if (slots[at] === 0 || slots[at + 1]! < least) continue;
      if (slots[at + 1]! > least) above++;
      else tied.push(slots[at]! - 1);
    }
    const room = limit - above;
    if (tied.length <= room) return (_, count) => count >= least;
    const hashes = Float64Array.from(tied, (row) => mixed(order.hash(row), salt)).sort();
    const last = hashes[room - 1] ?? -1;
    if (hashes[room] !== last) {
      return (row, count) =>
        count > least || (count === least && mixed(order.hash(row), salt) <= last);
    }
    // Two keys of one hash, or no room: the keys decide.
    const sorted = tied.sort((a, b) => {
      const difference = mixed(order.hash(a), salt) - mixed(order.hash(b), salt);
      return difference !== 0 ? difference : order.key(a) < order.key(b) ? -1 : 1;
    });
    const kept = new Set(sorted.slice(0, room));
    return (row, count) => count > least || (count === least && kept.has(row));
  }

  /** The smallest count, at least 1, of the `limit` largest. */
  private leastCount(limit: number): number {
    const { slots } = this;
    const counts = new Int32Array(this.size);
    let n = 0;
    for (let at = 0; at < slots.length; at += 2) {
      if (slots[at] !== 0) counts[n++] = slots[at + 1]!;
    }
    counts.sort();
    return Math.max(1, counts[n - limit]!);
  }

  /** Where the row's entry is, or the free slot that it would take. */
  private find(row: number): number {
    const { slots } = this;
    const mask = slots.length - 1;
    let at = (scatter(row) << 1) & mask;
    while (slots[at] !== 0 && slots[at] !== row + 1) at = (at + 2) & mask;
    return at;
  }

  private grow(): void {
    const old = this.slots;
    this.slots = new Int32Array(old.length * 2);
    for (let at = 0; at < old.length; at += 2) {
      if (old[at] === 0) continue;
      const to = this.find(old[at]! - 1);
      this.slots[to] = old[at]!;
      this.slots[to + 1] = old[at + 1]!;
    }
  }

  /** Frees a slot, and moves up what was pushed past it (Knuth, The Art of Computer Programming 3, 6.4 R). */
  private remove(from: number): void {
    const { slots } = this;
    const mask = slots.length - 1;
    let hole = from;
    for (let at = (hole + 2) & mask; slots[at] !== 0; at = (at + 2) & mask) {
      const home = (scatter(slots[at]! - 1) << 1) & mask;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      slots[hole] = slots[at]!;
      slots[hole + 1] = slots[at + 1]!;
      hole = at;
    }
    slots[hole] = 0;
    slots[hole + 1] = 0;
    this.size--;
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
