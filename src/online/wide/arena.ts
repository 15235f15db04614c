import type { WordMemory } from './words.js';

/** Words of a row's record: address of its first list, how many entries name it, hash of its key, none. */
const RECORD = 4;
/** Words before a list's entries: address of the row's next list, domain, entries, capacity. */
const HEAD = 4;
/** Entries that a new list has room for. */
const FIRST_ROOM = 4;

/** Words of the arena's own, from its first on. */
const END = 0;
const LIMIT = 1;
const RECORDS = 2;
const CAPACITY = 3;
/** Addresses of freed lists, by size class. */
const FREE = 4;
const CLASSES = 44;
const HEADER = FREE + CLASSES;

/**
 * Lists of (row, count), of any row by domain, in one piece of memory: what is read together lies
 * together, and nothing of it is an object.
 *
 * A list is a head, the rows of its entries, and behind them their counts, dense, each with room for
 * `capacity` entries; the lists of a row are chained. A list that is full moves to one of the next
 * size, and what it leaves is used again. An entry whose count comes to 0 is gone: the last one takes
 * its place. So where an entry lies depends on the order in which entries came.
 *
 * kernels/assembly/neighbours.ts knows this layout too.
 */
export class Arena {
  readonly memory: WordMemory;
  /** Address of the arena's own words. */
  readonly header: number;

  constructor(memory: WordMemory) {
    this.memory = memory;
    this.header = memory.start;
    memory.reach(this.header + HEADER);
    if (memory.words[this.header + END] === 0) this.clear();
  }

  /** Forgets everything. */
  clear(): void {
    const { memory, header } = this;
    memory.words.fill(0, header, header + HEADER);
    memory.words[header + END] = header + HEADER;
    memory.words[header + LIMIT] = memory.words.length;
  }

  /** Words in use. */
  get end(): number {
    return this.memory.words[this.header + END]!;
  }

  /** Rows that have a record. */
  get rows(): number {
    return this.memory.words[this.header + CAPACITY]!;
  }

  /** Sees to it that rows below this have records. */
  reserve(rows: number): void {
    const before = this.rows;
    if (rows <= before) return;
    const capacity = Math.max(rows, before * 2, 16);
    const records = this.take(capacity * RECORD);
    const { words } = this.memory;
    const old = words[this.header + RECORDS]!;
    words.copyWithin(records, old, old + before * RECORD);
    words.fill(0, records + before * RECORD, records + capacity * RECORD);
    words[this.header + RECORDS] = records;
    words[this.header + CAPACITY] = capacity;
  }

  /** So many words, of any value, for good. */
  take(words: number): number {
    const { memory, header } = this;
    const at = memory.words[header + END]!;
    const end = at + ((words + 3) & ~3);
    if (end > memory.words.length) this.grow(end);
    memory.words[header + END] = end;
    return at;
  }

  /** Makes the memory larger; where nothing else is said, by as much as it grows at least. */
  grow(words = this.memory.words.length + 1): void {
    this.memory.reach(words);
    this.memory.words[this.header + LIMIT] = this.memory.words.length;
  }

  /** Address of a row's record, which must be there. */
  record(row: number): number {
    return this.memory.words[this.header + RECORDS]! + row * RECORD;
  }

  /** Address of the first list of a row; 0: none. */
  first(row: number): number {
    return row < this.rows ? this.memory.words[this.record(row)]! : 0;
  }

  /** Address of the next list of the same row; 0: none. */
  next(list: number): number {
    return this.memory.words[list]!;
  }

  domainOf(list: number): number {
    return this.memory.words[list + 1]!;
  }

  sizeOf(list: number): number {
    return this.memory.words[list + 2]!;
  }

  /** Address of the rows of a list's entries. */
  rowsOf(list: number): number {
    return list + HEAD;
  }

  /** Address of their counts. */
  countsOf(list: number): number {
    return list + HEAD + this.memory.words[list + 3]!;
  }

  /** The list of a row in a domain; 0: none. */
  list(row: number, domain: number): number {
    let list = this.first(row);
    while (list !== 0 && this.domainOf(list) !== domain) list = this.next(list);
    return list;
  }

