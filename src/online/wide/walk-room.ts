import { saturate } from '../blend/saturate.js';
import type { Arena } from './arena.js';
import { MOST_FOUND, type RoomAddresses, type ScoreBound } from './words.js';

/** Rounds to a multiple of 2^-30 by addition, below 2^21: such numbers add up exactly, in any order. */
const ROUND = 1.5 * 2 ** 22;

/**
 * What walks keep, in the memory of the lists that they lead over, so that kernels can do the steps;
 * the loops here are their oracle. It holds what the last walk found until the next one begins.
 *
 * By row, as doubles: two masses (of the first step, and of those after it) side by side, and what such a
 * step sets out from; the sum of cosines, but for the root of the row's own count; as floats, *facts* of
 * the row that a bound of its score takes: its bias, log(1 + its count), |v|, 1 / √(its count). Lists of rows that have any. A *start* is an item from which a step leads on:
 * its row, a domain of its own or -1, and what each of its counts weighs.
 */
export class WalkRoom implements RoomAddresses {
  size = 0;
  masses = 0;
  cosines = 0;
  start = 0;
  rows = 0;
  bridges = 0;
  starts = 0;
  sums: number;
  facts = 0;
  /** Words by row: 0, but while parts of some rows are looked for. */
  marks = 0;
  /** Of `partsOf`, as doubles. */
  parts = 0;
  /** How many rows the last search found, and the rows behind it. */
  found: number;
  /** By row found, as doubles: no less than what the walk adds to its score. */
  added: number;
  /** Rows reached: `length` of them from the address `rows` on. */
  length = 0;
  /** Rows that the next step may set out from, likewise. */
  bridgeCount = 0;
  /** Whether the last walk has sums of cosines. */
  private hasCosines = false;
  private readonly arena: Arena;
  /** Goes up when the facts are lost. */
  generation = 0;
  private capacity = 0;
  private mostStarts = 0;
  private mostParts = 0;
  private startCount = 0;

  constructor(arena: Arena) {
    this.arena = arena;
    this.sums = arena.take(4);
    this.found = arena.take(1 + MOST_FOUND);
    this.added = arena.take(MOST_FOUND * 2);
  }

  /** After the arena was cleared: all that was taken from it is gone. */
  forget(): void {
    this.capacity = 0;
    this.mostStarts = 0;
    this.mostParts = 0;
    this.length = 0;
    this.bridgeCount = 0;
    this.hasCosines = false;
    this.sums = this.arena.take(4);
    this.found = this.arena.take(1 + MOST_FOUND);
    this.added = this.arena.take(MOST_FOUND * 2);
  }

  get words(): Int32Array {
    return this.arena.memory.words;
  }

  get doubles(): Float64Array {
    return this.arena.memory.doubles;
  }

  get floats(): Float32Array {
    return this.arena.memory.floats;
  }

  /** Forgets the last walk, and makes room for a table of so many rows. */
  begin(rows: number): void {
    this.clear();
    this.reserve(rows);
    this.size = rows;
  }

  /** Makes room for a table of so many rows. Where it had to grow, the last walk and the facts are lost. */
  reserve(rows: number): void {
    this.arena.reserve(rows);
    if (rows <= this.capacity) return;
    this.clear();
    // What was taken before stays behind: all of it together is less than what is taken now.
    this.capacity = Math.max(64, rows * 2);
    const { arena, capacity } = this;
    this.masses = arena.take(capacity * 4);
    this.start = arena.take(capacity * 2);
    this.cosines = arena.take(capacity * 2);
    this.doubles.fill(0, this.masses / 2, this.cosines / 2 + capacity);
    // One more: a row is written before it is known to be new.
    this.facts = arena.take(capacity * 4);
    this.floats.fill(Number.NEGATIVE_INFINITY, this.facts, this.facts + capacity * 4);
    for (let row = 0; row < capacity; row++) this.floats[this.facts + row * 4 + 3] = 0;
    this.generation++;
    this.marks = arena.take(capacity);
    this.words.fill(0, this.marks, this.marks + capacity);
    this.rows = arena.take(capacity + 1);
    this.bridges = arena.take(capacity + 1);
  }

