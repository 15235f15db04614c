import type { PairColumns } from '../types.js';
import { Arena } from './arena.js';
import { type Entries, excessOf, type RowOrder } from './excess.js';
import { WalkRoom } from './walk-room.js';
import { PlainWords, type WordKernels, type WordMemory } from './words.js';

export type { Entries } from './excess.js';

/** The rows of places, and the indices of their domains. */
export interface PlacedRows {
  readonly rows: Int32Array;
  readonly domains: Int32Array;
}

/**
 * How often items were seen together: c(i→j) counts events of j by users with i among their newest
 * items, and events of i with j there (see pairs.ts); sums of deltas, so exact and in no order.
 *
 *     neighbours.add(i, j, domainOf(j), 1);
 *     neighbours.get(i, j, domainOf(j)); // 1 more than before
 *
 * An entry below 0 waits for a delta that is still to come and is never scored. Lists are cut down by
 * what is written to the log (counting.ts), so that every replica has the same. Lists are addresses in
 * an arena (arena.ts), good until something is added; where an entry lies in one depends on the order
 * of what was added, so nothing may be decided by it.
 */
export class Neighbours {
  private readonly order: RowOrder;
  private readonly arena: Arena;
  private walkRoom: WalkRoom | null = null;

  constructor(key: (row: number) => string, memory: WordMemory = new PlainWords()) {
    this.order = { key, hash: (row) => this.hash(row) };
    this.arena = new Arena(memory);
  }

  /** Adds to c(from→to); `domain` is the index of `to`'s domain. */
  add(from: number, to: number, domain: number, count: number): void {
    const { arena } = this;
    arena.reserve(Math.max(from, to) + 1);
    const grown = arena.add(from, to, domain, count);
    if (grown !== 0) arena.memory.words[arena.record(to) + 1]! += grown;
  }

  /**
   * Adds to c(from→to) for pairs of places, `sign` times their counts; in this order of theirs, or as
   * they stand.
   */
  addColumns(
    { from, to, counts }: PairColumns,
    { rows, domains }: PlacedRows,
    sign: 1 | -1,
    order: Int32Array | null = null,
  ): void {
    const { arena } = this;
    let last = -1;
    for (let i = 0; i < rows.length; i++) if (rows[i]! > last) last = rows[i]!;
    arena.reserve(last + 1);
    const { kernels } = arena.memory;
    if (kernels === null) {
      for (let i = 0; i < from.length; i++) {
        const other = to[i]!;
        this.add(rows[from[i]!]!, rows[other]!, domains[other]!, sign * counts[i]!);
      }
      return;
    }
    for (let first = 0; first < from.length; first += kernels.most) {
      const n = Math.min(kernels.most, from.length - first);
      const { words } = arena.memory;
      let at = kernels.pairs;
      for (let k = first; k < first + n; k++) {
        const i = order === null ? k : order[k]!;
        const other = to[i]!;
        words[at] = rows[from[i]!]!;
        words[at + 1] = rows[other]!;
        words[at + 2] = domains[other]!;
        words[at + 3] = sign * counts[i]!;
        at += 4;
      }
      this.addStaged(kernels, n);
    }
  }

  get(from: number, to: number, domain: number): number {
    const { arena } = this;
    const list = arena.list(from, domain);
    if (list === 0) return 0;
    const entry = arena.find(list, to);
    return entry < 0 ? 0 : arena.memory.words[arena.countsOf(list) + entry]!;
  }

  /** The list of an item in a domain; 0: none. */
  list(row: number, domain: number): number {
    return this.arena.list(row, domain);
  }

  /** The first list of an item; 0: none. */
  first(row: number): number {
    return this.arena.first(row);
  }

  /** The next list of the same item; 0: none. */
  next(list: number): number {
    return this.arena.next(list);
  }

  /** All lists of an item. */
  listsOf(row: number): number[] {
    const { arena } = this;
    const lists: number[] = [];
    for (let list = arena.first(row); list !== 0; list = arena.next(list)) lists.push(list);
    return lists;
  }

