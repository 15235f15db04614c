import type { Arena } from './arena.js';
import type { RoomAddresses } from './words.js';

/** Rounds to a multiple of 2^-30 by addition, below 2^21: such numbers add up exactly, in any order. */
const ROUND = 1.5 * 2 ** 22;

/**
 * What walks keep, in the memory of the lists that they lead over, so that kernels can do the steps;
 * the loops here are their oracle. It holds what the last walk found until the next one begins.
 *
 * By row, as doubles: two masses (of the first and the second step) side by side, and what a second
 * step sets out from. Lists of rows that have any. A *start* is an item from which a step leads on:
 * its row, a domain of its own or -1, and what each of its counts weighs.
 */
export class WalkRoom implements RoomAddresses {
  masses = 0;
  start = 0;
  rows = 0;
  bridges = 0;
  starts = 0;
  sums: number;
  /** Rows reached: `length` of them from the address `rows` on. */
  length = 0;
  /** Rows that a second step may set out from, likewise. */
  bridgeCount = 0;
  private readonly arena: Arena;
  private capacity = 0;
  private mostStarts = 0;
  private startCount = 0;

  constructor(arena: Arena) {
    this.arena = arena;
    this.sums = arena.take(4);
  }

  /** After the arena was cleared: all that was taken from it is gone. */
  forget(): void {
    this.capacity = 0;
    this.mostStarts = 0;
    this.length = 0;
    this.bridgeCount = 0;
    this.sums = this.arena.take(4);
  }

  get words(): Int32Array {
    return this.arena.memory.words;
  }

  get doubles(): Float64Array {
    return this.arena.memory.doubles;
  }

  /** Forgets the last walk, and makes room for a table of so many rows. */
  begin(rows: number): void {
    this.clear();
    this.arena.reserve(rows);
    if (rows <= this.capacity) return;
    // What was taken before stays behind: all of it together is less than what is taken now.
    this.capacity = Math.max(64, rows * 2);
    const { arena, capacity } = this;
    this.masses = arena.take(capacity * 4);
    this.start = arena.take(capacity * 2);
    this.doubles.fill(0, this.masses / 2, this.start / 2 + capacity);
    // One more: a row is written before it is known to be new.
    this.rows = arena.take(capacity + 1);
    this.bridges = arena.take(capacity + 1);
  }

  /** Makes room for so many starts, and has none. */
  beginStarts(most: number): void {
    this.startCount = 0;
    if (most <= this.mostStarts) return;
    this.mostStarts = most * 2;
    this.starts = this.arena.take(this.mostStarts * 4);
  }

  addStartAt(row: number, own: number, each: number): void {
    const at = this.starts + this.startCount++ * 4;
    this.words[at] = row;
    this.words[at + 1] = own;
    this.doubles[at / 2 + 1] = each;
  }

  /** One step from the starts into a domain. Returns Σ p1. */
  stepOne(domain: number): number {
    const { arena, doubles, sums } = this;
    const { kernels } = arena.memory;
    doubles[sums / 2] = 0;
    this.length =
      kernels === null
        ? this.addOne(domain)
        : kernels.addOne(arena.header, this, this.startCount, domain, this.length);
    return doubles[sums / 2]!;
  }

  /** Finds the bridges: what stands beside the starts in the domain, and in those of their own. */
  stepOut(domain: number): void {
    const { arena } = this;
    const { kernels } = arena.memory;
    this.bridgeCount =
      kernels === null
        ? this.addStart(domain)
        : kernels.addStart(arena.header, this, this.startCount, domain, this.bridgeCount);
  }

  /** The second step, from starts that are bridges. Returns Σ p2. */
  stepTwo(domain: number): number {
    const { arena, doubles, sums } = this;
    const { kernels } = arena.memory;
    doubles[sums / 2] = 0;
    this.length =
      kernels === null
        ? this.addTwo(domain)
        : kernels.addTwo(arena.header, this, this.startCount, domain, this.length);
    return doubles[sums / 2]!;
  }

  private clear(): void {
    const { arena, words, doubles, length, bridgeCount } = this;
    const { kernels } = arena.memory;
    if (kernels !== null) kernels.clear(this, length, bridgeCount);
    else {
      for (let i = 0; i < length; i++) {
        const at = this.masses / 2 + words[this.rows + i]! * 2;
        doubles[at] = 0;
        doubles[at + 1] = 0;
      }
      for (let i = 0; i < bridgeCount; i++) {
        doubles[this.start / 2 + words[this.bridges + i]!] = 0;
      }
    }
    this.length = 0;
    this.bridgeCount = 0;
  }

  private addOne(domain: number): number {
    const { words, doubles } = this;
    let { length } = this;
    this.eachList(domain, (rows, counts, size, each) => {
      let sum = 0;
      for (let i = 0; i < size; i++) {
        const count = words[counts + i]!;
        if (count < 1) continue;
        const row = words[rows + i]!;
        const at = this.masses / 2 + row * 2;
        const before = doubles[at]!;
        if (before === 0) words[this.rows + length++] = row;
        doubles[at] = before + count * each;
        sum += count;
      }
      doubles[this.sums / 2]! += sum * each;
    });
    return length;
  }

  private addStart(domain: number): number {
    const { words, doubles } = this;
    let length = this.bridgeCount;
    const add = (rows: number, counts: number, size: number, each: number): void => {
      for (let i = 0; i < size; i++) {
        const count = words[counts + i]!;
        if (count < 1) continue;
        const row = words[rows + i]!;
        const at = this.start / 2 + row;
        const before = doubles[at]!;
        if (before === 0) words[this.bridges + length++] = row;
        doubles[at] = before + count * each;
      }
    };
    this.eachList(domain, add);
    this.eachList(-1, add);
    return length;
  }

  private addTwo(domain: number): number {
    const { words, doubles } = this;
    let { length } = this;
    this.eachList(domain, (rows, counts, size, each) => {
      for (let i = 0; i < size; i++) {
        const part = words[counts + i]! * each + ROUND - ROUND;
        if (!(part > 0)) continue;
        const row = words[rows + i]!;
        const at = this.masses / 2 + row * 2;
        if (doubles[at]! + doubles[at + 1]! === 0) words[this.rows + length++] = row;
        doubles[at + 1]! += part;
        doubles[this.sums / 2]! += part;
      }
    });
    return length;
  }

  /** The lists of the starts in a domain; -1: in their own. */
  private eachList(
    domain: number,
    visit: (rows: number, counts: number, size: number, each: number) => void,
  ): void {
    const { arena, words, doubles } = this;
    for (let s = 0; s < this.startCount; s++) {
      const at = this.starts + s * 4;
      const list = arena.list(words[at]!, domain < 0 ? words[at + 1]! : domain);
      if (list === 0) continue;
      visit(arena.rowsOf(list), arena.countsOf(list), arena.sizeOf(list), doubles[at / 2 + 1]!);
    }
  }
}