  /** Of a row that has room. */
  setFacts(row: number, bias: number, logCount: number, norm: number, perRoot: number): void {
    const { floats } = this;
    const at = this.facts + row * 4;
    floats[at] = bias;
    floats[at + 1] = logCount;
    floats[at + 2] = norm;
    floats[at + 3] = perRoot;
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

  /** Sums up cosines, but for the root of the row's own count: after `stepOne`, from starts of the same rows (own: -1). */
  addCosines(domain: number): void {
    const { arena } = this;
    const { kernels } = arena.memory;
    this.hasCosines = true;
    if (kernels !== null) kernels.addCosines(arena.header, this, this.startCount, domain);
    else {
      const { words, doubles } = this;
      this.eachList(domain, (rows, counts, size, each) => {
        for (let i = 0; i < size; i++) {
          const count = words[counts + i]!;
          if (count >= 1) doubles[this.cosines / 2 + words[rows + i]!]! += count * each;
        }
      });
    }
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

  /** Makes bridges of the rows reached, as far as they are. */
  stepOn(): void {
    const { words, doubles, bridges, bridgeCount, rows, start, masses, length } = this;
    for (let b = 0; b < bridgeCount; b++) doubles[start / 2 + words[bridges + b]!] = 0;
    for (let i = 0; i < length; i++) {
      const row = words[rows + i]!;
      const at = masses / 2 + row * 2;
      words[bridges + i] = row;
      doubles[start / 2 + row] = doubles[at]! + doubles[at + 1]!;
    }
    this.bridgeCount = length;
  }

  /** A further step, from starts that are bridges. Returns Σ p2, or Σ p3. */
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

  /**
   * Looks through the rows reached, from number `from` on, for those whose score may come up to a bar,
   * until it has found MOST_FOUND: they stand at `found`, and at `added` what of their bounds is the walk's. Returns the
   * number of the row with which to go on.
   */
  reaching(from: number, bound: ScoreBound): number {
    const { words, doubles, floats, masses, cosines, facts, rows, found, added, length } = this;
    const { kernels } = this.arena.memory;
    if (kernels !== null) return kernels.reaching(this, from, length, bound);
    const { popularity, bias, reach, saturation, lift, perOne } = bound;
    const { walk, perTwo, cosine, perCosine, discount, perDiscount, bar } = bound;
    let count = 0;
    let i = from;
    for (; i < length && count < MOST_FOUND; i++) {
      const row = words[rows + i]!;
      const mass = masses / 2 + row * 2;
      const fact = facts + row * 4;
      const one = doubles[mass]!;
      const both = one + doubles[mass + 1]!;
      let walked = lift * log1pAtMost(perOne * one) + walk * log1pAtMost(perTwo * both);
      if (cosine !== 0) {
        const sum = doubles[cosines / 2 + row]!;
        walked += cosine * convex(log1pAtMost(perCosine * sum * floats[fact + 3]!));
      }
      if (discount !== 0) {
        const least = Math.max(0, log1pAtMost(perDiscount * one) - LOG1P_SPREAD);
        walked = Math.max(0, walked - discount * least);
      }
      const dense =
        bias * floats[fact]! +
        popularity * floats[fact + 1]! +
        saturate(reach * floats[fact + 2]!, saturation);
      if (dense + walked < bar) continue;
      doubles[added / 2 + count] = walked;
      words[found + ++count] = row;
    }
    words[found] = count;
    return i;
  }

  /**
   * What one step into a domain brings to each of `rows` from each of the starts, as doubles at `parts`:
   * (rows, starts). What the last walk found stays.
   */
  partsOf(rows: readonly number[], domain: number): void {
    const { arena, startCount } = this;
    const size = rows.length * startCount;
    if (size > this.mostParts) {
      this.mostParts = size * 2;
      this.parts = arena.take(this.mostParts * 2);
    }
    const { words, doubles, marks, parts } = this;
    doubles.fill(0, parts / 2, parts / 2 + size);
    for (let k = 0; k < rows.length; k++) words[marks + rows[k]!] = k + 1;
    const { kernels } = arena.memory;
    if (kernels === null) this.addParts(domain);
    else kernels.parts(arena.header, this, startCount, domain);
    for (let k = 0; k < rows.length; k++) words[marks + rows[k]!] = 0;
  }

  private addParts(domain: number): void {
    const { words, doubles, marks, parts, startCount } = this;
    this.eachList(domain, (rows, counts, size, each, start) => {
      for (let i = 0; i < size; i++) {
        const mark = words[marks + words[rows + i]!]!;
        if (mark === 0) continue;
        const count = Math.max(0, words[counts + i]!);
        doubles[parts / 2 + (mark - 1) * startCount + start] = count * each;
      }
    });
  }

  private clear(): void {
    const { arena, words, doubles, length, bridgeCount, hasCosines } = this;
    const { kernels } = arena.memory;
    if (kernels !== null) {
      kernels.clear(this, length, bridgeCount);
      if (hasCosines) kernels.clearCosines(this, length);
    } else {
      for (let i = 0; i < length; i++) {
        const at = this.masses / 2 + words[this.rows + i]! * 2;
        doubles[at] = 0;
        doubles[at + 1] = 0;
        doubles[this.cosines / 2 + words[this.rows + i]!] = 0;
      }
      for (let i = 0; i < bridgeCount; i++) {
        doubles[this.start / 2 + words[this.bridges + i]!] = 0;
      }
    }
    this.length = 0;
    this.bridgeCount = 0;
    this.hasCosines = false;
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
    visit: (rows: number, counts: number, size: number, each: number, start: number) => void,
  ): void {
    const { arena, words, doubles } = this;
    for (let s = 0; s < this.startCount; s++) {
      const at = this.starts + s * 4;
      const list = arena.list(words[at]!, domain < 0 ? words[at + 1]! : domain);
      if (list === 0) continue;
      const each = doubles[at / 2 + 1]!;
      visit(arena.rowsOf(list), arena.countsOf(list), arena.sizeOf(list), each, s);
    }
  }
}

const bits = new Float64Array(1);
const bitWords = new Uint32Array(bits.buffer);
/** Which of the two words has the exponent. */
const HIGH = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? 1 : 0;

/** x² / (1 + x), x from 0 on: like x² where x is small, of slope 1 where it is large. */
export function convex(x: number): number {
  return (x * x) / (1 + x);
}

/** How far log1pAtMost is above at the most, and a little more. */
const LOG1P_SPREAD = 0.06;

/**
 * No less than log(1 + x), x from 0 on, and at most 0.07 more. For 1 + x = 2^e (1 + m), the logarithm to
 * base 2 is at most e + m + 0.0861; the word of the exponent is 2^20 (1023 + e + m), rounded down.
 */
function log1pAtMost(x: number): number {
  if (x === 0) return 0;
  bits[0] = 1 + x;
  return ((bitWords[HIGH]! - 0x3fefffff) / 2 ** 20 + 0.08608) * Math.LN2;
}
