import type { Model } from '../model.js';
import type { NeighbourList } from './neighbour-list.js';
import { kthLargest } from './select.js';

/** Items of one history, with their weights. */
export interface WalkHistory {
  /** Index of the domain. */
  readonly domain: number;
  readonly rows: ArrayLike<number>;
  /** In [0, 1]. */
  readonly weights: ArrayLike<number>;
}

export interface WalkOptions {
  /** A walk starts from so many of the newest items of each history. */
  readonly liftItems: number;
  /** A second step leads on from the neighbours of so many of those; 0: one step alone. */
  readonly walkItems: number;
  /** So many of these neighbours, those that the first step reaches most. */
  readonly walkBridges: number;
  /** It is taken where the first finds less than so much: Σ p1. */
  readonly walkBelow: number;
}

/** Rounds to a multiple of 2^-30 by addition, below 2^21: such numbers add up exactly, in any order. */
const ROUND = 1.5 * 2 ** 22;
/** As if so much had been seen beside the user's items and led nowhere. */
const PSEUDO_MASS = 5;

/**
 * Where one and two steps of a walk over the items seen together lead from a user's items i:
 *
 *     p1(j) = Σ_i w_i c(i→j) / n_i     over the `liftItems` newest i of each history
 *     a(k)  = Σ_i w_i c(i→k) / n_i     over the `walkItems` newest i of each history
 *     p2(j) = Σ_k a(k) c(k→j) / n_k    over the `walkBridges` largest a(k)
 *
 * with n the items' positive events, j of the target domain, and k of the target's or of i's own.
 * Each, against what would come of as many steps if they led anywhere alike, is
 *
 *     lift(j) = log(1 + M/100 · p1(j) / (5 + Σ p1))
 *     walk(j) = log(1 + M/10 · (p1(j) + p2(j)) / (5 + Σ p1 + Σ p2))
 *
 * for M items of the domain, p2 = 0 where Σ p1 is `walkBelow` or more (whoever has led a life in both
 * domains needs no second step, which costs many times the first): a ratio, so that it means the same in dense data and in thin (the issue of
 * measure: weights of raw counts that suit the one are ten times off in the other).
 *
 * Sums over k are exact, and of equal a(k) those go first whose key has the smaller hash, so nothing
 * depends on where the lists have their entries. The arrays are kept from run to run, and hold what the last `run` found until the next.
 */
export class Walk {
  /** Rows with p1 or p2 above 0: rows[0 .. length - 1], in no order that means anything. */
  rows = new Int32Array(0);
  length = 0;
  private readonly model: Model;
  private readonly options: WalkOptions;
  private one = new Float64Array(0);
  private two = new Float64Array(0);
  private start = new Float64Array(0);
  private bridges = new Int32Array(256);
  private bridgeCount = 0;
  private ranks = new Float64Array(256);
  private massOne = 0;
  private massTwo = 0;
  private perOne = 0;
  private perTwo = 0;

  constructor(model: Model, options: WalkOptions) {
    this.model = model;
    this.options = options;
  }

  run(histories: readonly WalkHistory[], target: number): void {
    this.begin();
    for (const history of histories) this.firstStep(history, target);
    if (this.massOne < this.options.walkBelow) this.secondStep(histories, target);
    const { length: items } = this.model.rowsOf(target);
    this.perOne = items / 100 / (PSEUDO_MASS + this.massOne);
    this.perTwo = items / 10 / (PSEUDO_MASS + this.massOne + this.massTwo);
  }

  lift(row: number): number {
    const mass = this.one[row] ?? 0;
    return mass === 0 ? 0 : Math.log1p(this.perOne * mass);
  }

  walk(row: number): number {
    return Math.log1p(this.perTwo * this.mass(row));
  }

  /** p1 + p2 */
  mass(row: number): number {
    return (this.one[row] ?? 0) + (this.two[row] ?? 0);
  }

  /** What the two add to a score with these weights. */
  added(row: number, weights: { readonly lift: number; readonly walk: number }): number {
    const lift = weights.lift === 0 ? 0 : weights.lift * this.lift(row);
    return weights.walk === 0 ? lift : lift + weights.walk * this.walk(row);
  }

  /** No less than `added`, without a logarithm; weights above 0. */
  addedAtMost(row: number, weights: { readonly lift: number; readonly walk: number }): number {
    const one = this.one[row] ?? 0;
    const all = one + (this.two[row] ?? 0);
    const lift = one === 0 ? 0 : weights.lift * log1pAtMost(this.perOne * one);
    return lift + weights.walk * log1pAtMost(this.perTwo * all);
  }

  /** Whether the walk led to a row. */
  reaches(row: number): boolean {
    return (this.one[row] ?? 0) !== 0 || (this.two[row] ?? 0) !== 0;
  }

  private begin(): void {
    const { size } = this.model.items;
    for (let i = 0; i < this.length; i++) {
      this.one[this.rows[i]!] = 0;
      this.two[this.rows[i]!] = 0;
    }
    for (let i = 0; i < this.bridgeCount; i++) this.start[this.bridges[i]!] = 0;
    this.length = 0;
    this.bridgeCount = 0;
    this.massOne = 0;
    this.massTwo = 0;
    if (this.one.length < size) {
      this.one = new Float64Array(size * 2);
      this.two = new Float64Array(size * 2);
      this.start = new Float64Array(size * 2);
      this.rows = new Int32Array(size * 2);
    }
  }