  /** Moves the rows that have a list of more than `most` entries to the front; returns their number. */
  withLongLists(rows: Int32Array, most: number): number {
    const { arena } = this;
    const { kernels } = arena.memory;
    let found = 0;
    if (kernels === null) {
      for (const row of rows) if (this.hasLongList(row, most)) rows[found++] = row;
      return found;
    }
    for (let i = 0; i < rows.length; i++) arena.reserve(rows[i]! + 1);
    const { words } = arena.memory;
    const room = kernels.most * 4;
    for (let from = 0; from < rows.length; from += room) {
      const some = rows.subarray(from, from + room);
      words.set(some, kernels.pairs);
      const long = kernels.longLists(arena.header, some.length, most);
      rows.set(words.subarray(kernels.pairs, kernels.pairs + long), found);
      found += long;
    }
    return found;
  }

  private hasLongList(row: number, most: number): boolean {
    const { arena } = this;
    for (let list = arena.first(row); list !== 0; list = arena.next(list)) {
      if (arena.sizeOf(list) > most) return true;
    }
    return false;
  }

  sizeOf(list: number): number {
    return this.arena.sizeOf(list);
  }

  /** The entries of a list, those below 0 among them. */
  entriesOf(list: number): Entries {
    const { arena } = this;
    const { words } = arena.memory;
    const size = arena.sizeOf(list);
    const rows = arena.rowsOf(list);
    const counts = arena.countsOf(list);
    return {
      rows: words.subarray(rows, rows + size),
      counts: words.subarray(counts, counts + size),
    };
  }

  /** Places of all neighbours of an item, in rising order. */
  othersOf(row: number, places: Int32Array): Int32Array {
    const lists = this.listsOf(row);
    const others = new Int32Array(lists.reduce((sum, list) => sum + this.sizeOf(list), 0));
    let n = 0;
    for (const list of lists)
      for (const other of this.entriesOf(list).rows) others[n++] = places[other]!;
    return others.sort();
  }

  /**
   * What has to leave a list for it to be down to `limit`: all but the largest counts, of equal ones
   * those with the smaller hash, then key, in an order of its own for each row; none below 1.
   */
  excess(row: number, list: number, limit: number): Entries {
    return excessOf(this.entriesOf(list), limit, this.order, this.hash(row));
  }

  /** Whether an item has no neighbours and is nobody's. */
  isFree(row: number): boolean {
    const { arena } = this;
    if (row >= arena.rows) return true;
    if (arena.memory.words[arena.record(row) + 1] !== 0) return false;
    for (let list = arena.first(row); list !== 0; list = arena.next(list)) {
      if (arena.sizeOf(list) > 0) return false;
    }
    return true;
  }

  /** A whole number below 2^32 that depends on the row's key alone. */
  hash(row: number): number {
    const { arena } = this;
    if (row >= arena.rows) arena.reserve(row + 1);
    const at = arena.record(row) + 2;
    const { words } = arena.memory;
    if (words[at] === 0) words[at] = keyHash(this.order.key(row)) || 1;
    return words[at]! >>> 0;
  }

  /** Forgets a row that is free: its number goes to another item. */
  drop(row: number): void {
    this.arena.drop(row);
  }

  clear(): void {
    this.arena.clear();
    this.walkRoom?.forget();
  }

  /** A copy that changes by itself: all is copied, about 0.2 ms a megabyte. */
  fork(): Neighbours {
    const { memory, end } = this.arena;
    const copy = new PlainWords(memory.words.subarray(0, end), memory.start);
    return new Neighbours(this.order.key, copy);
  }

  /** Where walks keep what they find; there is one for all. */
  get room(): WalkRoom {
    this.walkRoom ??= new WalkRoom(this.arena);
    return this.walkRoom;
  }

  /** Adds n pairs that lie where the kernels take them from, growing the memory as often as it takes. */
  private addStaged(kernels: WordKernels, n: number): void {
    const { arena } = this;
    const { pairs } = kernels;
    for (let left = n; left > 0; ) {
      const added = kernels.add(arena.header, left);
      left -= added;
      if (left === 0) return;
      arena.grow();
      const { words } = arena.memory;
      words.copyWithin(pairs, pairs + added * 4, pairs + (added + left) * 4);
    }
  }

  /** Bytes of the lists, of records, and of what walks keep. */
  get bytes(): number {
    return (this.arena.end - this.arena.header) * 4;
  }
}

/** FNV-1a over UTF-16 code units, 32 bits. */
export function keyHash(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  hash ^= hash >>> 15;
  return hash >>> 0;
}