  /** Number of the entry with that row in a list, or -1. */
  find(list: number, row: number): number {
    const { words } = this.memory;
    const at = this.rowsOf(list);
    const end = at + this.sizeOf(list);
    for (let i = at; i < end; i++) if (words[i] === row) return i - at;
    return -1;
  }

  /** Adds to a count; both rows must have records. Returns by how many the entries grew: 1, 0, -1. */
  add(from: number, to: number, domain: number, count: number): number {
    if (count === 0) return 0;
    const list = this.list(from, domain) || this.begin(from, domain);
    const entry = this.find(list, to);
    if (entry < 0) {
      this.append(from, list, to, count);
      return 1;
    }
    const { words } = this.memory;
    const counts = this.countsOf(list);
    const sum = words[counts + entry]! + count;
    words[counts + entry] = sum;
    if (sum !== 0) return 0;
    const last = this.sizeOf(list) - 1;
    words[list + 2] = last;
    words[list + HEAD + entry] = words[list + HEAD + last]!;
    words[counts + entry] = words[counts + last]!;
    return -1;
  }

  /** Frees the lists of a row and forgets what is in its record. */
  drop(row: number): void {
    if (row >= this.rows) return;
    const { words } = this.memory;
    const record = this.record(row);
    for (let list = words[record]!; list !== 0; ) {
      const next = words[list]!;
      this.free(list);
      list = next;
    }
    words.fill(0, record, record + RECORD);
  }

  private begin(row: number, domain: number): number {
    const list = this.allocate(0);
    const { words } = this.memory;
    let link = this.record(row);
    while (words[link] !== 0) link = words[link]!;
    words[link] = list;
    words[list + 1] = domain;
    return list;
  }

  private append(row: number, list: number, to: number, count: number): void {
    const size = this.sizeOf(list);
    const full = size === this.memory.words[list + 3];
    const at = full ? this.move(row, list) : list;
    const { words } = this.memory;
    words[at + HEAD + size] = to;
    words[this.countsOf(at) + size] = count;
    words[at + 2] = size + 1;
  }

  /** Moves a full list to a larger place. */
  private move(row: number, list: number): number {
    const to = this.allocate(classOf(this.memory.words[list + 3]!) + 1);
    const { words } = this.memory;
    const size = words[list + 2]!;
    words[to] = words[list]!;
    words[to + 1] = words[list + 1]!;
    words[to + 2] = size;
    words.copyWithin(this.rowsOf(to), this.rowsOf(list), this.rowsOf(list) + size);
    words.copyWithin(this.countsOf(to), this.countsOf(list), this.countsOf(list) + size);
    let link = this.record(row);
    while (words[link] !== list) link = words[link]!;
    words[link] = to;
    this.free(list);
    return to;
  }

  private free(list: number): void {
    const { words } = this.memory;
    const free = this.header + FREE + classOf(words[list + 3]!);
    words[list] = words[free]!;
    words[free] = list;
  }

  /** An empty list. */
  private allocate(ofClass: number): number {
    const free = this.header + FREE + ofClass;
    let list = this.memory.words[free]!;
    const capacity = capacityOf(ofClass);
    if (list === 0) list = this.take(HEAD + 2 * capacity);
    else this.memory.words[free] = this.memory.words[list]!;
    const { words } = this.memory;
    words[list] = 0;
    words[list + 2] = 0;
    words[list + 3] = capacity;
    return list;
  }
}

/** Entries that a list of a class has room for: 4, 8, 12, 16, 24, 32, 48, 64, 96 ... */
function capacityOf(ofClass: number): number {
  if (ofClass === 0) return FIRST_ROOM;
  return (ofClass & 1) === 1 ? 8 << ((ofClass - 1) >> 1) : 12 << ((ofClass - 2) >> 1);
}

function classOf(capacity: number): number {
  let ofClass = 0;
  while (capacityOf(ofClass) < capacity) ofClass++;
  return ofClass;
}