  private firstStep(history: WalkHistory, target: number): void {
    this.fromNewest(history, this.options.liftItems, (row, each) => {
      this.addOne(this.model.neighbours.list(row, target), each);
    });
  }

  /** Finds the bridges of a history. */
  private setOut(history: WalkHistory, target: number): void {
    const { neighbours } = this.model;
    this.fromNewest(history, this.options.walkItems, (row, each) => {
      this.addStart(neighbours.list(row, target), each);
      if (history.domain !== target) this.addStart(neighbours.list(row, history.domain), each);
    });
  }

  /** Visits the newest items of a history, oldest first, with what each of their counts weighs. */
  private fromNewest(
    { rows, weights }: WalkHistory,
    limit: number,
    visit: (row: number, each: number) => void,
  ): void {
    const { counts } = this.model.items;
    for (let i = Math.max(0, rows.length - limit); i < rows.length; i++) {
      const row = rows[i]!;
      if (weights[i]! > 0) visit(row, weights[i]! / Math.max(1, counts[row]!));
    }
  }

  private addOne(list: NeighbourList | undefined, each: number): void {
    if (list === undefined) return;
    const { entries, size } = list;
    const { one, rows } = this;
    let { length } = this;
    let sum = 0;
    const end = size * 2;
    for (let at = 0; at < end; at += 2) {
      const row = entries[at]!;
      const count = entries[at + 1]!;
      if (count < 1) continue;
      const before = one[row]!;
      if (before === 0) rows[length++] = row;
      one[row] = before + count * each;
      sum += count;
    }
    this.length = length;
    this.massOne += sum * each;
  }

  private addStart(list: NeighbourList | undefined, each: number): void {
    if (list === undefined) return;
    const { entries, size } = list;
    const { start } = this;
    for (let at = 0; at < size * 2; at += 2) {
      const row = entries[at]!;
      const count = entries[at + 1]!;
      if (count < 1) continue;
      if (start[row] === 0) this.addBridge(row);
      start[row]! += count * each;
    }
  }

  private addBridge(row: number): void {
    if (this.bridgeCount === this.bridges.length) {
      const next = new Int32Array(this.bridgeCount * 2);
      next.set(this.bridges);
      this.bridges = next;
    }
    this.bridges[this.bridgeCount++] = row;
  }

  private secondStep(histories: readonly WalkHistory[], target: number): void {
    for (const history of histories) this.setOut(history, target);
    const { one, two, rows, start, bridges } = this;
    const { neighbours, items } = this.model;
    const leading = this.widest();
    let { length } = this;
    let mass = 0;
    for (let b = 0; b < leading; b++) {
      const bridge = bridges[b]!;
      const list = neighbours.list(bridge, target);
      if (list === undefined) continue;
      const each = start[bridge]! / Math.max(1, items.counts[bridge]!);
      const { entries, size } = list;
      for (let at = 0; at < size * 2; at += 2) {
        const row = entries[at]!;
        const seen = entries[at + 1]!;
        if (seen < 1) continue;
        const part = seen * each + ROUND - ROUND;
        if (one[row] === 0 && two[row] === 0) rows[length++] = row;
        two[row]! += part;
        mass += part;
      }
    }
    this.length = length;
    this.massTwo = mass;
  }

  /** Puts the bridges with the largest a(k) first; returns how many of them lead on. */
  private widest(): number {
    const { start, bridges, bridgeCount } = this;
    const { walkBridges } = this.options;
    if (bridgeCount <= walkBridges) return bridgeCount;
    if (this.ranks.length < bridgeCount) this.ranks = new Float64Array(bridges.length);
    for (let b = 0; b < bridgeCount; b++) this.ranks[b] = start[bridges[b]!]!;
    const least = kthLargest(this.ranks, bridgeCount, walkBridges);
    const above = this.toFront(0, (row) => start[row]! > least);
    const tied = this.toFront(above, (row) => start[row] === least);
    if (tied > walkBridges) {
      const { model } = this;
      const { neighbours } = model;
      bridges
        .subarray(above, tied)
        .sort(
          (a, b) =>
            neighbours.hash(a) - neighbours.hash(b) || (model.key(a) < model.key(b) ? -1 : 1),
        );
    }
    return walkBridges;
  }

  /** Moves the bridges from `first` on that are wanted to the front; returns where they end. */
  private toFront(first: number, wanted: (row: number) => boolean): number {
    const { bridges, bridgeCount } = this;
    let end = first;
    for (let b = first; b < bridgeCount; b++) {
      const row = bridges[b]!;
      if (!wanted(row)) continue;
      bridges[b] = bridges[end]!;
      bridges[end++] = row;
    }
    return end;
  }
}

const bits = new Float64Array(1);
const words = new Uint32Array(bits.buffer);
/** Which of the two words has the exponent. */
const HIGH = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? 1 : 0;

/**
 * No less than log(1 + x), x from 0 on, and at most 0.07 more. For 1 + x = 2^e (1 + m), the logarithm to
 * base 2 is at most e + m + 0.0861; the word of the exponent is 2^20 (1023 + e + m), rounded down.
 */
function log1pAtMost(x: number): number {
  bits[0] = 1 + x;
  return ((words[HIGH]! - 0x3fefffff) / 2 ** 20 + 0.08608) * Math.LN2;
}
